// SPDX-License-Identifier: GPL-2.0

//! The border to C: the only unsafe code of the policy.
//!
//! The other side is `dax_policy_c.c`, and the DAX core, by way of `policy.h`.

use crate::{
    region::Policy,
    rule::{
        Driver,
        Memory,
        Online,
        Origin, //
    },
    table::{
        self,
        Table, //
    },
};
use kernel::{
    bindings,
    dax,
    device::Device,
    error::from_result,
    prelude::*,
    range::Range,
    sync::{
        lazy_mutex,
        Arc,
        LazyMutex, //
    },
    types::ForeignOwnable, //
};

/// What regions start and end at, in bytes.
pub(crate) const UNIT: u64 = dax::region::ALIGN as u64;

extern "C" {
    fn dax_policy_has_node(node: u32) -> bool;
}

/// Tells whether the machine can have a node.
pub(crate) fn has_node(node: u32) -> bool {
    // SAFETY: The function has no requirements.
    unsafe { dax_policy_has_node(node) }
}

static TABLE: LazyMutex<Option<Arc<Table>>> = lazy_mutex!(None);

/// Returns the table in force, if one was set.
pub(crate) fn table() -> Option<Arc<Table>> {
    TABLE.lock().clone()
}

/// Puts a table in force.
pub(crate) fn swap_table(table: Arc<Table>) {
    let old = TABLE.lock().replace(table);

    // Outside of the lock.
    drop(old);
}

/// Sets the table of the command line. An initcall calls this, before those of the DAX core and of
/// all that make use of it.
///
/// # Safety
///
/// `text` must be valid for reading `len` bytes, if `len` is not zero.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_init(text: *const u8, len: usize) {
    if len != 0 {
        // SAFETY: By the safety requirements.
        let text = unsafe { core::slice::from_raw_parts(text, len) };
        // It tells what is wrong with the text.
        if table::set(text, "dax.policy= on the command line") == Err(ENOMEM) {
            pr_err!("no memory for the policy of the command line: it does not count\n");
        }
    }
}

/// Sets the table.
///
/// # Safety
///
/// `text` must be valid for reading `len` bytes.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_set(text: *const u8, len: usize) -> c_int {
    // SAFETY: By the safety requirements.
    let text = unsafe { core::slice::from_raw_parts(text, len) };

    from_result(|| table::set(text, "the new table is").map(|()| 0))
}

/// Copies what is shown to user space, as much as there is room for, and returns the length.
///
/// # Safety
///
/// `page` must be valid for writing `PAGE_SIZE` bytes.
unsafe fn emit(parts: &[&[u8]], page: *mut u8) -> c_int {
    // SAFETY: By the safety requirements. The bytes are integers, of which any pattern is valid,
    // and the page is initialised, as sysfs clears it.
    let page = unsafe { core::slice::from_raw_parts_mut(page, kernel::page::PAGE_SIZE) };
    let mut len: c_int = 0;

    for (to, from) in page.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
        len = len.saturating_add(1);
    }
    len
}

/// Shows the table.
///
/// # Safety
///
/// `page` must be valid for writing `PAGE_SIZE` bytes, and initialised.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_get(page: *mut u8) -> c_int {
    let table = table();
    let text = table.as_ref().map_or(&[][..], |table| table.text());

    // SAFETY: By the safety requirements.
    unsafe { emit(&[text, b"\n"], page) }
}

/// Returns the last of the first bytes of a range up to where another rule counts.
#[no_mangle]
extern "C" fn dax_policy_rs_cut(start: u64, end: u64, node: c_int) -> u64 {
    Range::new(start, end).map_or(end, |range| {
        table::prefix(u32::try_from(node).ok(), range).end()
    })
}

/// Looks up the policy for a region. Null if there is no memory.
///
/// # Safety
///
/// `dev` must be a valid device.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_new(
    dev: *mut bindings::device,
    origin: c_int,
    start: u64,
    end: u64,
    node: c_int,
    idle: bool,
) -> *mut c_void {
    // SAFETY: By the safety requirements.
    let dev = unsafe { Device::from_raw(dev) };
    let origin = match origin {
        0 => Origin::Hmem,
        1 => Origin::Cxl,
        _ => Origin::Other,
    };
    let Some(range) = Range::new(start, end) else {
        return core::ptr::null_mut();
    };
    let memory = Memory {
        origin,
        node: u32::try_from(node).ok(),
        range,
    };

    Policy::new(dev, &memory, idle).map_or(core::ptr::null_mut(), ForeignOwnable::into_foreign)
}

