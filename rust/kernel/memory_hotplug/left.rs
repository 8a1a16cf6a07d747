// SPDX-License-Identifier: GPL-2.0

//! Memory that was online when its driver was unbound.

use super::{
    OnlineType,
    Plugged, //
};
use crate::{
    memory::{
        BlockAligned,
        Group,
        Node, //
    },
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::{
        lazy_mutex,
        Arc,
        LazyMutex, //
    },
};

/// The memory of one device that could not be removed when its driver had to let go of it.
///
/// It waits in a list of the kernel, where also a driver finds it that was unloaded and loaded
/// again.
pub struct LeftOnline {
    /// The name of the device.
    pub name: Arc<CString>,
    /// What is left of its memory.
    pub memory: KVec<Plugged>,
    /// The group that the memory belongs to.
    pub group: Arc<Group>,
    /// What the memory was brought online as.
    pub online_type: OnlineType,
}

static LEFT: LazyMutex<KVec<LeftOnline>> = lazy_mutex!(KVec::new());

impl LeftOnline {
    /// Keeps the memory for [`Self::take_over`].
    ///
    /// Returns whether that worked. If there is no memory for the list, then nobody can take over.
    pub fn leave(self) -> bool {
        LEFT.lock().push(self, GFP_KERNEL).is_ok()
    }

    /// Returns the memory that was left by the device of the given name, if it is on the same node
    /// and if the device still has all of its ranges.
    ///
    /// May sleep. `has` is asked under the lock of the list, and must not look there itself.
    pub fn take_over(name: &CStr, node: Node, has: &dyn Fn(&BlockAligned) -> bool) -> Option<Self> {
        let mut left = LEFT.lock();
        let index = left.iter().position(|unit| {
            unit.name.to_bytes() == name.to_bytes()
                && unit.group.node() == node
                && unit.memory.iter().all(|plugged| has(&plugged.range()))
        })?;

        left.remove(index).ok()
    }
}
