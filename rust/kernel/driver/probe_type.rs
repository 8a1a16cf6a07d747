// SPDX-License-Identifier: GPL-2.0

//! Whether the driver core may probe a driver's devices asynchronously.
//!
//! C header: [`include/linux/device/driver.h`](srctree/include/linux/device/driver.h)

use crate::bindings;

/// When the devices of a driver are probed, relative to whoever registers the driver or the device.
///
/// This is the C `enum probe_type`.
///
/// # Examples
///
/// ```
/// use kernel::{
///     device::Core,
///     driver::ProbeType,
///     platform,
///     prelude::*, //
/// };
///
/// struct MyDriver;
///
/// impl platform::Driver for MyDriver {
///     type IdInfo = ();
///     type Data<'bound> = Self;
///     const PROBE_TYPE: ProbeType = ProbeType::PreferAsynchronous;
///
///     fn probe<'bound>(
///         pdev: &'bound platform::Device<Core<'_>>,
///         _id_info: Option<&'bound Self::IdInfo>,
///     ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
///         dev_info!(pdev, "nobody waits for this\n");
///         Ok(Self)
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeType {
    /// Synchronously, unless the administrator asks otherwise (`driver_async_probe=` on the kernel
    /// command line, or the module parameter `async_probe`).
    Default,
    /// Asynchronously.
    PreferAsynchronous,
    /// Synchronously, whatever the administrator asks.
    ///
    /// For drivers of which other code relies on the order: when registering the driver or a
    /// device returns, the probe is over.
    ForceSynchronous,
}

impl ProbeType {
    /// The C value, as `struct device_driver` stores it.
    pub(crate) const fn into_raw(self) -> bindings::probe_type {
        match self {
            Self::Default => bindings::probe_type_PROBE_DEFAULT_STRATEGY,
            Self::PreferAsynchronous => bindings::probe_type_PROBE_PREFER_ASYNCHRONOUS,
            Self::ForceSynchronous => bindings::probe_type_PROBE_FORCE_SYNCHRONOUS,
        }
    }
}