/// Frees the policy of a region.
///
/// # Safety
///
/// `policy` must come from `dax_policy_rs_new`; nobody may use it any more.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_free(policy: *mut c_void) {
    // SAFETY: By the safety requirements.
    drop(unsafe { <Pin<KBox<Policy>>>::from_foreign(policy) });
}

/// Returns the policy of a region.
///
/// # Safety
///
/// `policy` must come from `dax_policy_rs_new`, and must not be freed for `'a`.
unsafe fn borrow<'a>(policy: *mut c_void) -> Pin<&'a Policy> {
    // SAFETY: By the safety requirements. It is never borrowed mutably.
    unsafe { <Pin<KBox<Policy>>>::borrow(policy) }
}

/// Returns the driver: 0 kmem, 1 device_dax, 2 fsdev_dax, which are those of `enum
/// dax_driver_type`, 3 none, or -1 if there is no choice.
///
/// # Safety
///
/// `policy` must be valid.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_driver(policy: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    match unsafe { borrow(policy) }.driver() {
        Some(Driver::Kmem) => 0,
        Some(Driver::DeviceDax) => 1,
        Some(Driver::FsdevDax) => 2,
        Some(Driver::Unbound) => 3,
        None => -1,
    }
}

/// Returns whether the memory map is to be placed on the memory: 0, 1, or -1 if that is not said.
///
/// # Safety
///
/// `policy` must be valid.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_memmap(policy: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    unsafe { borrow(policy) }.memmap().map_or(-1, c_int::from)
}

/// Returns what kmem does: `MMOP_ONLINE` (1), `MMOP_ONLINE_KERNEL` (2), `MMOP_ONLINE_MOVABLE` (3),
/// `DAX_KMEM_UNPLUGGED` (-1), or -2 if that is not said.
///
/// # Safety
///
/// `policy` must be valid.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_online(policy: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    match unsafe { borrow(policy) }.online() {
        Some(Online::Any) => 1,
        Some(Online::Kernel) => 2,
        Some(Online::Movable) => 3,
        Some(Online::Unplugged) => -1,
        None => -2,
    }
}

/// Notes that a driver is about to be bound.
///
/// # Safety
///
/// `policy` and `dev` must be valid.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_bind(
    policy: *mut c_void,
    dev: *mut bindings::device,
    makes_ram: bool,
) -> c_int {
    // SAFETY: By the safety requirements.
    let (policy, dev) = unsafe { (borrow(policy), Device::from_raw(dev)) };

    from_result(|| policy.bind(dev, makes_ram).map(|()| 0))
}

/// Notes that a device is not bound any more.
///
/// # Safety
///
/// `policy` must be valid.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_unbind(policy: *mut c_void) {
    // SAFETY: By the safety requirements.
    unsafe { borrow(policy) }.unbind();
}

/// Shows the policy of a region.
///
/// # Safety
///
/// `policy` must be valid, and `page` for writing `PAGE_SIZE` bytes, and initialised.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_show(policy: *mut c_void, page: *mut u8) -> c_int {
    // SAFETY: By the safety requirements.
    let policy = unsafe { borrow(policy) };

    from_result(|| {
        let text = policy.show()?;

        // SAFETY: By the safety requirements.
        Ok(unsafe { emit(&[text.to_bytes()], page) })
    })
}

/// Writes actions to the policy of the region of `dev`.
///
/// # Safety
///
/// `policy` and `dev` must be valid, and `text` for reading `len` bytes.
#[no_mangle]
unsafe extern "C" fn dax_policy_rs_write(
    policy: *mut c_void,
    dev: *mut bindings::device,
    text: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: By the safety requirements.
    let (policy, dev, text) = unsafe {
        (
            borrow(policy),
            Device::from_raw(dev),
            core::slice::from_raw_parts(text, len),
        )
    };

    from_result(|| policy.write(dev, text).map(|()| 0))
}
