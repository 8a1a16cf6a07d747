// SPDX-License-Identifier: GPL-2.0

//! The lock of a device, and what it tells about the driver that is bound.
//!
//! The driver core holds the lock of a device while it binds or unbinds a driver. Code that runs
//! outside of the driver callbacks, such as a work item, takes the lock to keep the device bound
//! for as long as it works on it.
//!
//! C header: [`include/linux/device.h`](srctree/include/linux/device.h)

use super::{
    Bound,
    Device, //
};
use crate::{
    bindings,
    prelude::*,
    types::NotThreadSafe,
    ThisModule, //
};

impl Device {
    /// Locks the device.
    ///
    /// The driver core holds the same lock during probe, unbind and the like: taking it from there,
    /// or from anything they wait for, never returns.
    ///
    /// # Context
    ///
    /// May sleep.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use kernel::{
    ///     device::Device,
    ///     ThisModule, //
    /// };
    ///
    /// fn rescan(dev: &Device, module: &'static ThisModule) {
    ///     let guard = dev.lock();
    ///
    ///     // `None` if the device lost our driver before we got the lock.
    ///     if let Some(dev) = guard.bound_to(c"my_driver", module) {
    ///         dev_info!(dev, "still ours, until the guard goes out of scope\n");
    ///     }
    /// }
    /// ```
    pub fn lock(&self) -> LockGuard<'_> {
        // SAFETY: By the type invariant, `self.as_raw()` is a valid pointer to a `struct device`.
        unsafe { bindings::device_lock(self.as_raw()) };

        // INVARIANT: The lock was just taken by this task.
        LockGuard {
            dev: self,
            _not_send: NotThreadSafe,
        }
    }
}

/// The lock of a device, held by this task until the guard is dropped.
///
/// # Invariants
///
/// The current task holds the lock of `dev`.
#[must_use = "the device is unlocked at once if the guard is not used"]
pub struct LockGuard<'a> {
    dev: &'a Device,
    // The lock is a mutex: the task that took it must release it.
    _not_send: NotThreadSafe,
}

impl LockGuard<'_> {
    /// Lends the device as bound, if the driver bound to it is the one called `driver` of `module`.
    ///
    /// A driver's name is unique on its bus, and a driver is unregistered, which unbinds all its
    /// devices, before its module goes. So what is handed to the returned device, for instance
    /// through [`devres::register`](crate::devres::register), never outlives `module`. Built-in
    /// code passes its own [`ThisModule`] too: it lends nothing of a driver that may go away.
    ///
    /// Returns [`None`] if no driver or another driver is bound.
    pub fn bound_to(&self, driver: &CStr, module: &'static ThisModule) -> Option<&Device<Bound>> {
        // SAFETY: By the type invariant of `Device`, the pointer is valid. `dev->driver` only
        // changes under the device lock, which this task holds by the type invariant of `Self`.
        let drv = unsafe { (*self.dev.as_raw()).driver };
        if drv.is_null() {
            return None;
        }

        // SAFETY: A driver that is bound to a device is registered, hence valid, and the device
        // stays bound as long as we hold its lock. Name and owner never change, and the name is a
        // valid C string.
        let (name, owner) = unsafe { (CStr::from_char_ptr((*drv).name), (*drv).owner) };
        if owner != module.as_ptr() || name != driver {
            return None;
        }

        // SAFETY: The device is bound, and it remains so until the lock is released, which the
        // returned reference does not outlive. The driver core sets `dev->driver` early in a probe
        // and clears it late in an unbind, but it holds the device lock for all of that time.
        Some(unsafe { self.dev.as_bound() })
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, this task holds the lock.
        unsafe { bindings::device_unlock(self.dev.as_raw()) }
    }
}

/// Waits until no probe is under way or deferred for a device that can be probed now.
///
/// This covers drivers and devices that are registered at the time of the call. It says nothing of
/// modules that user space has yet to load. There is no limit to the time it takes: a driver whose
/// probe never ends blocks the caller for ever.
///
/// # Context
///
/// May sleep. Neither from a probe, nor while holding something that a probe may wait for.
pub fn wait_for_device_probe() {
    // SAFETY: This function takes no arguments and may be called from any context that can sleep.
    unsafe { bindings::wait_for_device_probe() }
}
