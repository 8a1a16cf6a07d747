// SPDX-License-Identifier: GPL-2.0

//! Places in the tree of memory resources.

use crate::{
    bindings,
    memory::{
        BlockAligned,
        Group, //
    },
    prelude::*,
    sync::Arc, //
};
use core::ptr::NonNull;

/// A claimed range in the tree of memory resources, under which memory can be added.
///
/// In contrast to an [`io::resource::Region`](crate::io::resource::Region) it is not marked busy,
/// as the memory that is added under it will be.
///
/// # Invariants
///
/// - `resource` is an entry of the tree which this value owns, allocated by `kmalloc()`.
/// - The name of the entry is that of `group`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     iomem::Memory,
///     memory::{
///         BlockAligned,
///         Group, //
///     },
///     memory_hotplug::Reservation,
///     prelude::*,
///     sync::Arc, //
/// };
///
/// fn reserve<'a>(memory: &Memory<'a>, group: Arc<Group>) -> Result<Reservation<'a>> {
///     // What is not a whole memory block cannot be hotplugged.
///     let range = BlockAligned::inside(memory).ok_or(EINVAL)?;
///
///     Reservation::new(range, group)
/// }
/// ```
pub struct Reservation<'a> {
    resource: NonNull<bindings::resource>,
    group: Arc<Group>,
    range: BlockAligned<'a>,
}

// SAFETY: A resource may be released by any thread.
unsafe impl Send for Reservation<'_> {}

// SAFETY: `&Reservation` gives access to `group` and `range` only.
unsafe impl Sync for Reservation<'_> {}

impl<'a> Reservation<'a> {
    /// Claims a range for memory of `group`, under the name of the group.
    ///
    /// Fails with [`EBUSY`] if a part of it is claimed exclusively, if an entry covers only a part
    /// of it, or if there is no memory for the entry: C does not tell. What is claimed here is not,
    /// until memory is added under it. May sleep.
    pub fn new(range: BlockAligned<'a>, group: Arc<Group>) -> Result<Self> {
        let name = group.name_ptr();

        // SAFETY: The name is in the group, which stays in its place as an `Arc` has it. The
        // reservation keeps its reference as long as the entry exists, and gives it to nobody.
        let resource = unsafe { bindings::request_mem_region(range.start(), range.len(), name) };
        let resource = NonNull::new(resource).ok_or(EBUSY)?;

        // Not busy, and without the flags of the parent, which may be unknown to memory hotplug.
        //
        // SAFETY: The entry is valid and ours. Nobody else writes to the flags of an entry.
        unsafe {
            (*resource.as_ptr()).flags = bindings::IORESOURCE_SYSTEM_RAM as c_ulong;
        }

        // INVARIANT: `request_mem_region()` allocated the entry and inserted it for us.
        Ok(Self {
            resource,
            group,
            range,
        })
    }

    /// Returns the claimed range.
    pub fn range(&self) -> BlockAligned<'a> {
        self.range
    }

    /// Returns the group that the memory will belong to.
    pub fn group(&self) -> &Group {
        &self.group
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the entry is in the tree, and ours. What is below it moves
        // up. Nothing else points to it then, so it can be freed, and the group with its name
        // afterwards.
        unsafe {
            bindings::remove_resource(self.resource.as_ptr());
            bindings::kfree(self.resource.as_ptr().cast());
        }
    }
}
