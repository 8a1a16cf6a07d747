// SPDX-License-Identifier: GPL-2.0

//! Counting the blocks of memory by their state.
//!
//! Nothing in here touches the system: host tools compile this file as well.

use super::OnlineType;

/// How many memory blocks there are in each state.
///
/// # Examples
///
/// ```
/// use kernel::memory_hotplug::{
///     Census,
///     OnlineType, //
/// };
///
/// let mut census = Census {
///     offline: 1,
///     kernel: 0,
///     movable: 7,
/// };
///
/// assert_eq!(census.online(), 7);
/// assert!(!census.reached(OnlineType::Movable));
///
/// // The last block comes online.
/// census.offline -= 1;
/// census.movable += 1;
/// assert!(census.reached(OnlineType::Movable));
/// assert!(!census.reached(OnlineType::Kernel));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Blocks that are not in use.
    pub offline: u64,
    /// Blocks that are online for all uses.
    pub kernel: u64,
    /// Blocks that are online for what can be moved elsewhere.
    pub movable: u64,
}

impl Census {
    /// Returns the number of blocks that are online.
    pub fn online(&self) -> u64 {
        self.kernel + self.movable
    }

    /// Returns whether every block is as `wanted`.
    pub fn reached(&self, wanted: OnlineType) -> bool {
        match wanted {
            OnlineType::Offline => self.online() == 0,
            OnlineType::Online => self.offline == 0,
            OnlineType::Kernel => self.offline == 0 && self.movable == 0,
            OnlineType::Movable => self.offline == 0 && self.kernel == 0,
        }
    }
}
