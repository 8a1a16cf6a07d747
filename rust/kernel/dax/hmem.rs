// SPDX-License-Identifier: GPL-2.0

//! Memory that platform firmware set aside: what is known of it, and the devices made of it.
//!
//! Early in boot the kernel notes each range that firmware describes as special: from the SRAT and
//! HMAT tables, with the NUMA node, and from the memory map. If there is any, it creates the platform
//! device `hmem_platform.0`, whose driver decides what becomes of the ranges.
//!
//! C sources: [`drivers/dax/hmem/device.c`](srctree/drivers/dax/hmem/device.c),
//! [`include/linux/dax.h`](srctree/include/linux/dax.h)

use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    error::to_result,
    platform::PlatformData,
    prelude::*,
    range::Range, //
};
use core::{
    mem::size_of,
    ptr, //
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

/// What a walk collects, kept as a resource of the device while the walk runs.
struct Walk {
    task: *mut bindings::task_struct,
    found: *mut KVec<Found>,
    result: Result,
}

/// Names the resource; there is nothing to release.
unsafe extern "C" fn release(_dev: *mut bindings::device, _res: *mut c_void) {}

/// Tells whether `res` belongs to the task `task`.
unsafe extern "C" fn is_of_task(
    _dev: *mut bindings::device,
    res: *mut c_void,
    task: *mut c_void,
) -> c_int {
    // SAFETY: This is only called for resources with the release function `release`, all of which
    // are a `Walk`.
    c_int::from(unsafe { (*res.cast::<Walk>()).task } == task.cast())
}

/// Notes one range.
unsafe extern "C" fn collect(
    dev: *mut bindings::device,
    node: c_int,
    res: *const bindings::resource,
) -> c_int {
    // SAFETY: The walk calls this in the task that called `ranges`, which has added the `Walk` to
    // the device that it walks for.
    let walk = unsafe {
        bindings::devres_find(
            dev,
            Some(release),
            Some(is_of_task),
            bindings::get_current().cast(),
        )
    };
    // SAFETY: `devres_find` returned NULL, or a `Walk` of this task. There is only one at a time,
    // and nobody else uses it until the walk is over.
    let Some(walk) = (unsafe { walk.cast::<Walk>().as_mut() }) else {
        return EINVAL.to_errno();
    };
    // SAFETY: The walk passes a valid resource.
    let (start, end) = unsafe { ((*res).start, (*res).end) };

    let Some(range) = Range::new(start, end) else {
        return 0;
    };
    // SAFETY: `ranges` keeps the vector alive, and leaves it to us, until the walk is over.
    let found = unsafe { &mut *walk.found };

    match found.push(Found { range, node }, GFP_KERNEL) {
        Ok(()) => 0,
        Err(err) => {
            let err = Error::from(err);
            walk.result = Err(err);
            err.to_errno()
        }
    }
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
    let mut found = KVec::new();

    // The C walk hands the device to its callback, and nothing else. So what the callback needs
    // travels as a resource of the device, where it is found by the task that walks.
    //
    // SAFETY: `release` does nothing, so the memory needs no initialisation to be released. The
    // name is a valid C string that outlives the resource.
    let walk = unsafe {
        bindings::__devres_alloc_node(
            Some(release),
            size_of::<Walk>(),
            bindings::GFP_KERNEL,
            bindings::NUMA_NO_NODE,
            c"hmem_walk".as_char_ptr(),
        )
    }
    .cast::<Walk>();
    if walk.is_null() {
        return Err(ENOMEM);
    }

    // SAFETY: `walk` was just allocated for a `Walk`; devres memory is aligned like that of
    // kmalloc. The device is bound. The resource goes below, before `found` does.
    let ret = unsafe {
        let task = bindings::get_current();
        walk.write(Walk {
            task,
            found: &raw mut found,
            result: Ok(()),
        });
        bindings::devres_add(dev.as_raw(), walk.cast());

        let ret = bindings::walk_hmem_resources(dev.as_raw(), Some(collect));

        let result = ptr::addr_of!((*walk).result).read();
        bindings::devres_destroy(dev.as_raw(), Some(release), Some(is_of_task), task.cast());
        result.and(to_result(ret))
    };

    ret.map(|()| found)
}

/// What a device called `hmem` tells its driver: which memory it stands for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct RegionInfo(bindings::memregion_info);

impl RegionInfo {
    /// Describes the memory `range` on `node`, which is negative if it is not known.
    pub const fn new(range: Range, node: i32) -> Self {
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

    /// The NUMA node of the memory, or negative if it is not known.
    pub const fn node(&self) -> i32 {
        self.0.target_node
    }
}

// SAFETY: Devices called `hmem` exist for the driver of that name only. Their creators, the C driver
// dax_hmem and users of `platform::Registration<RegionInfo>`, add a copy of `struct memregion_info`
// before they add the device, and never change it. It consists of integers, so any bit pattern is
// valid.
unsafe impl PlatformData for RegionInfo {
    const NAME: &'static CStr = c"hmem";
}
