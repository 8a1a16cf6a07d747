// SPDX-License-Identifier: GPL-2.0

//! Fuzz targets for every parser, and what drives them.
//!
//! A target takes any bytes. It fails by a panic: the parser's own, or that of an assertion about what it returned.
//! [`engine`] makes inputs of those in `corpus/`, and keeps what reaches code that no other input did, if the build
//! counts that ([`coverage`]).

#[path = "../../../drivers/dax/kmem_rs/command.rs"]
mod command;
pub mod coverage;
pub mod engine;
mod mutate;
#[path = "../../../drivers/dax/kmem_rs/state.rs"]
#[allow(dead_code)]
mod state;
pub mod targets;
