// SPDX-License-Identifier: GPL-2.0

//! Memory that a driver added.

use super::{
    Census,
    OnlineType,
    Reservation, //
};
use crate::{
    bindings,
    error::to_result,
    memory::{
        BlockAligned,
        Group, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};
use core::mem::ManuallyDrop;

/// The zone of memory that is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// For all uses.
    Kernel,
    /// For what can be moved elsewhere.
    Movable,
}

/// The state of a memory block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// Present, but not in use.
    Offline,
    /// In use.
    Online(Zone),
}

/// A range of memory that was added to the system, and which this value may remove.
///
/// Dropping it leaves the memory in the system and leaks what belongs to it; see the
/// [module documentation](super).
///
/// # Invariants
///
/// The memory of the reserved range is present: its blocks and its memory map exist until this
/// value has them removed. What the kernel refers to for their sake is in here.
///
/// # Examples
///
/// ```
/// use kernel::{
///     memory_hotplug::{
///         OnlineType,
///         Plugged,
///         Reservation, //
///     },
///     prelude::*, //
/// };
///
/// fn plug(reservations: KVec<Reservation<'_>>) -> KVec<Plugged> {
///     // One that fails is no reason to do without the others.
///     let (memory, _) = Plugged::add(reservations, false, OnlineType::Movable, |range, _, error| {
///         pr_warn!("{range} was not added: {error:?}\n");
///         Ok(())
///     });
///
///     if let Some(block) = Plugged::first_offline(&memory) {
///         pr_warn!("{block} did not come online\n");
///     }
///     memory
/// }
///
/// // Nothing is reserved, so nothing is added.
/// assert!(plug(KVec::new()).is_empty());
/// ```
#[repr(transparent)]
pub struct Plugged(ManuallyDrop<Reservation<'static>>);

impl Plugged {
    /// Adds the memory of reserved ranges to the nodes of their groups, as driver-managed memory,
    /// and brings it online if `online_type` demands it.
    ///
    /// Bringing memory online may fail for any of its blocks, which is no error: ask for the states
    /// of the [blocks](Self::blocks).
    ///
    /// With `memmap_on_memory` the memory map of each block is placed on the block itself, if the
    /// kernel was configured and started for it.
    ///
    /// A range fails with [`EEXIST`] if another resource is in the way, with [`ENOMEM`], with
    /// [`E2BIG`] if it cannot be addressed, or with an error of the architecture. Its reservation
    /// is given up, and `failed` is told which range it was, how many were added before, and why.
    /// If that returns an error, then it is the end: the ranges behind are given up as well.
    ///
    /// Returns the memory that was added, also together with an error. Allocates nothing: the
    /// memory takes the place of the reservations.
    ///
    /// Inline, as the C function is exported to some modules only, by name: the reference must come
    /// from the module.
    #[inline]
    pub fn add<'a>(
        reservations: KVec<Reservation<'a>>,
        memmap_on_memory: bool,
        online_type: OnlineType,
        mut failed: impl FnMut(BlockAligned<'a>, usize, Error) -> Result,
    ) -> (KVec<Self>, Result) {
        let mut flags = bindings::MHP_NID_IS_MGID;
        if memmap_on_memory {
            flags |= bindings::MHP_MEMMAP_ON_MEMORY;
        }

        // The memory of the first `count` is present, and they must not be dropped.
        let mut reservations = ManuallyDrop::new(reservations);
        let mut count = 0;
        let mut result = Ok(());

        while let Some(reservation) = reservations.get(count) {
            let (range, group) = (reservation.range(), reservation.group());

            // SAFETY: The name has the form that is asked for. The group keeps it, and is kept by
            // the reservation, which is not dropped as long as the memory is present.
            let added = to_result(unsafe {
                bindings::__add_memory_driver_managed(
                    group.id(),
                    range.start(),
                    range.len(),
                    group.managed_name().as_cstr().as_char_ptr(),
                    flags,
                    online_type.into_raw(),
                )
            });
            match added {
                Ok(()) => count += 1,
                Err(error) => {
                    let _ = reservations.remove(count);
                    result = failed(range, count, error);
                    if result.is_err() {
                        reservations.truncate(count);
                        break;
                    }
                }
            }
        }

        let (first, count, capacity) = ManuallyDrop::into_inner(reservations).into_raw_parts();
        // INVARIANT: The memory of the reservations that are left was just added, and nobody else
        // owns it.
        //
        // SAFETY: These are the parts of a vector, and `Plugged` is laid out as `Reservation`, as
        // types that differ in a lifetime are. That `'a` may end does no harm: by the invariants of
        // `Memory` there is memory in the range of a `BlockAligned` for as long as the system uses
        // it, which it does until the `Plugged` is consumed, which lends the range no longer.
        let memory = unsafe { KVec::from_raw_parts(first.cast::<Self>(), count, capacity) };

        (memory, result)
    }

    /// Returns the addresses of the memory.
    pub fn range(&self) -> BlockAligned<'_> {
        self.0.range()
    }

    /// Returns the group that the memory belongs to.
    pub fn group(&self) -> &Group {
        self.0.group()
    }

    /// Returns the blocks of the memory in ascending order, each with its present state, which may
    /// change at any time.
    pub fn blocks(&self) -> impl Iterator<Item = (BlockAligned<'_>, BlockState)> + '_ {
        self.range().blocks().map(|block| {
            // SAFETY: By the type invariant the memory map of the block exists, for as long as
            // `self` is borrowed.
            (block, unsafe { block_state(&block) })
        })
    }

    /// Returns the first block of some memory that is offline.
    pub fn first_offline(memory: &[Self]) -> Option<BlockAligned<'_>> {
        memory
            .iter()
            .flat_map(|plugged| plugged.blocks())
            .find(|(_, state)| *state == BlockState::Offline)
            .map(|(block, _)| block)
    }

    /// Removes the memory if all of its blocks are offline, and gives up the reservation.
    ///
    /// Gives the memory back if it cannot be removed. Does not take anything offline, hence it is
    /// quick. May sleep.
    pub fn remove_offline(self) -> Result<(), Self> {
        let range = self.range().range();

        // SAFETY: The range is aligned as the function demands, and its memory is ours.
        let result = unsafe { bindings::remove_memory(range.start(), range.len()) };
        if result != 0 {
            return Err(self);
        }

        // Its entry is gone from the tree, with the name: it is busy and of this very size, hence
        // nobody could change it.
        drop(ManuallyDrop::into_inner(self.0));
        Ok(())
    }

    /// Gives up what was kept for the sake of the memory, if that was removed.
    pub(super) fn release(self) {
        let range = self.range();

        // C does not tell if the removal of several ranges fails in the middle, which must not
        // happen. If it ever does, then the tree still refers to the name.
        //
        // SAFETY: Has no requirements.
        let intersection = unsafe {
            bindings::region_intersects(
                range.start(),
                range.len() as usize,
                (bindings::IORESOURCE_SYSTEM_RAM | bindings::IORESOURCE_BUSY) as c_ulong,
                bindings::IORES_DESC_NONE as c_ulong,
            )
        };
        if intersection as u32 != bindings::REGION_DISJOINT {
            pr_warn!("memory {} was not removed, leaking it\n", range);
            return;
        }

        drop(ManuallyDrop::into_inner(self.0));
    }
}

impl Census {
    /// Counts the blocks of some memory.
    pub fn of(memory: &[Plugged]) -> Self {
        let mut census = Self::default();

        for (_, state) in memory.iter().flat_map(|plugged| plugged.blocks()) {
            match state {
                BlockState::Offline => census.offline += 1,
                BlockState::Online(Zone::Kernel) => census.kernel += 1,
                BlockState::Online(Zone::Movable) => census.movable += 1,
            }
        }
        census
    }
}

/// Returns the state of a block.
///
/// # Safety
///
/// The memory map of the block must exist during the call.
unsafe fn block_state(block: &BlockAligned<'_>) -> BlockState {
    // The first pages of a block may hold its memory map, and are never online; the last is like
    // all others.
    //
    // SAFETY: Any page frame number may be asked for.
    let page =
        unsafe { bindings::pfn_to_online_page((block.range().end() >> PAGE_SHIFT) as c_ulong) };
    if page.is_null() {
        return BlockState::Offline;
    }

    // SAFETY: `page` is part of the memory map, which exists by the safety requirements.
    BlockState::Online(if unsafe { bindings::page_in_zone_movable(page) } {
        Zone::Movable
    } else {
        Zone::Kernel
    })
}
