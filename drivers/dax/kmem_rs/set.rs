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
        Census,
        OnlineType,
        Plugged,
        Refusal,
        Removal, //
    },
    prelude::*, //
};

/// A device whose memory is taken out for a change.
struct Unit<'a> {
    member: &'a DeviceMemory<'a>,
    /// How many blocks were online.
    online: u64,
    memory: KVec<Plugged>,
}

/// Brings the memory of all `members` to the state that is wanted, or leaves all of it as it is.
pub(crate) fn apply(exclusive: &Exclusive, members: &[&DeviceMemory<'_>], wanted: State) -> Result {
    let mut units = KVec::with_capacity(members.len(), GFP_KERNEL)?;

    for member in members {
        let census = member.census(exclusive);

        if needs_change(member, census, wanted)? {
            // There is room.
            let _ = units.push_within_capacity(Unit {
                member,
                online: census.online(),
                memory: KVec::new(),
            });
        }
    }
    for unit in units.iter_mut() {
        unit.memory = unit.member.take(exclusive);
    }

    let (result, asked) = match wanted {
        State::Unplugged => (unplug(&mut units), None),
        State::Plugged(online_type) => {
            (plug(exclusive, &mut units, online_type), Some(online_type))
        }
    };

    for unit in units {
        unit.member.put(exclusive, unit.memory, asked);

        let now = unit.member.census(exclusive).online();
        if result.is_err() && now < unit.online {
            dev_err!(
                unit.member.device(),
                "{} memory blocks did not come back online\n",
                unit.online - now
            );
        }
    }
    result
}

/// Returns whether anything must be done to reach the state that is wanted, and fails if that has
/// to begin with another state.
fn needs_change(member: &DeviceMemory<'_>, census: Census, wanted: State) -> Result<bool> {
    let state = member.state();

    if state != wanted {
        return match wanted {
            State::Unplugged if cfg!(CONFIG_MEMORY_HOTREMOVE) => Ok(true),
            State::Plugged(_) if state == State::Unplugged => Ok(true),
            _ => Err(EBUSY),
        };
    }
    match wanted {
        // Some blocks that are online stand for all.
        State::Plugged(online_type) if !census.reached(online_type) => {
            dev_err!(
                member.device(),
                "{} of {} memory blocks were taken offline, unplug the device first\n",
                census.offline,
                census.offline + census.online()
            );
            Err(EBUSY)
        }
        _ => Ok(false),
    }
}

/// Takes away the memory of all units, in one go.
fn unplug(units: &mut [Unit<'_>]) -> Result {
    remove(units).map_err(|refusal| {
        report(units, &refusal);
        refusal.error
    })
}

/// Removes all of the memory, or nothing.
fn remove(units: &mut [Unit<'_>]) -> Result<(), Refusal> {
    let mut removal = Removal::new();

    for unit in units.iter_mut() {
        removal.add(&mut unit.memory)?;
    }
    removal.run()
}

/// Says which memory could not be removed, and why.
fn report(units: &[Unit<'_>], refusal: &Refusal) {
    for unit in units {
        dev_err!(
            unit.member.device(),
            "hotremove failed, device left online: {}\n",
            refusal.error.to_errno()
        );
    }

    let Some(block) = refusal.block else {
        return;
    };
    for unit in units {
        if unit
            .memory
            .iter()
            .any(|p| p.range().range().contains(block.start()))
        {
            dev_err!(unit.member.device(), "{}\n", refusal);
        }
    }
}

/// Brings the memory of all units online, which have none.
///
/// mm/ has no way to add several ranges in one go. It is done one range after the other, and if one
/// fails, then all that came before goes away in one go.
fn plug(exclusive: &Exclusive, units: &mut [Unit<'_>], online_type: OnlineType) -> Result {
    for (i, unit) in units.iter_mut().enumerate() {
        let result;

        (unit.memory, result) = unit.member.plug_all(exclusive, online_type);
        if result.is_err() {
            // Not the unit that failed: the others must not stay because of what is stuck there.
            if let Some(before) = units.get_mut(..i) {
                // In the log; the memory stays with its device.
                let _ = unplug(before);
            }
            return result;
        }
    }
    Ok(())
}

impl Selector<'_> {
    fn matches(&self, memory: &DeviceMemory<'_>) -> bool {
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
