// SPDX-License-Identifier: GPL-2.0

//! What the CXL core tells about its regions.
//!
//! C header: [`include/cxl/regions.h`](srctree/include/cxl/regions.h)

use crate::{
    prelude::*,
    range::Range, //
};

#[cfg(CONFIG_CXL_REGION)]
use crate::{
    bindings,
    error::to_result, //
};

/// What the callback of a walk needs: where to put the answer, and what went wrong.
#[cfg(CONFIG_CXL_REGION)]
struct Walk<F> {
    visit: F,
    error: Option<Error>,
}

/// Hands one region to the closure of the walk.
///
/// # Safety
///
/// `res` and `name` must be valid for the duration of the call, `data` must point at a `Walk<F>`
/// that nobody else uses.
#[cfg(CONFIG_CXL_REGION)]
unsafe extern "C" fn visit<F: FnMut(&CStr, Range) -> Result>(
    res: *const bindings::resource,
    name: *const c_char,
    data: *mut c_void,
) -> c_int {
    // SAFETY: By the safety requirements.
    let walk = unsafe { &mut *data.cast::<Walk<F>>() };
    // SAFETY: By the safety requirements.
    let (start, end, name) = unsafe { ((*res).start, (*res).end, CStr::from_char_ptr(name)) };

    // A region without a byte owns nothing.
    let Some(range) = Range::new(start, end) else {
        return 0;
    };

    match (walk.visit)(name, range) {
        Ok(()) => 0,
        Err(err) => {
            walk.error = Some(err);
            1
        }
    }
}

/// Hands each committed CXL region, with the name of its device and the addresses that it covers, to
/// `visit`, in no particular order.
///
/// A region is committed when decoders are programmed for it: what it covers is CXL's, bound to a
/// driver or not. The answer is a snapshot. Without CXL regions in the kernel there are none.
///
/// The call of the CXL core is part of whoever uses this: that module must be one that the CXL core
/// exports `cxl_walk_committed_regions()` to.
///
/// # Errors
///
/// The first error of `visit`, which ends the walk.
///
/// # Context
///
/// May sleep. The lock of the CXL regions is held for reading while `visit` runs: it must not take
/// it again, nor wait for CXL.
#[inline]
pub fn for_each_committed_region<F: FnMut(&CStr, Range) -> Result>(visit_region: F) -> Result {
    #[cfg(CONFIG_CXL_REGION)]
    {
        let mut walk = Walk {
            visit: visit_region,
            error: None,
        };

        // SAFETY: The callback and its data belong together, and are used during the call only.
        let ret = unsafe {
            bindings::cxl_walk_committed_regions(Some(visit::<F>), (&raw mut walk).cast())
        };

        match walk.error {
            Some(err) => Err(err),
            None => to_result(ret),
        }
    }
    #[cfg(not(CONFIG_CXL_REGION))]
    {
        let _ = visit_region;
        Ok(())
    }
}

/// Waits until the CXL bus has bound what it was asked to bind in the background.
///
/// When the top of a CXL topology appears, the bus looks once more for drivers of what was found
/// before, in a work item that [`wait_for_device_probe`](crate::device::wait_for_device_probe) does
/// not know of. Without CXL in the kernel there is nothing to wait for.
///
/// As for [`for_each_committed_region`], the call of the CXL core is part of whoever uses this.
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
