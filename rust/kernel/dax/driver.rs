// SPDX-License-Identifier: GPL-2.0

//! Drivers of the DAX bus.
//!
//! C header: [`drivers/dax/bus.h`](srctree/drivers/dax/bus.h)

use super::{
    Device,
    ListName, //
};
use crate::{
    bindings,
    device::{
        attribute::{
            Groups,
            OfDevice,
            OfDriver, //
        },
        Core,
        CoreInternal, //
    },
    driver,
    error::{
        from_result,
        to_result, //
    },
    prelude::*,
    types::Opaque,
    ThisModule, //
};
use core::mem::offset_of;

/// An adapter for the registration of drivers of the DAX bus.
pub struct Adapter<T: Driver>(T);

// SAFETY:
// - `bindings::dax_device_driver` is a C type declared as `repr(C)`.
// - `T::Data` is the type of the driver's device private data.
// - `struct dax_device_driver` embeds a `struct device_driver`.
// - `DEVICE_DRIVER_OFFSET` is the correct byte offset to the embedded `struct device_driver`.
unsafe impl<T: Driver> driver::DriverLayout for Adapter<T> {
    type DriverType = bindings::dax_device_driver;
    type DriverData<'bound> = T::Data<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(Self::DriverType, drv);
}

// SAFETY: A call to `unregister` for a given instance of `DriverType` is guaranteed to be valid if
// a preceding call to `register` has been successful.
unsafe impl<T: Driver> driver::RegistrationOps for Adapter<T> {
    unsafe fn register(
        ddrv: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: It's safe to set the fields of `struct dax_device_driver` on initialization.
        // The groups are constants, thus they outlive the registration, and their callbacks expect
        // the driver data of this adapter.
        unsafe {
            (*ddrv.get()).type_ = T::TYPE.into_raw();
            (*ddrv.get()).probe = Some(Self::probe_callback);
            (*ddrv.get()).remove = Some(Self::remove_callback);
            (*ddrv.get()).drv.dev_groups = T::ATTRIBUTES.as_raw();
            (*ddrv.get()).drv.groups = T::DRIVER_ATTRIBUTES.as_raw();
        }

        // The DAX core knows one name only, for the driver and, where the driver is built in, for
        // its directory below `/sys/module`.
        //
        // SAFETY: `ddrv` is guaranteed to be a valid `DriverType`, and `name` lives forever.
        let result = to_result(unsafe {
            bindings::__dax_driver_register(ddrv.get(), module.as_ptr(), name.as_char_ptr())
        });
        if result.is_err() {
            // It may have been bound for a moment.
            Self::free_list();
        }
        result
    }

    unsafe fn unregister(ddrv: &Opaque<Self::DriverType>) {
        // SAFETY: By the safety requirements, `ddrv` is registered.
        unsafe { bindings::dax_driver_unregister(ddrv.get()) };
        Self::free_list();
    }
}

impl<T: Driver> Adapter<T> {
    fn free_list() {
        if let Some(name) = &T::DEVICES {
            name.list().free();
        }
    }

