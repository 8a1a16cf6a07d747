// SPDX-License-Identifier: GPL-2.0

//! Placeholder of the skeleton.

fn main() {}
