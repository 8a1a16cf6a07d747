// SPDX-License-Identifier: GPL-2.0

//! What the examples of `range.rs` take from the kernel's strings.

use crate::prelude::{Error, EINVAL};
use std::fmt::Arguments;

/// A string that was formatted.
pub struct CString(std::ffi::CString);

impl CString {
    /// Formats `args`.
    ///
    /// Fails if the text has a NUL byte.
    pub fn try_from_fmt(args: Arguments<'_>) -> Result<Self, Error> {
        std::ffi::CString::new(args.to_string())
            .map(Self)
            .map_err(|_| EINVAL)
    }

    /// Returns the text without its NUL byte.
    pub fn to_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }
}
