// SPDX-License-Identifier: GPL-2.0

//! Abstractions for the DAX bus: direct access to memory that is set apart.
//!
//! A *region* is a range of physical memory that a driver of some other bus gives to the DAX core.
//! A *DAX device*, `/dev/daxX.Y`, is a part of a region. Drivers of the DAX bus decide what a
//! device is good for: mapping by user space (`device_dax`), System RAM (`kmem`), or something else.
//!
//! - [`region`] is for those who provide memory.
//! - [`hmem`] finds the memory that platform firmware set aside.
//!
//! C headers: [`drivers/dax/bus.h`](srctree/drivers/dax/bus.h),
//! [`include/linux/dax.h`](srctree/include/linux/dax.h)

pub mod hmem;
pub mod region;