    extern "C" fn probe_callback(ddev: *mut bindings::dev_dax) -> c_int {
        // SAFETY: The DAX bus only ever calls the probe callback with a valid pointer to a
        // `struct dev_dax`.
        //
        // INVARIANT: `ddev` is valid for the duration of `probe_callback()`.
        let ddev = unsafe { &*ddev.cast::<Device<CoreInternal<'_>>>() };

        from_result(|| {
            let probe = || ddev.as_ref().set_drvdata(T::probe(ddev));

            match &T::DEVICES {
                // SAFETY: The driver data is set by probing, and freed after `remove_callback()`.
                Some(name) => unsafe { name.list().enter(ddev, probe)? },
                None => probe()?,
            }
            Ok(0)
        })
    }

    extern "C" fn remove_callback(ddev: *mut bindings::dev_dax) {
        // SAFETY: The DAX bus only ever calls the remove callback with a valid pointer to a
        // `struct dev_dax`.
        //
        // INVARIANT: `ddev` is valid for the duration of `remove_callback()`.
        let ddev = unsafe { &*ddev.cast::<Device<CoreInternal<'_>>>() };

        if let Some(name) = &T::DEVICES {
            name.list().leave(ddev);
        }

        // SAFETY: `remove_callback` is only ever called after a successful call to
        // `probe_callback`, hence it's guaranteed that `Device::set_drvdata()` has been called
        // and stored a `Pin<KBox<T::Data<'_>>>`.
        let data = unsafe { ddev.as_ref().drvdata_borrow::<T::Data<'_>>() };

        T::unbind(ddev, data);
    }
}

/// Declares a kernel module that exposes a single driver of the DAX bus, named as the module.
///
/// For a driver with a name of its own write the module by hand and pass the name to
/// [`driver::Registration::new`].
#[macro_export]
macro_rules! module_dax_driver {
    ($($f:tt)*) => {
        $crate::module_driver!(<T>, $crate::dax::Adapter<T>, { $($f)* });
    };
}

/// Which devices a driver is offered besides those that user space names in its `new_id`.
///
/// This is the C `enum dax_driver_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverType {
    /// Devices of a region that is meant for System RAM.
    Kmem,
    /// Devices of all other regions.
    Device,
    /// None.
    Fsdev,
}

impl DriverType {
    const fn into_raw(self) -> bindings::dax_driver_type {
        match self {
            Self::Kmem => bindings::dax_driver_type_DAXDRV_KMEM_TYPE,
            Self::Device => bindings::dax_driver_type_DAXDRV_DEVICE_TYPE,
            Self::Fsdev => bindings::dax_driver_type_DAXDRV_FSDEV_TYPE,
        }
    }
}

/// A driver of the DAX bus.
///
/// # Examples
///
/// ```
/// use kernel::{
///     dax,
///     device::Core,
///     prelude::*, //
/// };
///
/// struct MyDriver;
///
/// impl dax::Driver for MyDriver {
///     type Data<'bound> = Self;
///     const TYPE: dax::DriverType = dax::DriverType::Fsdev;
///
///     fn probe<'bound>(
///         ddev: &'bound dax::Device<Core<'_>>,
///     ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
///         dev_info!(ddev, "memory of node {}\n", ddev.target_node());
///         Ok(Self)
///     }
/// }
/// ```
pub trait Driver: Sized + 'static {
    /// The type of the driver's private data of a device.
    type Data<'bound>: Send + Sync + 'bound;

    /// Which devices the driver is offered.
    const TYPE: DriverType;

    /// Files in the directory of each device while the driver is bound to it.
    const ATTRIBUTES: Groups<OfDevice<Adapter<Self>>> = Groups::NONE;

    /// Files in the directory of the driver.
    const DRIVER_ATTRIBUTES: Groups<OfDriver> = Groups::NONE;

    /// The list of the devices that the driver is bound to, if it wants one: the name that
    /// [`bound_devices!`](crate::dax::bound_devices) makes.
    const DEVICES: Option<ListName<Self>> = None;

    /// Called when a device matches the driver. The device has at least one range.
    ///
    /// Runs with the device lock held, and, if the device is new, also with the lock of the DAX
    /// core under which regions change; it may sleep. It must not wait for anything that creates,
    /// changes or removes devices of the DAX bus.
    fn probe<'bound>(
        dev: &'bound Device<Core<'_>>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound;

    /// Called when the device is about to be unbound; its [`Self::ATTRIBUTES`] are gone already.
    ///
    /// `data` is dropped afterwards. Runs with the device lock held, and, if the device could not
    /// be made whole, also with the lock of the DAX core that [`Driver::probe`] may run under.
    fn unbind<'bound>(dev: &'bound Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) {
        let _ = (dev, data);
    }
}
