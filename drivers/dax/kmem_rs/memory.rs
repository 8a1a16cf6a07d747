// SPDX-License-Identifier: GPL-2.0

//! The memory of one device.

mod claim;
mod plug;

use self::{
    claim::Claims,
    plug::Fatal, //
};
use crate::{
    driver::Kmem,
    state::State, //
};
use kernel::{
    dax,
    device::{
        Bound,
        Device, //
    },
    memory::{
        BlockAligned,
        Group,
        Node, //
    },
    memory_hotplug::{
        Census,
        LeftOnline,
        ManagedName,
        OnlineType,
        Plugged, //
    },
    memory_tiers::{
        NodeMemoryType,
        ADISTANCE_DRAM, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc,
        Mutex, //
    },
    types::CovariantForLt, //
};

/// The abstract distance of memory of which the platform firmware tells nothing.
const ADISTANCE: i32 = ADISTANCE_DRAM * 5;

/// The devices that the driver is bound to.
///
/// The list is locked by whoever changes the memory of any device, which makes its lock the outer
/// one of that of memory hotplug, under which the system does one such thing at a time anyway.
pub(crate) static BOUND: dax::BoundDevices<Kmem> = dax::BoundDevices::new();

/// The proof that nobody else changes the memory of any device.
pub(crate) struct Exclusive(dax::LockedDevices<Kmem>);

impl Exclusive {
    /// Waits for those who change memory now.
    pub(crate) fn new() -> Self {
        Self(BOUND.lock())
    }

    /// Returns the memory of all devices, in the order in which binding them began.
    pub(crate) fn bound<'a>(&'a self) -> impl Iterator<Item = &'a DeviceMemory<'a>> {
        self.0
            .data::<CovariantForLt!(DeviceMemory<'_>)>()
            .map(|memory| memory.get_ref())
    }
}

/// The memory of one device that the driver is bound to.
#[pin_data]
pub(crate) struct DeviceMemory<'a> {
    dev: &'a Device<Bound>,
    /// Memory that is added becomes part of it. Its name, as which the memory is reserved, is that
    /// of the device.
    group: Arc<Group>,
    memmap_on_memory: bool,
    /// The ranges as they were when the driver was bound. User space may add ranges later.
    claims: Claims<'a>,
    #[pin]
    inner: Mutex<Inner>,
}

/// What changes. The lock is held for moments only, so that reading the state never waits for
/// memory.
struct Inner {
    memory: KVec<Plugged>,
    /// What the memory was brought online as.
    asked: OnlineType,
    /// The state before the change that is going on, with the memory elsewhere.
    changing: Option<State>,
}

impl Inner {
    fn census(&self) -> Census {
        Census::of(&self.memory)
    }
}

