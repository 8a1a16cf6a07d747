// SPDX-License-Identifier: GPL-2.0

//! What the pure code of the drivers needs of the kernel crate, for a host.
//!
//! `rust/kernel/range.rs` and the words for memory are compiled unchanged as modules of this crate, the
//! ownership rule, `drivers/dax/hmem_rs/ownership.rs`, as a module of the tests, and the parsers of
//! kmem as modules of the tests and of `tools/fuzz`. They find here, under the name `kernel`, the little
//! that they use: what is missing from this file is what they do not depend on.

extern crate self as kernel;

#[path = "../../../rust/kernel/range.rs"]
pub mod range;

#[path = "../../../rust/kernel/memory_hotplug/online_type.rs"]
mod online_type;

#[path = "../../../rust/kernel/memory_hotplug/census.rs"]
mod census;

// Where the census looks for it
use online_type::OnlineType;

/// Of memory hotplug, what blocks can be, and how many are.
pub mod memory_hotplug {
    pub use crate::census::Census;
    pub use crate::online_type::OnlineType;
}

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
