// SPDX-License-Identifier: GPL-2.0

//! The border to C, and to everything that outlives a bind: the only unsafe code of the driver.
//!
//! The other side is `hmem_rs_c.c`.

use kernel::{
    device::{
        Bound,
        Device, //
    },
    prelude::*,
    range::Range,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        global_lock,
        Arc, //
    },
    workqueue::OwnedQueue, //
};

use crate::ledger::Hosts;

extern "C" {
    fn hmem_rs_region_idle() -> bool;
    fn hmem_rs_debug(dev: *const c_void, event: c_int, start: u64, end: u64);
}

/// What happens to a range, for those who turn on dynamic debug.
#[derive(Clone, Copy)]
#[repr(i32)]
pub(crate) enum Event {
    /// The range touches a CXL window: the decision waits for CXL.
    Await,
    /// No byte of the range is Soft Reserved.
    NotReserved,
    /// A committed CXL region covers the bytes.
    Claimed,
    /// No committed CXL region covers the bytes, which lie in a CXL window.
    NotClaimed,
}

/// Tells dynamic debug what happens to `range`.
pub(crate) fn debug(dev: &Device<Bound>, event: Event, range: Range) {
    let dev: &Device = dev;

    // SAFETY: `Device` is a transparent wrapper of `struct device`, and the device is valid for the
    // duration of the call. The function only prints.
    unsafe {
        hmem_rs_debug(
            core::ptr::from_ref(dev).cast(),
            event as c_int,
            range.start(),
            range.end(),
        )
    }
}

/// Whether the administrator wants new regions empty and unbound.
///
/// May change at any time.
pub(crate) fn region_idle() -> bool {
    // SAFETY: The function has no requirements.
    unsafe { hmem_rs_region_idle() }
}

/// What the drivers of the module share.
#[derive(Clone)]
pub(crate) struct Context {
    /// The module, for those who outlive a bind.
    pub(crate) module: &'static ThisModule,
    /// Where decisions wait for CXL.
    ///
    /// A work item of the queue must not keep this: the last one to drop it waits for the work.
    pub(crate) queue: Arc<OwnedQueue>,
    /// The hosts that are bound.
    pub(crate) hosts: Arc<Hosts>,
}

global_lock! {
    // SAFETY: `Published::new` initialises the lock before it sets `READY`, and whoever takes the
    // lock has seen `READY` or has a `Published`.
    unsafe(uninit) static CONTEXT: Mutex<Option<Context>> = None;
}

static READY: Atomic<bool> = Atomic::new(false);

/// Returns what the drivers share.
///
/// [`None`] before the module is initialised, after it failed to, and once it goes.
pub(crate) fn context() -> Option<Context> {
    if !READY.load(Acquire) {
        return None;
    }

    CONTEXT.lock().clone()
}

/// Returns the hosts that are bound, on the same conditions.
pub(crate) fn hosts() -> Option<Arc<Hosts>> {
    if !READY.load(Acquire) {
        return None;
    }

    CONTEXT.lock().as_ref().map(|context| context.hosts.clone())
}

/// What the drivers share, reachable until this is dropped.
pub(crate) struct Published(());

impl Published {
    /// Publishes `context`.
    ///
    /// Fails with [`EBUSY`] if that was done before: the module is initialised once.
    pub(crate) fn new(context: Context) -> Result<Self> {
        if READY.load(Acquire) {
            return Err(EBUSY);
        }

        // SAFETY: The initialisation of the module, which runs once and in one thread, is the only
        // caller, and `READY` was not set.
        unsafe { CONTEXT.init() };
        READY.store(true, Release);

        *CONTEXT.lock() = Some(context);
        Ok(Self(()))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let context = CONTEXT.lock().take();

        // Outside of the lock: the last to drop the queue waits for its work.
        drop(context);
    }
}

/// Waits until all decisions that were put off before the call are made.
///
/// Returns at once if the module is not there, or failed to initialise.
#[no_mangle]
extern "C" fn hmem_rs_flush() {
    if let Some(context) = context() {
        context.queue.flush();
    }
}
