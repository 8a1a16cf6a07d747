// SPDX-License-Identifier: GPL-2.0

//! Reads a machine's Soft Reserved ranges, CXL windows and dax devices, and says who owns what.

pub mod model;
pub mod parse;
pub mod range;

pub use model::*;
pub use range::Range;
