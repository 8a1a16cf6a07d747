// SPDX-License-Identifier: GPL-2.0

//! The kernel and its settings.

use crate::model::System;
use crate::parse;
use crate::tree::Tree;

/// Modules that have a part in what becomes of the memory.
const MODULES: &[&str] = &[
    "hmem_rs",
    "dax_hmem",
    "device_hmem",
    "kmem",
    "device_dax",
    "fsdev_dax",
    "dax_cxl",
    "cxl_core",
    "cxl_acpi",
    "cxl_pci",
    "cxl_port",
    "cxl_mem",
];

pub(super) fn read(tree: &Tree) -> System {
    let modules = MODULES
        .iter()
        .filter(|name| tree.has_directory(&format!("/sys/module/{name}")));
    System {
        kernel: tree.text("/proc/sys/kernel/osrelease"),
        cmdline: tree.text("/proc/cmdline"),
        memory_block_size: tree
            .text("/sys/devices/system/memory/block_size_bytes")
            // Hexadecimal without 0x.
            .and_then(|t| parse::hex(&t)),
        auto_online_blocks: tree.text("/sys/devices/system/memory/auto_online_blocks"),
        modules: modules.map(|name| name.to_string()).collect(),
        region_idle: ["hmem_rs", "dax_hmem"]
            .iter()
            .find_map(|name| tree.flag(&format!("/sys/module/{name}/parameters/region_idle"))),
        policy: tree.text("/sys/module/dax/parameters/policy"),
        addresses_hidden: false,
    }
}
