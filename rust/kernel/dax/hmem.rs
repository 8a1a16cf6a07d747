// SPDX-License-Identifier: GPL-2.0

//! Memory that platform firmware set aside: what is known of it, and the devices made of it.
//!
//! Early in boot the kernel notes each range that firmware describes as special: from the SRAT and
//! HMAT tables, with the NUMA node, and from the memory map. If there is any, it creates the
//! platform device `hmem_platform.0`, whose driver decides what becomes of the ranges.
//!
//! C sources: [`drivers/dax/hmem/device.c`](srctree/drivers/dax/hmem/device.c),
//! [`include/linux/dax.h`](srctree/include/linux/dax.h)

use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres,
    error::to_result,
    iomem::{
        soft_reserved,
        Intersection,
        Memory, //
    },
    memregion,
    platform::{
        self,
        PlatformData, //
    },
    prelude::*,
    range::Range, //
};
use core::{
    mem::size_of,
    ptr::{
        self,
        NonNull, //
    },
};

/// A range that the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The range. Parts of it may be plain RAM or nothing at all: see
    /// [`iomem::soft_reserved`](crate::iomem::soft_reserved) for what is Soft Reserved.
    pub range: Range,
    /// The NUMA node of the range, or negative if it is not known.
    pub node: i32,
}

/// What a walk collects.
///
/// The C walk hands the device to its callback, and nothing else. So this travels as a resource of
/// the device, where the callback finds it by the task that walks.
struct Walk {
    task: *mut bindings::task_struct,
    found: KVec<Found>,
    result: Result,
}

/// Names the resource, and releases it should the device be unbound during the walk, which cannot
/// be.
///
/// # Safety
///
/// `res` must point at a `Walk` that is not used again.
unsafe extern "C" fn release(_dev: *mut bindings::device, res: *mut c_void) {
    // SAFETY: By the safety requirements.
    unsafe { ptr::drop_in_place(res.cast::<Walk>()) }
}

/// Tells whether `res` belongs to the task `task`.
///
/// # Safety
///
/// `res` must point at a `Walk`.
unsafe extern "C" fn is_of_task(
    _dev: *mut bindings::device,
    res: *mut c_void,
    task: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    c_int::from(unsafe { (*res.cast::<Walk>()).task } == task.cast())
}

impl Walk {
    /// Adds a walk of this task to the resources of `dev`.
    // What names the resource is the address of `release`. These functions are never inlined, so
    // that all of them mean the same copy of it, the one in the kernel image.
    #[inline(never)]
    fn begin(dev: &Device<Bound>) -> Result {
        // SAFETY: The memory is written before it becomes a resource. The name is a valid C string
        // in the kernel image.
        let walk = unsafe {
            bindings::__devres_alloc_node(
                Some(release),
                size_of::<Self>(),
                bindings::GFP_KERNEL,
                bindings::NUMA_NO_NODE,
                c"hmem_walk".as_char_ptr(),
            )
        }
        .cast::<Self>();
        if walk.is_null() {
            return Err(ENOMEM);
        }

        // SAFETY: `walk` was just allocated, with room for a `Walk` and the alignment of kmalloc.
        // The device is bound.
        unsafe {
            walk.write(Self {
                task: bindings::get_current(),
                found: KVec::new(),
                result: Ok(()),
            });
            bindings::devres_add(dev.as_raw(), walk.cast());
        }
        Ok(())
    }

    /// The walk of this task among the resources of `dev`.
    ///
    /// # Safety
    ///
    /// `dev` must be valid.
    unsafe fn find(dev: *mut bindings::device) -> Option<NonNull<Self>> {
        // SAFETY: By the safety requirements. All resources named by `release` are a `Walk`.
        NonNull::new(unsafe {
            bindings::devres_find(
                dev,
                Some(release),
                Some(is_of_task),
                bindings::get_current().cast(),
            )
        })
        .map(NonNull::cast)
    }

    /// Takes the walk of this task from the resources of `dev`, and returns what it collected.
    #[inline(never)]
    fn end(dev: &Device<Bound>) -> Result<KVec<Found>> {
        // SAFETY: The device is valid.
        let walk = unsafe { Self::find(dev.as_raw()) }.ok_or(EINVAL)?.as_ptr();

        // SAFETY: The walk is over, so nobody else uses these two fields; others may still read
        // which task it is of.
        let (found, result) = unsafe { (core::mem::take(&mut (*walk).found), (*walk).result) };
        // SAFETY: The walk was found just now, and only this task takes it away. What it still
        // holds needs no drop.
        unsafe {
            bindings::devres_destroy(
                dev.as_raw(),
                Some(release),
                Some(is_of_task),
                bindings::get_current().cast(),
            )
        };

        result.map(|()| found)
    }
}

/// Notes one range.
///
/// # Safety
///
/// `dev` must be the device of a [`Walk`] that this task has begun, `res` a valid resource.
#[inline(never)]
unsafe extern "C" fn collect(
    dev: *mut bindings::device,
    node: c_int,
    res: *const bindings::resource,
) -> c_int {
    // SAFETY: By the safety requirements.
    let (start, end) = unsafe { ((*res).start, (*res).end) };
    // SAFETY: By the safety requirements.
    let walk = unsafe { Walk::find(dev) };
    let (Some(range), Some(walk)) = (Range::new(start, end), walk) else {
        return 0;
    };

    // SAFETY: Nobody but this task, which is here, uses these two fields; others may read which
    // task the walk is of.
    let (found, result) = unsafe { (&mut (*walk.as_ptr()).found, &mut (*walk.as_ptr()).result) };
    *result = found
        .push(Found { range, node }, GFP_KERNEL)
        .map_err(Error::from);
    // Anything but zero ends the walk.
    result.map_or_else(Error::to_errno, |()| 0)
}

