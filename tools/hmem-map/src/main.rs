// SPDX-License-Identifier: GPL-2.0

//! Who owns which Soft Reserved range or CXL window, and why.

fn main() {}
