// SPDX-License-Identifier: GPL-2.0

//! Pictures of a [`Map`](crate::Map): for the terminal, and as SVG.

pub mod axis;
mod canvas;
mod describe;
mod labels;
pub mod style;
pub mod svg;
pub mod terminal;
