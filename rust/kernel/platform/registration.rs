// SPDX-License-Identifier: GPL-2.0

//! Creation of platform devices, and the typed data that such a device carries for its driver.
//!
//! C header: [`include/linux/platform_device.h`](srctree/include/linux/platform_device.h)

use super::Device;
use crate::{
    bindings,
    device,
    error::to_result,
    prelude::*, //
};
use core::{
    marker::PhantomData,
    mem::size_of,
    ptr::NonNull, //
};

/// Data that every platform device of one name carries for its driver.
///
/// # Safety
///
/// Implementers must guarantee that, in the whole kernel, `dev.platform_data` of each platform
/// device called [`NAME`](Self::NAME) is either NULL or points at a valid `Self` that is not
/// modified and stays valid until the device is released, from before the device is added. Any bit
/// pattern that the C side stores there must be valid for `Self`, and there must be no other code
/// that expects more of a device with that name.
pub unsafe trait PlatformData: Copy + Send + Sync + 'static {
    /// The name of the devices, without their id.
    const NAME: &'static CStr;
}

impl<Ctx: device::DeviceContext> Device<Ctx> {
    /// The name of the device without its id: what drivers match by.
    ///
    /// A device that user space forced upon a driver (`driver_override`) has another one.
    pub fn base_name(&self) -> &CStr {
        // SAFETY: By the type invariant, `self.as_raw()` is a valid `struct platform_device`. Its
        // name is a valid C string that is set before the device is added and never changes.
        unsafe { CStr::from_char_ptr((*self.as_raw()).name) }
    }
}

impl Device<device::Bound> {
    /// The id of the device: the number after the dot in `name.id`.
    ///
    /// Negative for a device without one.
    pub fn id(&self) -> i32 {
        // SAFETY: By the type invariant, `self.as_raw()` is a valid `struct platform_device`. Its
        // id is set before the device is added, and may change when it is deleted, which is after
        // it was unbound.
        unsafe { (*self.as_raw()).id }
    }

    /// The data of the device, if it is one of the devices that carry a `D`.
    ///
    /// Returns [`None`] if the device has another name, or no data.
    pub fn platform_data<D: PlatformData>(&self) -> Option<&D> {
        if self.base_name() != D::NAME {
            return None;
        }

        // SAFETY: By the type invariant, `self.as_raw()` is a valid `struct platform_device`.
        let data = unsafe { (*self.as_raw()).dev.platform_data };

        // SAFETY: The name matches, so by the contract of `PlatformData` the pointer is NULL or
        // valid for reads as a `D` until the device is released, which is after it was unbound.
        unsafe { data.cast::<D>().as_ref() }
    }
}

/// A platform device that was created here and that is unregistered when this value is dropped.
///
/// Usually it is a child of a device that its creator is bound to, and is handed to
/// [`devres::register`](crate::devres::register) of that parent, so that it goes first.
///
/// # Invariants
///
/// `self.0` points at a registered `struct platform_device`; `self` is the one who unregisters it.
///
/// # Examples
///
/// ```
/// use kernel::{
///     device::{
///         Bound,
///         Device, //
///     },
///     devres,
///     platform::{
///         self,
///         PlatformData,
///         Registration, //
///     },
///     prelude::*, //
/// };
///
/// #[derive(Clone, Copy)]
/// struct Window {
///     start: u64,
///     size: u64,
/// }
///
/// // SAFETY: All devices of this name are made below, with a copy of a `Window`, which nobody
/// // modifies. Nobody else knows the name.
/// unsafe impl PlatformData for Window {
///     const NAME: &'static CStr = c"my_window";
/// }
///
/// // In the driver of the parent.
/// fn add(parent: &Device<Bound>, window: &Window) -> Result {
///     devres::register(parent, Registration::new(parent, 0, -1, window)?, GFP_KERNEL)
/// }
///
/// // In the driver of the device.
/// fn size(pdev: &platform::Device<Bound>) -> Option<u64> {
///     pdev.platform_data::<Window>().map(|window| window.size)
/// }
/// ```
pub struct Registration<D: PlatformData>(
    NonNull<bindings::platform_device>,
    PhantomData<fn(D) -> D>,
);

