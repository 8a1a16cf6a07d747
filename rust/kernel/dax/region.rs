// SPDX-License-Identifier: GPL-2.0

//! DAX regions, and the drivers that provide them.
//!
//! The DAX core keeps its data about a region in the driver data of the device that hosts it, and
//! looks there whenever user space reads an attribute of the region. So a driver that hosts a
//! region cannot have driver data of its own, and the usual driver abstractions, which store the
//! driver's data there and free it, do not fit. This module has its own [`Adapter`], which leaves
//! the driver data to the DAX core: a [`Driver`] has a probe callback and nothing else. Whatever
//! it creates is released by the driver core when the device is unbound.
//!
//! C header: [`drivers/dax/bus.h`](srctree/drivers/dax/bus.h)

use crate::{
    bindings,
    device::{
        self,
        Core, //
    },
    driver::{
        self,
        ProbeType, //
    },
    error::{
        from_err_ptr,
        from_result,
        to_result, //
    },
    iomem::Memory,
    platform,
    prelude::*,
    types::Opaque,
    ThisModule, //
};
use core::{
    marker::PhantomData,
    mem::offset_of,
    ptr::NonNull, //
};

/// A driver for platform devices, each of which hosts one DAX region.
///
/// # Examples
///
/// ```
/// use kernel::{
///     dax::{
///         hmem::RegionInfo,
///         region, //
///     },
///     device::Core,
///     platform,
///     prelude::*, //
/// };
///
/// struct MyDriver;
///
/// impl region::Driver for MyDriver {
///     fn probe(pdev: &platform::Device<Core<'_>>, host: region::Host<'_>) -> Result {
///         let info = pdev.platform_data::<RegionInfo>().ok_or(ENODEV)?;
///         let memory = info.memory().ok_or(ENODEV)?;
///         let size = memory.range().len();
///
///         dev_info!(pdev, "offering {}\n", memory.range());
///         host.create_region(0, memory, info.node(), region::Flags::KMEM)?
///             .create_device(size, false)
///     }
/// }
/// ```
pub trait Driver {
    /// Whether the driver core may probe asynchronously.
    const PROBE_TYPE: ProbeType = ProbeType::Default;

    /// Called when a device is to be bound to the driver.
    ///
    /// The driver core calls this with the lock of the device held. If this fails, everything that
    /// was created is released again.
    fn probe(pdev: &platform::Device<Core<'_>>, host: Host<'_>) -> Result;
}

/// An adapter for the registration of [`Driver`]s on the platform bus.
pub struct Adapter<T: Driver>(PhantomData<T>);

// SAFETY:
// - `bindings::platform_driver` is a C type declared as `repr(C)`.
// - The driver has no private data: `OWNS_DRVDATA` is false, and nothing here sets driver data.
// - `struct platform_driver` embeds a `struct device_driver` at `DEVICE_DRIVER_OFFSET`.
unsafe impl<T: Driver> driver::DriverLayout for Adapter<T> {
    type DriverType = bindings::platform_driver;
    type DriverData<'bound> = ();
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(Self::DriverType, driver);
    const OWNS_DRVDATA: bool = false;
}

// SAFETY: `register` succeeds only if `__platform_driver_register()` does, after which
// `platform_driver_unregister()` is valid.
unsafe impl<T: Driver> driver::RegistrationOps for Adapter<T> {
    unsafe fn register(
        pdrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, so nobody else looks at these fields.
        unsafe {
            (*pdrv.get()).driver.name = name.as_char_ptr();
            (*pdrv.get()).driver.probe_type = T::PROBE_TYPE.into_raw();
            (*pdrv.get()).probe = Some(Self::probe_callback);
        }

        // SAFETY: `pdrv` is a valid driver, which the caller keeps in its place until it is
        // unregistered.
        to_result(unsafe {
            bindings::__platform_driver_register(pdrv.get(), module.as_ptr(), name.as_char_ptr())
        })
    }

    unsafe fn unregister(pdrv: &Opaque<Self::DriverType>) {
        // SAFETY: By the safety requirements, the driver is registered.
        unsafe { bindings::platform_driver_unregister(pdrv.get()) };
    }
}

impl<T: Driver> Adapter<T> {
    extern "C" fn probe_callback(pdev: *mut bindings::platform_device) -> c_int {
        // SAFETY: The platform bus calls this with a valid `struct platform_device`, which it is
        // about to bind and whose lock it holds, for the duration of the call.
        let pdev = unsafe { &*pdev.cast::<platform::Device<Core<'_>>>() };

        from_result(|| {
            // SAFETY: The device is valid.
            if !unsafe { bindings::dev_get_drvdata(pdev.as_ref().as_raw()) }.is_null() {
                return Err(EBUSY);
            }

            // INVARIANT: The driver data is unset, as was just seen, the driver has no way to set
            // it, and this is the only host made for this bind.
            T::probe(pdev, Host(pdev.as_ref()))?;
            Ok(0)
        })
    }
}

/// What a DAX region made here and the devices that are created in it start and end at a multiple
/// of, in bytes: the size of a huge page.
// With another size of a device, device_dax would make a memory map for more than the device has.
pub const ALIGN: u32 = bindings::PMD_SIZE as u32;

/// What becomes of the devices of a region, unless the administrator decides otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(c_ulong);

impl Flags {
    /// Devices are for the driver `device_dax`.
    pub const NONE: Self = Self(0);

