// SPDX-License-Identifier: GPL-2.0

//! What the CXL core tells about its regions.
//!
//! C header: [`include/cxl/regions.h`](srctree/include/cxl/regions.h)

use crate::{
    prelude::*,
    range::Range, //
};

#[cfg(all(CONFIG_CXL_REGION, CONFIG_PHYS_ADDR_T_64BIT))]
use crate::{
    bindings,
    error::to_result, //
};

/// A CXL region that decoders are programmed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommittedRegion {
    /// The addresses that the region covers.
    pub range: Range,
    /// The number of the region: the `N` of its device, `regionN`.
    pub id: u32,
}

/// Notes one region in the vector that `data` points at.
///
/// # Safety
///
/// `res` must point at a valid resource, `data` at a vector that nobody else uses.
#[cfg(all(CONFIG_CXL_REGION, CONFIG_PHYS_ADDR_T_64BIT))]
#[inline(never)]
unsafe extern "C" fn note(res: *const bindings::resource, id: c_int, data: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    let (regions, start, end) = unsafe {
        (
            &mut *data.cast::<KVec<CommittedRegion>>(),
            (*res).start,
            (*res).end,
        )
    };
    // A region without a byte owns nothing, and all have a number.
    let (Some(range), Ok(id)) = (Range::new(start, end), u32::try_from(id)) else {
        return 0;
    };

    match regions.push(CommittedRegion { range, id }, GFP_KERNEL) {
        Ok(()) => 0,
        Err(err) => Error::from(err).to_errno(),
    }
}

/// Returns the committed CXL regions, in no particular order.
///
/// A region is committed when decoders are programmed for it: what it covers is CXL's, bound to a
/// driver or not. The answer is a snapshot. Without CXL regions in the kernel there are none.
///
/// The call of the CXL core is part of whoever uses this: that module must be one that the CXL core
/// exports `cxl_walk_committed_regions()` to.
///
/// # Errors
///
/// [`ENOMEM`] if there is no memory for the answer.
///
/// # Context
///
/// May sleep. Takes the lock of the CXL regions for reading.
///
/// # Examples
///
/// ```
/// use kernel::{
///     cxl,
///     prelude::*,
///     range::Range, //
/// };
///
/// fn belongs_to_cxl(range: Range) -> Result<bool> {
///     let regions = cxl::committed_regions()?;
///
///     Ok(regions.iter().any(|region| region.range.overlaps(&range)))
/// }
/// ```
#[inline]
pub fn committed_regions() -> Result<KVec<CommittedRegion>> {
    #[allow(unused_mut)]
    let mut regions = KVec::new();

    #[cfg(all(CONFIG_CXL_REGION, CONFIG_PHYS_ADDR_T_64BIT))]
    // SAFETY: The vector is what the callback needs, and both are used during the call only.
    match to_result(unsafe {
        bindings::cxl_walk_committed_regions(Some(note), (&raw mut regions).cast())
    }) {
        // There is no bus: the CXL core is built in, and could not be initialised.
        Err(EINVAL) => (),
        result => result?,
    }

    Ok(regions)
}

/// Waits until the CXL bus has bound what it was asked to bind in the background.
///
/// When the top of a CXL topology appears, the bus looks once more for drivers of what was found
/// before, in a work item that [`wait_for_device_probe`](crate::device::wait_for_device_probe) does
/// not know of. Without CXL in the kernel there is nothing to wait for.
///
/// As for [`committed_regions`], the call of the CXL core is part of whoever uses this.
///
/// # Context
///
/// May sleep. Not while holding the lock of a device on the CXL bus.
#[inline]
pub fn flush_bus_work() {
    #[cfg(CONFIG_CXL_BUS)]
    // SAFETY: The function has no requirements beyond its context, and deadlocks at worst.
    unsafe {
        crate::bindings::cxl_bus_flush()
    }
}
