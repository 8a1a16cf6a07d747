// SPDX-License-Identifier: GPL-2.0

//! Loading of other modules on demand.
//!
//! C header: [`include/linux/kmod.h`](srctree/include/linux/kmod.h)

use crate::prelude::*;
#[cfg(CONFIG_MODULES)]
use crate::{
    bindings,
    error::to_result, //
};

/// Asks user space to load the module `name` (or the one with that alias) and waits for it.
///
/// A module that is built in, or loaded already, is a success. Kernels without loadable modules
/// succeed without doing anything.
///
/// # Errors
///
/// What modprobe made of it: a positive exit status becomes [`EINVAL`]. Most callers do not care,
/// because the module may be missing for good reasons.
///
/// # Context
///
/// May sleep, for as long as user space takes. Not from an asynchronous probe or other async work.
///
/// # Examples
///
/// ```no_run
/// if kernel::kmod::request_module(c"cxl_acpi").is_err() {
///     pr_debug!("cxl_acpi is not installed\n");
/// }
/// ```
pub fn request_module(name: &CStr) -> Result {
    #[cfg(CONFIG_MODULES)]
    {
        // SAFETY: The format string takes exactly one C string, which `name` is, and both are
        // valid for the duration of the call.
        let ret =
            unsafe { bindings::__request_module(true, c"%s".as_char_ptr(), name.as_char_ptr()) };

        if ret > 0 {
            return Err(EINVAL);
        }

        to_result(ret)
    }
    #[cfg(not(CONFIG_MODULES))]
    {
        let _ = name;
        Ok(())
    }
}
