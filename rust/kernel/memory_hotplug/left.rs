// SPDX-License-Identifier: GPL-2.0

//! Memory that was online when its driver was unbound.

use super::{
    OnlineType,
    Plugged, //
};
use crate::{
    memory::{
        BlockAligned,
        Group, //
    },
    prelude::*,
    sync::{
        lazy_mutex,
        LazyMutex, //
    },
};

/// The memory of one device that could not be removed when its driver had to let go of it.
///
/// It waits in a list of the kernel, where also a driver finds it that was unloaded and loaded
/// again.
///
/// # Examples
///
/// ```
/// use kernel::{
///     memory::{
///         Group,
///         Node, //
///     },
///     memory_hotplug::{
///         LeftOnline,
///         ManagedName,
///         OnlineType, //
///     },
///     memory_tiers::{
///         NodeMemoryType,
///         ADISTANCE_DRAM, //
///     },
///     prelude::*,
///     range::Range, //
/// };
///
/// let node = Node::new(0).ok_or(EINVAL)?;
/// let kind = NodeMemoryType::assign(node, ADISTANCE_DRAM)?;
/// let group = Group::new_static(kind, c"example", ManagedName::new(c"example")?, 1)?;
/// let device = Range::from_start_len(0x1_0000_0000, 0x4000_0000).ok_or(EINVAL)?;
///
/// // The device finds what an earlier driver of it left: nothing, in this case.
/// let left = LeftOnline::take_over(&group, &|range| device.contains_range(&range.range()));
/// assert!(left.is_none());
///
/// // Without memory, there is nothing to leave either.
/// let left = LeftOnline {
///     memory: KVec::new(),
///     online_type: OnlineType::Movable,
/// };
/// assert!(!left.leave());
/// # Ok::<(), Error>(())
/// ```
pub struct LeftOnline {
    /// What is left of its memory.
    pub memory: KVec<Plugged>,
    /// What the memory was brought online as.
    pub online_type: OnlineType,
}

static LEFT: LazyMutex<KVec<LeftOnline>> = lazy_mutex!(KVec::new());

impl LeftOnline {
    /// Keeps the memory for [`Self::take_over`], and returns whether it did.
    ///
    /// It does not if the value has no memory, or if the list cannot grow; what the value has is
    /// leaked then, and stays in the system until reboot.
    pub fn leave(self) -> bool {
        !self.memory.is_empty() && LEFT.lock().push(self, GFP_KERNEL).is_ok()
    }

    /// Returns the memory that was left by the device of `group`, which has its name, if it is on
    /// the same node and if the device still has all of its ranges. It stays in its own groups.
    /// The first memory ever that is left may be missed while somebody is leaving it.
    ///
    /// May sleep. `has` is asked under the lock of the list, and must not look there itself.
    pub fn take_over(group: &Group, has: &dyn Fn(&BlockAligned<'_>) -> bool) -> Option<Self> {
        // Most systems never have any.
        let mut left = LEFT.lock_if_used()?;
        let index = left.iter().position(|unit| {
            unit.memory.iter().all(|plugged| {
                let other = plugged.group();

                other.name().to_bytes() == group.name().to_bytes()
                    && other.node() == group.node()
                    && has(&plugged.range())
            })
        })?;

        left.remove(index).ok()
    }
}