    /// Devices are for the driver `kmem`, that is, for System RAM.
    pub const KMEM: Self = Self(bindings::IORESOURCE_DAX_KMEM);
}

/// A device that is being probed, in its role as the host of one DAX region.
///
/// It is used up by [`create_region`](Self::create_region): there is one region a bind.
///
/// # Invariants
///
/// The device is being probed by a driver of [`Adapter`], its driver data is unset, and no other
/// `Host` exists for it.
pub struct Host<'a>(&'a device::Device<Core<'a>>);

impl<'a> Host<'a> {
    /// Gives `memory` to the DAX core, as the region of this device.
    ///
    /// `id` is the `X` of its devices' names, `daxX.Y`. `node` is the NUMA node that the memory
    /// belongs to once it is System RAM, or negative if that is not known.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`] if `memory` does not start and end at a multiple of [`ALIGN`], or if no node
    ///   can have the number `node`.
    /// - [`EBUSY`] if a byte of `memory` belongs to another region (the DAX core logs the range),
    ///   or if its attributes or its policy could not be added, for want of memory for instance: C
    ///   does not tell.
    /// - [`ENOMEM`] if there is no memory for the region itself.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn create_region(
        self,
        id: i32,
        memory: Memory<'static>,
        node: i32,
        flags: Flags,
    ) -> Result<Region<'a>> {
        let range = memory.range();

        // kmem looks the node up in tables.
        //
        // CAST: `MAX_NUMNODES` is at most 1024.
        if node >= bindings::MAX_NUMNODES as i32 {
            return Err(EINVAL);
        }
        if range.trim_to(u64::from(ALIGN)) != Some(range) {
            return Err(EINVAL);
        }

        let mut raw = bindings::range {
            start: range.start(),
            end: range.end(),
        };

        // SAFETY: The device is being probed, and by the type invariant its driver data is unset.
        // `raw` is valid for the call, which copies it.
        let region = unsafe {
            bindings::alloc_dax_region(
                self.0.as_raw(),
                id,
                &raw mut raw,
                node.max(bindings::NUMA_NO_NODE),
                ALIGN,
                flags.0,
            )
        };

        match NonNull::new(region) {
            // INVARIANT: The region was just created for this device; the driver core releases it
            // when the device is unbound, which is after `'a`.
            Some(region) => Ok(Region {
                region,
                _host: PhantomData,
            }),
            None => {
                // The C function gives no reason. It sets the driver data once it has memory for
                // the region, and leaves the pointer there if it fails later.
                // SAFETY: The device is valid, and we are its driver.
                let allocated = !unsafe { bindings::dev_get_drvdata(self.0.as_raw()) }.is_null();
                // SAFETY: As above; nobody uses the data of a region that was not created.
                unsafe { bindings::dev_set_drvdata(self.0.as_raw(), core::ptr::null_mut()) };

                Err(if allocated { EBUSY } else { ENOMEM })
            }
        }
    }
}

/// A DAX region, borrowed from its host while that is being probed.
///
/// The driver core releases it when the host is unbound.
///
/// # Invariants
///
/// `self.region` is a valid region of a device that stays bound for `'a`.
pub struct Region<'a> {
    region: NonNull<bindings::dax_region>,
    _host: PhantomData<&'a ()>,
}

impl Region<'_> {
    /// Creates a DAX device from the first `size` bytes of the region, which must be free.
    ///
    /// A `size` of zero creates a device without memory, which user space may resize.
    /// `memmap_on_memory` tells whether kmem may keep the memory map of the device's memory in that
    /// memory itself. A driver of the DAX bus may bind to the device, and may fail to, before this
    /// returns.
    ///
    /// No handle is returned, since user space may delete the device at any time; the driver core
    /// releases it when the host is unbound.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`] if `size` is not a multiple of [`ALIGN`].
    /// - [`ENOMEM`] if the first `size` bytes are not free, or if there is no memory for the
    ///   device.
    /// - Whatever else `device_add()` returns, also for the device's first mapping; in that case
    ///   the device may be there.
    ///
    /// # Context
    ///
    /// May sleep, for long if a driver adds the memory to the system. Takes the lock of the DAX
    /// regions and that of the new device.
    pub fn create_device(&self, size: u64, memmap_on_memory: bool) -> Result {
        if size % u64::from(ALIGN) != 0 {
            return Err(EINVAL);
        }

        let mut data = bindings::dev_dax_data {
            dax_region: self.region.as_ptr(),
            pgmap: core::ptr::null_mut(),
            size,
            // The DAX core picks the number.
            id: -1,
            memmap_on_memory,
        };

        // SAFETY: By the type invariant, the region is valid and its host is bound; the region is
        // not static, hence there is no page map. The size is a multiple of the region's alignment,
        // as drivers of the device take for granted. `data` is only used during the call.
        from_err_ptr(unsafe { bindings::devm_create_dev_dax(&raw mut data) })?;

        Ok(())
    }
}
