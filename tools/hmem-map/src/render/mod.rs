// SPDX-License-Identifier: GPL-2.0

//! Pictures of a [`Map`](crate::Map): for the terminal, and as SVG.

mod describe;
pub mod style;
pub mod terminal;
