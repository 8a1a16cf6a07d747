// SPDX-License-Identifier: GPL-2.0

//! Devices of the DAX bus.
//!
//! C header: [`drivers/dax/dax-private.h`](srctree/drivers/dax/dax-private.h)

use crate::{
    bindings,
    device,
    iomem::Memory,
    memory_hotplug::OnlineType,
    range::Range,
    types::{
        NotThreadSafe,
        Opaque, //
    }, //
};
use core::{
    marker::PhantomData,
    mem::offset_of,
    ptr::{
        addr_of_mut,
        NonNull, //
    }, //
};

/// What an administrator wants to become of memory as System RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What the system does with all such memory.
    Default,
    /// There shall be no memory blocks until somebody asks for them.
    Unplugged,
    /// There shall be memory blocks, in this state.
    Online(OnlineType),
}

/// A device of the DAX bus: `daxX.Y`, a part of a region.
///
/// This is an abstraction of an already existing C `struct dev_dax`.
///
/// # Invariants
///
/// A [`Device`] instance represents a valid `struct dev_dax` created by the C portion of the
/// kernel.
///
/// # Examples
///
/// ```
/// use kernel::{
///     dax,
///     device::Bound,
///     prelude::*, //
/// };
///
/// fn size(ddev: &dax::Device<Bound>) -> u64 {
///     // Neither a range more nor a range less until this goes out of scope.
///     let configuration = ddev.configuration();
///
///     dev_info!(ddev, "memory of node {}\n", ddev.target_node());
///     configuration.ranges().map(|memory| memory.range().len()).sum()
/// }
/// ```
#[repr(transparent)]
pub struct Device<Ctx: device::DeviceContext = device::Normal>(
    Opaque<bindings::dev_dax>,
    PhantomData<Ctx>,
);

impl<Ctx: device::DeviceContext> Device<Ctx> {
    pub(super) fn as_raw(&self) -> *mut bindings::dev_dax {
        self.0.get()
    }

    /// Returns the NUMA node that the memory belongs to once it is online, or a negative number if
    /// there is none.
    pub fn target_node(&self) -> i32 {
        // SAFETY: By the type invariant the device is valid; the field is set at its creation only.
        unsafe { (*self.as_raw()).target_node }
    }
}

/// What user space configures of a device, which stays as it is for as long as this value lives,
/// and so do all other devices of the bus.
///
/// Whoever drops the last reference to a device meanwhile, in this thread, waits for good.
///
/// Afterwards user space may add ranges, also while a driver is bound: what a driver works with is
/// what it saw at probe time. Ranges that are in use stay while it is bound.
///
/// # Invariants
///
/// `dax_dev_rwsem` is held for reading by this thread.
pub struct Configuration<'a> {
    ddev: &'a Device<device::Bound>,
    _not_send: NotThreadSafe,
}

impl Drop for Configuration<'_> {
    // Not in a module: the semaphore is not exported.
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: By the type invariant the semaphore is held.
        unsafe { bindings::up_read(&raw mut bindings::dax_dev_rwsem) }
    }
}

impl<'a> Configuration<'a> {
    /// Returns whether the memory map of the memory shall be placed on the memory itself once it
    /// is hotplugged, as far as the kernel supports it.
    ///
    /// This does not change while a driver of the type
    /// [`DriverType::Kmem`](super::DriverType::Kmem) is bound.
    pub fn memmap_on_memory(&self) -> bool {
        // SAFETY: By the type invariants the device is valid, and the lock is held, which writers
        // of the field need.
        unsafe { (*self.ddev.as_raw()).memmap_on_memory }
    }

    /// Returns the ranges of memory that the device is made of, in the order in which it maps them.
    pub fn ranges(&self) -> impl Iterator<Item = Memory<'a>> + '_ {
        let ddev = self.ddev.as_raw();

        // SAFETY: By the type invariants the device is valid, and the lock is held, which writers
        // of the fields need. The ranges are freed once a device is unregistered, which comes after
        // unbinding it.
        let (first, count) = unsafe { ((*ddev).ranges, (*ddev).nr_range) };
        let count = match usize::try_from(count) {
            Ok(count) if !first.is_null() => count,
            _ => 0,
        };

        (0..count).filter_map(move |index| {
            // SAFETY: `ranges` is an array of `nr_range` elements, which is not freed while the
            // lock is held: the iterator borrows `self`. Only what is read here does not change
            // meanwhile: the mapping of a range comes and goes without the lock.
            let raw = unsafe { (&raw const (*first.add(index)).range).read() };

            // The DAX core has no empty ranges.
            Range::new(raw.start, raw.end).map(|range| {
                // SAFETY: DAX regions are made of memory that belongs to who made them, and the
                // device of a part of theirs, which they provide as long as it is bound. Memory
                // that the system uses stays, as nobody takes away what is claimed in the tree,
                // but for an administrator who pulls the card, or has the CXL core reset the
                // decoders of memory that is online: that is taken from the whole kernel.
                unsafe { Memory::new(range) }
            })
        })
    }
}