// SAFETY: A platform device may be unregistered from any thread.
unsafe impl<D: PlatformData> Send for Registration<D> {}
// SAFETY: There are no methods that take a shared reference.
unsafe impl<D: PlatformData> Sync for Registration<D> {}

impl<D: PlatformData> Registration<D> {
    /// Creates and registers the device `D::NAME` `.` `id` below `parent`.
    ///
    /// The device gets a copy of `data`. `node` is the NUMA node that drivers allocate from when
    /// they serve the device: `node` itself if it is online, or else the nearest one that is;
    /// negative for no preference. If a driver matches, its probe normally runs before this
    /// returns; the outcome of the probe is not an outcome of the registration.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`] if `id` does not fit into a C `int`, or if no node can have the number `node`.
    /// - [`ENOMEM`] if there is no memory for the device or the copy of `data`.
    /// - [`EEXIST`] if there is a device of that name and id already.
    /// - Whatever else `device_add()` returns.
    ///
    /// # Context
    ///
    /// May sleep. Takes the lock of the new device, while drivers probe.
    pub fn new(
        parent: &device::Device<device::Bound>,
        id: u32,
        node: i32,
        data: &D,
    ) -> Result<Self> {
        // The copy comes from kmalloc.
        const { assert!(align_of::<D>() <= bindings::ARCH_KMALLOC_MINALIGN) };

        // SAFETY: `data` is valid for reads of its size. The device gets a name that promises a
        // `D`, and a copy that is only ever read as one, which `D: Copy` allows.
        let device = unsafe {
            add(
                parent,
                D::NAME,
                id,
                node,
                core::ptr::from_ref(data).cast(),
                size_of::<D>(),
            )
        }?;

        // INVARIANT: The device was just registered, and only `self` knows that it is to be
        // unregistered.
        Ok(Self(device, PhantomData))
    }
}

/// Creates and registers a platform device. This is the same for all kinds of data.
///
/// # Safety
///
/// `data` must be valid for reads of `size` bytes, which must be what a device called `name`
/// carries according to [`PlatformData`].
unsafe fn add(
    parent: &device::Device<device::Bound>,
    name: &CStr,
    id: u32,
    node: i32,
    data: *const c_void,
    size: usize,
) -> Result<NonNull<bindings::platform_device>> {
    let id = c_int::try_from(id).map_err(|_| EINVAL)?;
    // CAST: `MAX_NUMNODES` is at most 1024.
    if node >= bindings::MAX_NUMNODES as i32 {
        return Err(EINVAL);
    }
    // SAFETY: `name` is a valid C string, which the call copies.
    let pdev = unsafe { bindings::platform_device_alloc(name.as_char_ptr(), id) };
    let device = NonNull::new(pdev).ok_or(ENOMEM)?;

    // SAFETY: `pdev` was just allocated and is not registered, so nobody else looks at these
    // fields. The device takes its own reference to the parent when it is added. The node is either
    // none or one that there are tables for.
    unsafe {
        (*pdev).dev.parent = parent.as_raw();
        bindings::set_dev_node(
            &raw mut (*pdev).dev,
            bindings::numa_map_to_online_node(node.max(bindings::NUMA_NO_NODE)),
        );
    }

    // SAFETY: `pdev` is a valid platform device that is not registered; the data is what the caller
    // guarantees.
    let ret = to_result(unsafe { bindings::platform_device_add_data(pdev, data, size) })
        // SAFETY: As above.
        .and_then(|()| to_result(unsafe { bindings::platform_device_add(pdev) }));

    if let Err(err) = ret {
        // SAFETY: The device is not registered and ours: this drops the only reference.
        unsafe { bindings::platform_device_put(pdev) };
        return Err(err);
    }
    Ok(device)
}

impl<D: PlatformData> Drop for Registration<D> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the device is registered, and only we unregister it.
        unsafe { bindings::platform_device_unregister(self.0.as_ptr()) }
    }
}
