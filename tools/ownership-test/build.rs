// SPDX-License-Identifier: GPL-2.0

//! Tells the compiler about the kernel's configuration symbols that the shared files test.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(CONFIG_DEV_DAX_HMEM_RUST_KUNIT_TEST)");
    println!("cargo::rustc-check-cfg=cfg(CONFIG_DEV_DAX_KMEM_RUST_KUNIT_TEST)");
    println!("cargo::rerun-if-changed=build.rs");
}
