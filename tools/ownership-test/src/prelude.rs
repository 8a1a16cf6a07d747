// SPDX-License-Identifier: GPL-2.0

//! What the files that are shared take from the kernel's prelude.

pub use std::format_args as fmt;

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(i32);

/// Invalid argument.
pub const EINVAL: Error = Error(-22);

/// The result of what can fail.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// How memory is to be had; a host knows one way.
#[derive(Clone, Copy, Debug)]
pub struct Flags;

/// For what may sleep.
pub const GFP_KERNEL: Flags = Flags;

/// A vector that says when there is no memory. A host always has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KVec<T>(Vec<T>);

impl<T> KVec<T> {
    /// Makes an empty one.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends `value`.
    pub fn push(&mut self, value: T, _flags: Flags) -> Result {
        self.0.push(value);
        Ok(())
    }
}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::ops::Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}