impl Device<device::Bound> {
    /// Keeps the configuration of all devices of the bus as it is, for a look at that of this one.
    ///
    /// May sleep; takes the lock of the configuration of DAX devices for reading, which the thread
    /// must not have already.
    pub fn configuration(&self) -> Configuration<'_> {
        // SAFETY: `dax_dev_rwsem` is a statically initialized semaphore.
        unsafe { bindings::down_read(&raw mut bindings::dax_dev_rwsem) };

        // INVARIANT: Just taken.
        Configuration {
            ddev: self,
            _not_send: NotThreadSafe,
        }
    }

    /// Returns what the administrator wants to become of the memory as System RAM.
    ///
    /// This does not change while a driver is bound. May sleep; takes the lock of the region's
    /// policy.
    pub fn wanted(&self) -> Wanted {
        #[cfg(CONFIG_DEV_DAX_POLICY)]
        {
            // SAFETY: By the type invariant the device is valid, and so is its region, which each
            // device of it keeps.
            match unsafe { bindings::dax_policy_online_type(self.as_raw()) } {
                bindings::DAX_KMEM_UNPLUGGED => Wanted::Unplugged,
                bindings::DAX_POLICY_ONLINE_DEFAULT => Wanted::Default,
                raw => OnlineType::from_raw(raw).map_or(Wanted::Default, Wanted::Online),
            }
        }
        #[cfg(not(CONFIG_DEV_DAX_POLICY))]
        {
            Wanted::Default
        }
    }
}

// SAFETY: `dax::Device` is a transparent wrapper of `struct dev_dax`.
// The offset is guaranteed to point to a valid device field inside `dax::Device`.
unsafe impl<Ctx: device::DeviceContext> device::AsBusDevice<Ctx> for Device<Ctx> {
    const OFFSET: usize = offset_of!(bindings::dev_dax, dev);
}

// SAFETY: `Device` is a transparent wrapper of a type that doesn't depend on `Device`'s generic
// argument.
kernel::impl_device_context_deref!(unsafe { Device });
kernel::impl_device_context_into_aref!(Device);

// SAFETY: Instances of `Device` are always reference-counted.
unsafe impl crate::sync::aref::AlwaysRefCounted for Device {
    fn inc_ref(&self) {
        // SAFETY: The existence of a shared reference guarantees that the refcount is non-zero.
        unsafe { bindings::get_device(self.as_ref().as_raw()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // CAST: `Self` a transparent wrapper of `bindings::dev_dax`.
        let ddev: *mut bindings::dev_dax = obj.cast().as_ptr();

        // SAFETY: By the type invariant of `Self`, `ddev` is a pointer to a valid `struct dev_dax`.
        let dev = unsafe { addr_of_mut!((*ddev).dev) };

        // SAFETY: The safety requirements guarantee that the refcount is non-zero.
        unsafe { bindings::put_device(dev) }
    }
}

impl<Ctx: device::DeviceContext> AsRef<device::Device<Ctx>> for Device<Ctx> {
    fn as_ref(&self) -> &device::Device<Ctx> {
        // SAFETY: By the type invariant of `Self`, `self.as_raw()` is a pointer to a valid
        // `struct dev_dax`.
        let dev = unsafe { addr_of_mut!((*self.as_raw()).dev) };

        // SAFETY: `dev` points to a valid `struct device`.
        unsafe { device::Device::from_raw(dev) }
    }
}

// SAFETY: A `Device` is always reference-counted and can be released from any thread.
unsafe impl Send for Device {}

// SAFETY: `Device` can be shared among threads because all methods of `Device`
// (i.e. `Device<Normal>) are thread safe.
unsafe impl Sync for Device {}

// SAFETY: Same as `Device<Normal>` -- the underlying `struct dev_dax` is the same; `Bound` is a
// zero-sized type-state marker that does not affect thread safety.
unsafe impl Sync for Device<device::Bound> {}
