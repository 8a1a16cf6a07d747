// SPDX-License-Identifier: GPL-2.0

//! Tells the compiler about the configuration symbols that are tested here and in the shared files.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(fuzz_coverage)");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_DEV_DAX_KMEM_RUST_KUNIT_TEST)");
    println!("cargo::rerun-if-changed=build.rs");
}
