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
    seq_file::SeqFile,
    seq_print,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Release, //
        },
        global_lock,
        Arc, //
        GlobalGuard,
    },
    workqueue::OwnedQueue, //
};

use crate::ledger::Ledger;

extern "C" {
    fn hmem_rs_region_idle() -> bool;
    fn hmem_rs_debug(dev: *const c_void, what: *const c_char, start: u64, end: u64);
    fn hmem_rs_error(
        dev: *const c_void,
        what: *const c_char,
        start: u64,
        end: u64,
        err: c_int,
        hint: *const c_char,
    );
    fn hmem_rs_wait_for_async_probes();
    fn hmem_rs_wait_for_initcalls();
    fn hmem_rs_debugfs_add();
    fn hmem_rs_debugfs_remove();
}

/// Tells those who turn on dynamic debug `what` happens to `range`.
pub(crate) fn debug(dev: &Device<Bound>, what: &CStr, range: Range) {
    let dev: &Device = dev;

    // SAFETY: `Device` is a transparent wrapper of `struct device`, and the device is valid for the
    // duration of the call, as is the string. The function only prints.
    unsafe {
        hmem_rs_debug(
            core::ptr::from_ref(dev).cast(),
            what.as_char_ptr(),
            range.start(),
            range.end(),
        )
    }
}

/// Returns the first bytes of `range`, on `node`, up to where another rule of the DAX core's policy
/// counts.
///
/// The result starts where `range` does.
pub(crate) fn under_one_rule(range: Range, node: i32) -> Range {
    #[cfg(CONFIG_DEV_DAX_POLICY)]
    {
        extern "C" {
            fn dax_policy_cut(start: u64, end: u64, target_node: c_int) -> u64;
        }

        // SAFETY: The function has no requirements.
        let end = unsafe { dax_policy_cut(range.start(), range.end(), node) };

        Range::new(range.start(), end).unwrap_or(range)
    }
    #[cfg(not(CONFIG_DEV_DAX_POLICY))]
    {
        let _ = node;
        range
    }
}

/// Tells the log what could not be done about `range`, why, and what to do about it, if anything:
/// "`what` `range`: `err``hint`".
pub(crate) fn error(dev: &Device<Bound>, what: &CStr, range: Range, err: Error, hint: &CStr) {
    let dev: &Device = dev;

    // SAFETY: As for `hmem_rs_debug()`; the hint is a valid string too.
    unsafe {
        hmem_rs_error(
            core::ptr::from_ref(dev).cast(),
            what.as_char_ptr(),
            range.start(),
            range.end(),
            err.to_errno(),
            hint.as_char_ptr(),
        )
    }
}

/// Waits until the probes are over that are under way asynchronously, for a module.
///
/// Loading any module waits for them, after its initialisation.
pub(crate) fn wait_for_async_probes() {
    // SAFETY: The function has no requirements beyond its context, and deadlocks at worst: from an
    // asynchronous probe, which must not request modules anyway.
    unsafe { hmem_rs_wait_for_async_probes() }
}

/// Waits until everything that is built in is initialised.
///
/// A module comes after that anyway. Not from an initcall.
pub(crate) fn wait_for_initcalls() {
    // SAFETY: The function has no requirements beyond its context, and deadlocks at worst.
    unsafe { hmem_rs_wait_for_initcalls() }
}

/// Whether the administrator wants new regions empty and unbound.
///
/// May change at any time.
pub(crate) fn region_idle() -> bool {
    // SAFETY: The function has no requirements.
    unsafe { hmem_rs_region_idle() }
}

/// What the drivers of the module share.
struct Shared {
    /// The module, for those who outlive a bind.
    module: &'static ThisModule,
    /// Where decisions wait for CXL.
    ///
    /// A work item of the queue must not keep this: the last one to drop it waits for the work.
    queue: Arc<OwnedQueue>,
    ledger: Ledger,
}

global_lock! {
    // SAFETY: `Published::new` initialises the lock before it sets `READY`, and whoever takes the
    // lock has seen `READY` or has a `Published`.
    unsafe(uninit) static SHARED: Mutex<Option<Shared>> = None;
}

static READY: Atomic<bool> = Atomic::new(false);

/// Locks what the drivers share.
///
/// Holds [`None`] after the module failed to initialise, and once it goes; is [`None`] before.
// The callers are many, and the driver is small.
#[inline(never)]
fn lock() -> Option<GlobalGuard<SHARED>> {
    READY.load(Acquire).then(|| SHARED.lock())
}

/// Lends what the drivers share to `f`, with the lock held, or returns [`None`] if there is
/// nothing.
fn with<R>(f: impl FnOnce(&mut Shared) -> R) -> Option<R> {
    lock()?.as_mut().map(f)
}

/// Lends the ledger to `f`, unless there is none, on the same conditions.
pub(crate) fn with_ledger<R>(f: impl FnOnce(&mut Ledger) -> R) -> Option<R> {
    with(|shared| f(&mut shared.ledger))
}

/// Returns the module, and the queue where decisions wait for CXL, on the same conditions.
pub(crate) fn context() -> Option<(&'static ThisModule, Arc<OwnedQueue>)> {
    with(|shared| (shared.module, shared.queue.clone()))
}

/// What the drivers share, reachable until this is dropped.
pub(crate) struct Published(());

impl Published {
    /// Publishes `module`, `queue` and an empty ledger.
    ///
    /// Fails with [`EBUSY`] if that was done before: the module is initialised once.
    // Inline, as what is part of the initialisation is freed after it.
    #[inline]
    pub(crate) fn new(module: &'static ThisModule, queue: Arc<OwnedQueue>) -> Result<Self> {
        if READY.load(Acquire) {
            return Err(EBUSY);
        }

        // SAFETY: The initialisation of the module, which runs once and in one thread, is the only
        // caller, and `READY` was not set.
        unsafe { SHARED.init() };
        READY.store(true, Release);

        *SHARED.lock() = Some(Shared {
            module,
            queue,
            ledger: Ledger::new(),
        });
        Ok(Self(()))
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let shared = SHARED.lock().take();

        // Outside of the lock: the last to drop the queue waits for its work.
        drop(shared);
    }
}

/// Waits until all decisions that were put off before the call are made.
///
/// Returns at once if the module is not there, or failed to initialise.
#[no_mangle]
extern "C" fn hmem_rs_flush() {
    if let Some((_, queue)) = context() {
        queue.flush();
    }
}

/// `hmem_rs/ranges` in debugfs, until this is dropped.
pub(crate) struct RangesFile(());

impl RangesFile {
    /// Adds the file. To be called with a [`Published`] at hand, once.
    pub(crate) fn new() -> Self {
        // SAFETY: The initialisation of the module, which runs once, is the only caller.
        unsafe { hmem_rs_debugfs_add() };
        Self(())
    }
}

impl Drop for RangesFile {
    fn drop(&mut self) {
        // SAFETY: The file was added, and is removed once.
        unsafe { hmem_rs_debugfs_remove() }
    }
}

/// Writes the file.
///
/// # Safety
///
/// `seq` must be a valid `struct seq_file` that nobody else uses during the call.
#[no_mangle]
unsafe extern "C" fn hmem_rs_show(seq: *mut c_void) {
    // SAFETY: By the safety requirements.
    let seq = unsafe { SeqFile::from_raw(seq.cast()) };

    with_ledger(|ledger| {
        for entry in ledger.entries() {
            seq_print!(seq, "{:#}\n", *entry);
        }
    });
}
