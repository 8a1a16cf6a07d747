// SPDX-License-Identifier: GPL-2.0

//! The devices that a driver of the DAX bus is bound to.

use super::{
    Device,
    Driver, //
};
use crate::{
    bindings,
    device::{
        self,
        BoundInternal,
        CoreInternal, //
    },
    prelude::*,
    sync::{
        lazy_mutex,
        lock::mutex::MutexGuard,
        LazyMutex, //
    },
    types::{
        CovariantForLt,
        ForLt, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr::addr_of_mut, //
};

/// A device, from before it is probed until before it is unbound.
struct Entry {
    ddev: *mut bindings::dev_dax,
    /// Whether the driver has its private data in place.
    probed: bool,
}

// SAFETY: A `struct dev_dax` may be used by any thread.
unsafe impl Send for Entry {}

/// The list of all devices that the driver `T` is bound to, for work on several of them as a unit.
///
/// A driver that wants one has it as a static, and names it in [`Driver::DEVICES`]. The bus keeps
/// the list: a device is in it after [`Driver::probe`] succeeded and until before
/// [`Driver::unbind`].
///
/// # Invariants
///
/// A device that is marked as probed is bound to `T`, with driver data of the type `T::Data`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     dax,
///     device::{
///         Bound,
///         Core, //
///     },
///     prelude::*,
///     types::CovariantForLt, //
/// };
///
/// struct MyDriver;
///
/// struct MyData<'bound> {
///     ddev: &'bound dax::Device<Bound>,
/// }
///
/// static BOUND: dax::BoundDevices<MyDriver> = dax::BoundDevices::new();
///
/// impl dax::Driver for MyDriver {
///     type Data<'bound> = MyData<'bound>;
///     const TYPE: dax::DriverType = dax::DriverType::Fsdev;
///     const DEVICES: Option<dax::ListName<Self>> = dax::bound_devices!(BOUND);
///
///     fn probe<'bound>(
///         ddev: &'bound dax::Device<Core<'_>>,
///     ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
///         Ok(MyData { ddev })
///     }
/// }
///
/// for data in BOUND.lock().data::<CovariantForLt!(MyData<'_>)>() {
///     dev_info!(data.ddev, "bound\n");
/// }
/// # Ok::<(), Error>(())
/// ```
pub struct BoundDevices<T: Driver> {
    entries: LazyMutex<KVec<Entry>>,
    _driver: PhantomData<fn() -> T>,
}

impl<T: Driver> BoundDevices<T> {
    /// Makes an empty list. The locks of all lists are of one class.
    #[expect(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            entries: lazy_mutex!(KVec::new()),
            _driver: PhantomData,
        }
    }

    /// Locks the list. May sleep.
    ///
    /// Probing and unbinding wait for this lock, with the lock of the device held, before and
    /// after they call the driver, which may lock the list as well then. Whoever holds it must not
    /// wait for the lock of a device.
    pub fn lock(&'static self) -> LockedDevices<T> {
        LockedDevices {
            entries: self.entries.lock(),
            _driver: PhantomData,
        }
    }

    /// Runs `probe` for a device, which is in the list afterwards if that succeeded.
    ///
    /// # Safety
    ///
    /// Success of `probe` must mean that the driver data of the device is a `T::Data`, which stays
    /// in place until after a call of [`leave`](Self::leave).
    pub(super) unsafe fn enter(
        &'static self,
        ddev: &Device<CoreInternal<'_>>,
        probe: impl FnOnce() -> Result,
    ) -> Result {
        // Nothing may fail after probing.
        self.entries.lock().push(
            Entry {
                ddev: ddev.as_raw(),
                probed: false,
            },
            GFP_KERNEL,
        )?;

        let result = probe();
        if result.is_err() {
            self.leave(ddev);
            return result;
        }

        let mut entries = self.entries.lock();
        // Most likely the last one.
        if let Some(entry) = entries.iter_mut().rfind(|e| e.ddev == ddev.as_raw()) {
            // INVARIANT: Bound by now, and by the safety requirements with this data.
            entry.probed = true;
        }
        Ok(())
    }

    /// Takes a device out of the list.
    pub(super) fn leave(&'static self, ddev: &Device<CoreInternal<'_>>) {
        let mut entries = self.entries.lock();

        if let Some(index) = entries.iter().position(|e| e.ddev == ddev.as_raw()) {
            let _ = entries.remove(index);
        }
    }

    /// Frees the memory of the list, if the driver is bound to nothing any more.
    pub(super) fn free(&'static self) {
        let mut entries = self.entries.lock();

        if entries.is_empty() {
            *entries = KVec::new();
        }
    }
}

/// The name of a static list; made by [`bound_devices!`](crate::dax::bound_devices).
///
/// # Invariants
///
/// The function returns the same list whenever it is called.
pub struct ListName<T: Driver>(fn() -> &'static BoundDevices<T>);

impl<T: Driver> ListName<T> {
    /// Names a list.
    ///
    /// # Safety
    ///
    /// The type invariant must hold.
    #[doc(hidden)]
    pub const unsafe fn new(list: fn() -> &'static BoundDevices<T>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(list)
    }

    pub(super) fn list(&self) -> &'static BoundDevices<T> {
        (self.0)()
    }
}

/// Names the [`BoundDevices`] of a driver, which must be a static, for [`Driver::DEVICES`].
#[macro_export]
macro_rules! bound_devices {
    ($list:path) => {
        // SAFETY: What has an address and is named by a path is a static, always the same.
        Some(unsafe {
            $crate::dax::ListName::new(|| {
                // A reference would be converted: by a `Deref` of anything, to anything.
                let list: *const $crate::dax::BoundDevices<_> = &raw const $list;

                // SAFETY: Points to a static.
                unsafe { &*list }
            })
        })
    };
}
pub use bound_devices;

/// The devices that the driver `T` is bound to, all of which stay bound while this value lives.
#[must_use = "the list is unlocked at once if this is not used"]
pub struct LockedDevices<T: Driver> {
    entries: MutexGuard<'static, KVec<Entry>>,
    _driver: PhantomData<fn() -> T>,
}

impl<T: Driver> LockedDevices<T> {
    /// Returns the driver's data of each device, in the order in which probing began.
    ///
    /// `F` says that the data can be used as if the devices were bound for a shorter time than they
    /// are: it is [`CovariantForLt!`](macro@CovariantForLt) of `T::Data`.
    pub fn data<'a, F>(&'a self) -> impl Iterator<Item = Pin<&'a T::Data<'a>>>
    where
        F: CovariantForLt + for<'b> ForLt<Of<'b> = T::Data<'b>>,
    {
        self.entries.iter().filter(|e| e.probed).map(|entry| {
            // SAFETY: By the invariant of the list the device is bound. It has to leave the list,
            // for which the lock is needed, before it is unbound.
            let dev = unsafe {
                device::Device::<BoundInternal>::from_raw(addr_of_mut!((*entry.ddev).dev))
            };

            // SAFETY: By the invariant of the list the data is in place, and of this type but for
            // the lifetime, which is longer. By `F` the type is covariant in it.
            unsafe { dev.drvdata_borrow::<T::Data<'a>>() }
        })
    }
}