/// Returns the ranges that the kernel noted for `dev`, in ascending order.
///
/// `dev` is a device that the driver of `hmem_platform` is bound to. All such devices get the same
/// answer, except that tests give theirs another one.
///
/// # Errors
///
/// [`ENOMEM`] if there is no memory for the answer.
///
/// # Context
///
/// May sleep. Takes the lock of the ranges, and none of it is held when this returns: whatever is
/// done about the ranges cannot get in the way of the walk.
// Inline, so that the call of the C function is part of the driver, where cxl_test replaces it.
#[inline]
pub fn ranges(dev: &Device<Bound>) -> Result<KVec<Found>> {
    Walk::begin(dev)?;

    // SAFETY: The device is valid, and this task has begun a walk for it, as `collect` requires.
    let ret = unsafe { bindings::walk_hmem_resources(dev.as_raw(), Some(collect)) };

    let found = Walk::end(dev)?;
    to_result(ret)?;
    Ok(found)
}

/// Returns the NUMA node that firmware says the memory at `addr` belongs to, online or not.
///
/// [`None`] if firmware says nothing about it. A range that a walk found comes with its node, which
/// is to be preferred: this is for those who cut such a range at places where the node may change.
/// Without NUMA in the kernel everything is on node 0.
///
/// # Context
///
/// Any.
pub fn target_node(addr: u64) -> Option<i32> {
    // SAFETY: `phys_to_target_node()` has no requirements.
    let node = unsafe { bindings::phys_to_target_node(addr) };

    (node >= 0).then_some(node)
}

/// What a device called `hmem` tells its driver: which memory it stands for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct RegionInfo(bindings::memregion_info);

impl RegionInfo {
    /// Describes the memory `range` on `node`, which is negative if it is not known.
    const fn new(range: Range, node: i32) -> Self {
        Self(bindings::memregion_info {
            target_node: node,
            range: bindings::range {
                start: range.start(),
                end: range.end(),
            },
        })
    }

    /// The memory, or [`None`] if what was stored is not a range.
    pub const fn range(&self) -> Option<Range> {
        Range::new(self.0.range.start, self.0.range.end)
    }

    /// The memory as what may be given to others, under the same condition.
    pub fn memory(&self) -> Option<Memory<'static>> {
        // SAFETY: What devices called `hmem` stand for is memory that firmware set aside, and that
        // is always there: see `NewDevice::add()`; the C driver looks for it in the same place.
        self.range().map(|range| unsafe { Memory::new(range) })
    }

    /// The NUMA node of the memory, or negative if it is not known.
    pub const fn node(&self) -> i32 {
        self.0.target_node
    }
}

/// A device `hmem.N` that is about to be made, and has its number.
///
/// # Examples
///
/// ```
/// use kernel::{
///     dax::hmem::NewDevice,
///     device::{
///         Bound,
///         Device, //
///     },
///     prelude::*,
///     range::Range, //
/// };
///
/// fn hand_out(parent: &Device<Bound>, range: Range) -> Result {
///     let device = NewDevice::new()?;
///
///     dev_info!(parent, "{range} is for hmem.{}\n", device.id());
///     device.add(parent, range, -1)
/// }
/// ```
pub struct NewDevice(memregion::Id);

impl NewDevice {
    /// Takes a number for a device.
    ///
    /// # Errors
    ///
    /// Those of [`memregion::Id::new`].
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn new() -> Result<Self> {
        memregion::Id::new().map(Self)
    }

    /// The number: the `N` of the device, and of the DAX devices made of it.
    #[inline]
    pub fn id(&self) -> u32 {
        self.0.get()
    }

    /// Adds the device, which stands for `range` on `node`, below `parent`, as long as that is
    /// bound.
    ///
    /// `node` is negative if it is not known. The driver called `hmem` usually binds to the device
    /// before this returns.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`] if there is a byte in `range` that firmware did not set aside.
    /// - Those of [`platform::Registration::new`] and [`devres::register`].
    ///
    /// # Context
    ///
    /// May sleep. Takes the resource lock, and the lock of the new device, while the driver probes.
    // Inline, for the query that tests replace.
    #[inline]
    pub fn add(self, parent: &Device<Bound>, range: Range, node: i32) -> Result {
        self.add_reserved(parent, range, node, soft_reserved::intersects)
    }

    /// Adds the device if firmware set all of `range` aside.
    fn add_reserved(
        self,
        parent: &Device<Bound>,
        range: Range,
        node: i32,
        intersects: fn(Range) -> Intersection,
    ) -> Result {
        let parts = soft_reserved::parts(range)?;
        let reserved = parts.iter().map(Range::len).fold(0, u64::wrapping_add);
        let is_reserved = match parts.is_empty() {
            // Tests have ranges that firmware never described.
            true => intersects(range) == Intersection::Intersects,
            false => reserved == range.len(),
        };

        if !is_reserved {
            return Err(EINVAL);
        }

        let info = RegionInfo::new(range, node);
        let device = platform::Registration::new(parent, self.id(), node, &info)?;

        devres::register(parent, Child(device, self.0), GFP_KERNEL)
    }
}

/// The fields are dropped in this order: the device goes before its number is free.
struct Child(
    #[expect(dead_code, reason = "unregistered when dropped")] platform::Registration<RegionInfo>,
    #[expect(dead_code, reason = "given back when dropped")] memregion::Id,
);

// SAFETY: Devices called `hmem` exist for the driver of that name only. Their creators, the C
// driver dax_hmem and users of `platform::Registration<RegionInfo>`, add a copy of `struct
// memregion_info` before they add the device, and never change it. It consists of integers, so any
// bit pattern is valid.
unsafe impl PlatformData for RegionInfo {
    const NAME: &'static CStr = c"hmem";
}
