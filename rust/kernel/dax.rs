// SPDX-License-Identifier: GPL-2.0

//! Abstractions for the DAX bus: direct access to memory that is set apart.
//!
//! A *region* is a range of physical memory that a driver of some other bus gives to the DAX core.
//! A *DAX device*, `/dev/daxX.Y`, is a part of a region. Drivers of the DAX bus decide what a
//! device is good for: mapping by user space (`device_dax`), System RAM (`kmem`), or something
//! else.
//!
//! - [`region`] is for those who provide memory.
//! - `Driver` and `Device` are for those who use it (Linux 7.3).
//! - [`hmem`] finds the memory that platform firmware set aside.
//!
//! C headers: [`drivers/dax/bus.h`](srctree/drivers/dax/bus.h),
//! [`include/linux/dax.h`](srctree/include/linux/dax.h)

pub mod hmem;
pub mod region;

#[cfg(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS)]
mod bound;
#[cfg(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS)]
mod device;
#[cfg(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS)]
mod driver;

#[cfg(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS)]
pub use self::{
    bound::{
        bound_devices,
        BoundDevices,
        ListName,
        LockedDevices, //
    },
    device::{
        Configuration,
        Device,
        Wanted, //
    },
    driver::{
        Adapter,
        Driver,
        DriverType, //
    },
};
