// SPDX-License-Identifier: GPL-2.0

//! Changing the memory of several devices as a unit.

use crate::{
    command::{
        Command,
        Selector, //
    },
    memory::{
        DeviceMemory,
        Exclusive, //
    },
    state::State, //
};
use kernel::{
    memory_hotplug::{
        OnlineType,
        Plugged,
        Refusal,
        Removal, //
    },
    prelude::*, //
};

/// The memory of a device, taken out for a change.
type Taken<'a> = (&'a DeviceMemory, KVec<Plugged>);

/// Brings the memory of all `members` to the state that is wanted, or leaves all of it as it is.
pub(crate) fn apply(exclusive: &Exclusive, members: &[&DeviceMemory], wanted: State) -> Result {
    match wanted {
        State::Unplugged => unplug(exclusive, members),
        State::Plugged(online_type) => plug(exclusive, members, online_type),
    }
}

/// Takes away the memory of all members, in one go.
fn unplug(exclusive: &Exclusive, members: &[&DeviceMemory]) -> Result {
    let mut taken = KVec::with_capacity(members.len(), GFP_KERNEL)?;

    for member in members {
        let before = member.census(exclusive).online();

        if member.state() == State::Unplugged {
            continue;
        }
        if !cfg!(CONFIG_MEMORY_HOTREMOVE) {
            return Err(EBUSY);
        }
        taken.push((*member, before), GFP_KERNEL)?;
    }

    let mut memory: KVec<Taken<'_>> = KVec::with_capacity(taken.len(), GFP_KERNEL)?;
    for (member, _) in taken.iter() {
        // There is room.
        let _ = memory.push_within_capacity((*member, member.take(exclusive)));
    }

    let result = remove(&mut memory);
    if let Err(refusal) = &result {
        report(&memory, refusal);
    }
    for (member, memory) in memory {
        member.put(exclusive, memory, None);
    }

    if result.is_err() {
        for (member, before) in taken.iter() {
            let now = member.census(exclusive).online();
            if now < *before {
                dev_err!(
                    member.device(),
                    "{} memory blocks did not come back online\n",
                    before - now
                );
            }
        }
    }
    result.map_err(Error::from)
}

/// Removes all of the memory, or nothing.
fn remove(memory: &mut [Taken<'_>]) -> Result<(), Refusal> {
    let mut removal = Removal::new();

    for (_, memory) in memory.iter_mut() {
        removal.add(memory)?;
    }
    removal.run()
}

/// Says which memory could not be removed, and why.
fn report(memory: &[Taken<'_>], refusal: &Refusal) {
    for (member, _) in memory {
        dev_err!(
            member.device(),
            "hotremove failed, device left online: {}\n",
            refusal.error.to_errno()
        );
    }

    let Some(block) = refusal.block else {
        return;
    };
    for (member, memory) in memory {
        if memory
            .iter()
            .any(|p| p.range().range().contains(block.start()))
        {
            dev_err!(member.device(), "{}\n", refusal);
        }
    }
}

/// Brings the memory of all members online that have none; the others must have it as wanted.
///
/// mm/ has no way to add several ranges in one go. It is done one range after the other, and if one
/// fails, then all that came before goes away in one go.
fn plug(exclusive: &Exclusive, members: &[&DeviceMemory], online_type: OnlineType) -> Result {
    let wanted = State::Plugged(online_type);
    let mut todo = KVec::with_capacity(members.len(), GFP_KERNEL)?;

    for member in members {
        let state = member.state();
        let census = member.census(exclusive);

        if state == State::Unplugged {
            todo.push(*member, GFP_KERNEL)?;
        } else if state != wanted {
            return Err(EBUSY);
        } else if !census.reached(online_type) {
            dev_err!(
                member.device(),
                "{} of {} memory blocks were taken offline, unplug the device first\n",
                census.offline,
                census.offline + census.online()
            );
            return Err(EBUSY);
        }
    }

    let mut memory: KVec<Taken<'_>> = KVec::with_capacity(todo.len(), GFP_KERNEL)?;
    let mut result = Ok(());
    for member in todo {
        let nothing = member.take(exclusive);
        drop(nothing);

        match member.plug_all(exclusive, online_type) {
            Ok(added) => {
                // There is room.
                let _ = memory.push_within_capacity((member, added));
            }
            Err((error, stuck)) => {
                member.put(exclusive, stuck, Some(online_type));
                result = Err(error);
                break;
            }
        }
    }

    if result.is_err() {
        if let Err(refusal) = remove(&mut memory) {
            report(&memory, &refusal);
        }
    }
    for (member, memory) in memory {
        member.put(exclusive, memory, Some(online_type));
    }
    result
}

impl Selector<'_> {
    fn matches(&self, memory: &DeviceMemory) -> bool {
        let name = memory.name().to_bytes();

        match *self {
            Self::All => true,
            Self::Node(node) => u32::try_from(memory.node().id()) == Ok(node),
            Self::Region(region) => name
                .strip_prefix(b"dax")
                .and_then(|rest| rest.strip_prefix(region))
                .is_some_and(|rest| rest.starts_with(b".")),
            Self::Device(device) => name == device,
        }
    }
}

impl Command<'_> {
    /// Carries the command out. Fails with [`ENODEV`] if a selector stands for no device.
    pub(crate) fn run(&self) -> Result {
        let exclusive = Exclusive::new();
        let mut members = KVec::new();

        for selector in self.selectors.iter() {
            if !exclusive.bound().any(|memory| selector.matches(memory)) {
                return Err(ENODEV);
            }
        }
        for memory in exclusive.bound() {
            if self.selectors.iter().any(|s| s.matches(memory)) {
                members.push(memory, GFP_KERNEL)?;
            }
        }
        apply(&exclusive, &members, self.wanted)
    }
}
