// SPDX-License-Identifier: GPL-2.0

//! What the ownership rule of hmem_rs needs of the kernel crate, for a host.
//!
//! `rust/kernel/range.rs` is compiled unchanged as a module of this crate, and the rule itself,
//! `drivers/dax/hmem_rs/ownership.rs`, as a module of the tests. Both find here, under the name
//! `kernel`, the little that they use: what is missing from this file is what they do not depend
//! on.

extern crate self as kernel;

#[path = "../../../rust/kernel/range.rs"]
pub mod range;

/// In the kernel crate, formatting traits of its own with the same shape.
pub mod fmt {
    pub use std::fmt::*;
    pub use std::format_args as fmt;
}

/// Of the CXL abstractions, what a region is.
pub mod cxl {
    use crate::range::Range;

    /// As in the kernel crate.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct CommittedRegion {
        /// The addresses that the region covers.
        pub range: Range,
        /// The number of the region.
        pub id: u32,
    }
}

pub mod prelude;
pub mod str;
