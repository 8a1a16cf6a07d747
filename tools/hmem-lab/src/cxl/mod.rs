// SPDX-License-Identifier: GPL-2.0

//! CXL hardware for scenarios, with the platform firmware that real servers have and QEMU lacks.
//!
//! Real firmware may hand the kernel memory expanders whose HDM decoders are programmed already; which
//! part of a Soft Reserved range they cover decides who owns it. Here the scenario says what is plugged
//! ([`CxlSpec`]); QEMU builds it ([`CxlSpec::qemu_args`]) and waits, and [`CxlSpec::program`] commits the
//! decoders through the qtest socket before the first guest instruction.

mod decoder;
mod firmware;
mod machine;
mod programming;
mod sockets;
mod spec;
mod topology;

pub use spec::CxlSpec;
