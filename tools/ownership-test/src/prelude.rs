// SPDX-License-Identifier: GPL-2.0

//! What the examples of `range.rs` take from the kernel's prelude.

pub use std::format_args as fmt;

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(i32);

/// Invalid argument.
pub const EINVAL: Error = Error(-22);
