// SPDX-License-Identifier: GPL-2.0

//! Memory blocks, and groups of them.
//!
//! Memory that can come and go is managed in blocks of one size, which is known at run time only:
//! the directories `memoryN` below `/sys/devices/system/memory`. A [`Group`] tells the kernel which
//! blocks belong to one unit, for instance to one memory module.
//!
//! C header: [`include/linux/memory.h`](srctree/include/linux/memory.h)

use crate::{
    bindings,
    fmt,
    iomem::Memory,
    memory_hotplug::ManagedName,
    memory_tiers::NodeMemoryType,
    prelude::*,
    range::Range,
    str::{
        CStr,
        CStrExt as _, //
    },
    sync::Arc, //
};
use core::marker::PhantomData;

/// The number of a NUMA node.
///
/// # Invariants
///
/// Not negative, and below the largest number of nodes that the kernel was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node(c_int);

impl Node {
    /// Checks the number of a node; [`None`] if no node can have it.
    pub const fn new(node: i32) -> Option<Self> {
        // CAST: `MAX_NUMNODES` is at most 1024.
        if node >= 0 && node < bindings::MAX_NUMNODES as i32 {
            // INVARIANT: Just checked.
            Some(Self(node))
        } else {
            None
        }
    }

    /// Returns the number.
    pub const fn id(&self) -> i32 {
        self.0
    }
}

/// Returns the size of a memory block in bytes, a power of two.
pub fn block_size() -> u64 {
    // SAFETY: Has no requirements.
    unsafe { bindings::memory_block_size_bytes() as u64 }
}

/// A range of physical addresses that is made of whole memory blocks.
///
/// Only such ranges can be added to the system as memory and removed again; mm/ stops the kernel if
/// it is asked to remove another one. This type can be had by alignment only, of [`Memory`].
///
/// # Invariants
///
/// The start of the range and the address behind its end are multiples of the block size, and
/// the range is part of some [`Memory`] of the same lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAligned<'a>(Range, PhantomData<Memory<'a>>);

impl<'a> BlockAligned<'a> {
    /// Returns the whole blocks inside of `memory`; [`None`] if there is not one.
    #[inline]
    pub fn inside(memory: &Memory<'a>) -> Option<Self> {
        let aligned = memory.range().trim_to(block_size())?;

        // The length of the range of all addresses is no multiple of anything. There is no memory
        // at the top of the address space.
        if aligned.end() == u64::MAX {
            return None;
        }

        // INVARIANT: Both ends were aligned, inside of the memory.
        Some(Self(aligned, PhantomData))
    }

    /// Returns the addresses, with both ends included.
    pub const fn range(&self) -> Range {
        self.0
    }

    /// Returns the address of the first byte.
    pub const fn start(&self) -> u64 {
        self.0.start()
    }

    /// Returns the number of bytes, which is not zero.
    #[expect(clippy::len_without_is_empty)]
    pub const fn len(&self) -> u64 {
        self.0.len()
    }

    /// Returns the blocks, in ascending order.
    pub fn blocks(&self) -> impl Iterator<Item = Self> + 'a {
        let size = block_size();
        let first = self.start();
        let count = self.len().checked_div(size).unwrap_or(0);

        (0..count).filter_map(move |i| {
            // INVARIANT: Whole multiples of the block size away from an aligned address, and inside
            // of the memory.
            Range::from_start_len(first + i * size, size).map(|range| Self(range, PhantomData))
        })
    }
}

impl fmt::Display for BlockAligned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A group of memory blocks of one node that are added and removed together.
///
/// The kernel uses it to choose the zones of the blocks. It is kept for ever if memory that belongs
/// to it is never removed, and with it the memory type of the node, which memory that is online
/// relies on.
///
/// # Invariants
///
/// - `id` is that of a registered group, which this value owns.
/// - There is a zero in `name`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     memory::{
///         block_size,
///         Group,
///         Node, //
///     },
///     memory_hotplug::ManagedName,
///     memory_tiers::{
///         NodeMemoryType,
///         ADISTANCE_DRAM, //
///     },
///     page::PAGE_SIZE,
///     prelude::*, //
/// };
///
/// let node = Node::new(0).ok_or(EINVAL)?;
/// let kind = NodeMemoryType::assign(node, ADISTANCE_DRAM)?;
///
/// // For a device as large as one memory block.
/// let max_pages = usize::try_from(block_size())? / PAGE_SIZE;
/// let group = Group::new_static(kind, c"dax0.0", ManagedName::new(c"kmem")?, max_pages)?;
///
/// assert_eq!(group.node(), node);
/// assert_eq!(group.name().to_bytes(), b"dax0.0");
/// # Ok::<(), Error>(())
/// ```
pub struct Group {
    id: c_int,
    kind: NodeMemoryType,
    /// In place, as names are short and each device has one of its own.
    name: [u8; 32],
    managed_name: ManagedName,
}

impl Group {
    /// Registers a group that will have no more than `max_pages` pages, on the node of `kind`.
    /// `name` is what its memory is [reserved](crate::memory_hotplug::Reservation) as, and
    /// `managed_name` what it is [added](crate::memory_hotplug::Plugged::add) as.
    ///
    /// Fails with [`EINVAL`] if the node cannot exist on this machine or if `max_pages` is zero,
    /// with [`ENAMETOOLONG`] if the name has more than 31 bytes, and with [`ENOMEM`]. May sleep.
    pub fn new_static(
        kind: NodeMemoryType,
        name: &CStr,
        managed_name: ManagedName,
        max_pages: usize,
    ) -> Result<Arc<Self>> {
        let text = name.to_bytes_with_nul();
        let mut name = [0; 32];

        name.get_mut(..text.len())
            .ok_or(ENAMETOOLONG)?
            .copy_from_slice(text);

        // SAFETY: Has no requirements.
        let id = unsafe { bindings::memory_group_register_static(kind.node().id(), max_pages) };
        if id < 0 {
            return Err(Error::from_errno(id));
        }

        // INVARIANT: The group was just registered. There is a zero at the end of `text`.
        let group = Self {
            id,
            kind,
            name,
            managed_name,
        };

        Ok(Arc::new(group, GFP_KERNEL)?)
    }

    /// Returns the node that the memory of the group belongs to.
    pub fn node(&self) -> Node {
        self.kind.node()
    }

    /// Returns the name.
    pub fn name(&self) -> &CStr {
        // SAFETY: By the type invariant there is a zero. The name is borrowed with `self`, and does
        // not change.
        unsafe { CStr::from_char_ptr(self.name_ptr()) }
    }

    /// Returns where the name is, which is valid until the group is moved or dropped.
    pub(crate) fn name_ptr(&self) -> *const c_char {
        self.name.as_ptr().cast()
    }

    /// Returns what the memory is added as.
    pub fn managed_name(&self) -> &ManagedName {
        &self.managed_name
    }

    /// Returns the number by which the kernel knows the group.
    #[inline]
    pub(crate) fn id(&self) -> c_int {
        self.id
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // If blocks remain in the group, then this fails, and the group lives on with them.
        //
        // SAFETY: By the type invariant the group is registered and ours, and nobody can add memory
        // to it any more, as this takes a reference to `self`.
        unsafe { bindings::memory_group_unregister(self.id) };
    }
}