impl<'a> DeviceMemory<'a> {
    /// Adds the memory of a device, or takes over what is left of it from an earlier time.
    ///
    /// Does what it can: of several ranges some may be missing. That is what users of such systems
    /// have relied on.
    #[inline]
    pub(crate) fn bind(ddev: &'a dax::Device<Bound>) -> Result<impl PinInit<Self, Error> + 'a> {
        let dev: &Device<Bound> = ddev.as_ref();
        // What the administrator says of this memory goes before what the system does with any.
        let wanted = match ddev.wanted() {
            dax::Wanted::Default => State::Plugged(OnlineType::system_default()),
            dax::Wanted::Unplugged => State::Unplugged,
            dax::Wanted::Online(online_type) => State::Plugged(online_type),
        };

        // Slow memory must not be mixed into a node with faster memory.
        let Some(node) = Node::new(ddev.target_node()) else {
            dev_warn!(
                dev,
                "rejecting DAX region with invalid node: {}\n",
                ddev.target_node()
            );
            return Err(EINVAL);
        };

        let (claims, pages, memmap_on_memory) = {
            let configuration = ddev.configuration();
            let (claims, pages) = Claims::of(ddev, &configuration)?;

            (claims, pages, configuration.memmap_on_memory())
        };

        // The type must be known before the first memory of the node comes online.
        let kind = NodeMemoryType::assign(node, ADISTANCE)?;

        let exclusive = Exclusive::new();
        // All devices share the name.
        let managed = match exclusive.bound().next() {
            Some(other) => other.group.managed_name().clone(),
            None => ManagedName::new(c"kmem")?,
        };
        let group = Group::new_static(kind, dev.name(), managed, pages)?;

        Ok(try_pin_init!(Self {
            dev,
            group,
            memmap_on_memory,
            claims,
            inner <- new_mutex!(Inner {
                memory: KVec::new(),
                asked: OnlineType::Offline,
                changing: None,
            }),
        })
        .pin_chain(move |this| this.add_or_take_over(&exclusive, wanted)))
    }

    /// Brings the memory in when the driver is bound, unless it is wanted [`State::Unplugged`].
    #[inline]
    fn add_or_take_over(&self, _: &Exclusive, wanted: State) -> Result {
        let is_claimed = |range: &BlockAligned<'_>| self.claims.find(range).is_some();
        let mut memory;
        let asked;
        match (LeftOnline::take_over(&self.group, &is_claimed), wanted) {
            (None, State::Unplugged) => {
                asked = OnlineType::Offline;
                memory = KVec::new();
            }
            (None, State::Plugged(online_type)) => {
                asked = online_type;

                let (added, result) = self.plug(&[], asked, Fatal::IfFirst);
                // Bound nevertheless, if there is memory to be taken away again.
                if added.is_empty() {
                    result?;
                }
                memory = added;
            }
            (Some(left), _) => {
                asked = left.online_type;
                memory = left.memory;
                dev_info!(
                    self.dev,
                    "took over memory that was left online: {} of {} ranges\n",
                    memory.len(),
                    self.claims.count()
                );

                // Without room for more, what is there is not given up.
                if wanted != State::Unplugged
                    && memory.reserve(self.claims.count(), GFP_KERNEL).is_ok()
                {
                    let (added, _) = self.plug(&memory, asked, Fatal::Never);
                    for plugged in added {
                        let _ = memory.push_within_capacity(plugged);
                    }
                }
            }
        }

        for claim in self.claims.iter() {
            // If nobody has looked for the ranges: who adds memory later gets all, or nothing.
            let had = wanted == State::Unplugged || claim.is_part_of(&memory);

            claim.had.store(had, Relaxed);
        }

        let mut inner = self.inner.lock();
        inner.memory = memory;
        inner.asked = asked;
        Ok(())
    }

    /// Removes the memory when the driver is unbound, as far as it is offline, and leaves the rest.
    ///
    /// Nothing is taken offline here: that could take for ever, and unbinding cannot be stopped.
    pub(crate) fn unbind(&self) {
        let _exclusive = Exclusive::new();
        let (mut memory, online_type) = {
            let mut inner = self.inner.lock();
            (core::mem::take(&mut inner.memory), inner.asked)
        };

        if cfg!(CONFIG_MEMORY_HOTREMOVE) {
            // What is stuck goes to the end of the same vector, so that nothing must be allocated.
            for _ in 0..memory.len() {
                let Ok(plugged) = memory.remove(0) else {
                    break;
                };
                if let Err(plugged) = plugged.remove_offline() {
                    dev_warn!(
                        self.dev,
                        "mapping{}: {} stuck online until reboot\n",
                        self.claims.find(&plugged.range()).map_or(0, |c| c.mapping),
                        plugged.range()
                    );
                    let _ = memory.push_within_capacity(plugged);
                }
            }
        }
        if memory.is_empty() {
            return;
        }

        if cfg!(CONFIG_MEMORY_HOTREMOVE) {
            dev_err!(self.dev, "Hotplug regions stuck online until reboot\n");
        }
        let left = LeftOnline {
            memory,
            online_type,
        };
        if left.leave() {
            dev_info!(
                self.dev,
                "binding the device to kmem again takes the memory over\n"
            );
        }
    }

    /// Returns the state, as it is now.
    pub(crate) fn state(&self) -> State {
        let inner = self.inner.lock();

        match inner.changing {
            Some(state) => state,
            None => State::observed(inner.census(), inner.asked),
        }
    }

    /// Returns how many blocks are in which state.
    pub(crate) fn census(&self, _: &Exclusive) -> Census {
        self.inner.lock().census()
    }

    /// Takes the memory out for a change; until it is [put back](Self::put), the state is shown as
    /// it is now.
    pub(crate) fn take(&self, _: &Exclusive) -> KVec<Plugged> {
        let mut inner = self.inner.lock();

        inner.changing = Some(State::observed(inner.census(), inner.asked));
        core::mem::take(&mut inner.memory)
    }

    /// Puts the memory back after a change, with what it was brought online as, if that is new.
    pub(crate) fn put(&self, _: &Exclusive, memory: KVec<Plugged>, asked: Option<OnlineType>) {
        let mut inner = self.inner.lock();

        inner.memory = memory;
        if let Some(asked) = asked {
            inner.asked = asked;
        }
        inner.changing = None;
    }

    /// Returns the device, for messages.
    pub(crate) fn device(&self) -> &Device {
        self.dev
    }

    /// Returns the name of the device.
    pub(crate) fn name(&self) -> &CStr {
        self.group.name()
    }

    /// Returns the node that the memory belongs to.
    pub(crate) fn node(&self) -> Node {
        self.group.node()
    }
}
