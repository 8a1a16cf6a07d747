// SPDX-License-Identifier: GPL-2.0

//! System RAM from devices of the DAX bus.
//!
//! The driver `kmem` adds the memory of each device that it is bound to into the system, as far as
//! it is made of whole memory blocks, and gives it up again when it is unbound, unless it is in use
//! then. In between, the file `state` of the device takes the memory online and away.
//!
//! - [`state`] knows the words of that file, and what they mean: pure functions.
//! - [`command`] reads what is written for several devices at once: pure functions as well.
//! - [`memory`] is the memory of one device, with all that is done to it.
//! - [`set`] does it to several devices as a unit.
//! - [`driver`] ties these to the bus.
//!
//! The module and the driver are named `kmem`, as those that they replace: the tool `daxctl` knows
//! both by this name, and mm/ exports the function that adds the memory to a module of this name
//! only.

mod command;
mod driver;
mod memory;
mod set;
mod state;

kernel::module_dax_driver! {
    type: driver::Kmem,
    name: "kmem",
    authors: ["The hmem_rs developers"],
    description: "KMEM DAX: map dax-devices as System-RAM",
    license: "GPL v2",
    alias: ["dax:t0*"],
}
