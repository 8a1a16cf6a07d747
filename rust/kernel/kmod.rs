// SPDX-License-Identifier: GPL-2.0

//! Loading of other modules on demand.
//!
//! C header: [`include/linux/kmod.h`](srctree/include/linux/kmod.h)

use crate::prelude::*;
#[cfg(CONFIG_MODULES)]
use crate::{
    bindings,
    error::to_result,
    sync::rcu, //
};

/// Asks user space to load the module `name` (or the one with that alias) and waits for it.
///
/// A module that is built in, or loaded already, is a success; of one that is loaded, user space is
/// not even asked. Kernels without loadable modules succeed without doing anything.
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
        if is_live(name) {
            return Ok(());
        }

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

/// Tells whether the module `name` is loaded, and initialised.
#[cfg(CONFIG_MODULES)]
fn is_live(name: &CStr) -> bool {
    let _guard = rcu::read_lock();

    // SAFETY: The name is valid, and the lock protects the list of modules.
    let module = unsafe { bindings::find_module(name.as_char_ptr()) };
    if module.is_null() {
        return false;
    }

    // SAFETY: A module that is on the list is not freed as long as the lock is held. Its state may
    // change meanwhile, which is why it is read once, as a whole.
    let state = unsafe { (&raw const (*module).state).read_volatile() };

    state == bindings::module_state_MODULE_STATE_LIVE
}
