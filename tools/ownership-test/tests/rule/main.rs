// SPDX-License-Identifier: GPL-2.0

//! The ownership rule, held to its promises.
//!
//! The exact cases at the end of `ownership.rs`, which KUnit runs in the kernel, run here too.

#[allow(dead_code, reason = "no driver uses the rule here")]
#[path = "../../../../drivers/dax/hmem_rs/ownership.rs"]
mod ownership;

mod input;
mod oracle;
mod properties;
