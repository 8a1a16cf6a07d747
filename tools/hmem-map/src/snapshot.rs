// SPDX-License-Identifier: GPL-2.0

//! Records the files that matter, as a plain tree.
//!
//! What matters is what the reader reads: the recording is a reading whose every access is copied.

use crate::model::Map;
use crate::tree::{Tree, DENIED};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The part of the kernel log that a bug report wants; not read back.
pub const KERNEL_LOG: &str = "hmem-map.log";

/// Files that the map does not need, but the reader of a bug report does.
const ALSO: &[&str] = &[
    "/proc/version",
    "/proc/meminfo",
    "/sys/devices/system/node/possible",
    "/sys/devices/system/node/online",
    "/sys/devices/system/node/has_memory",
];

/// Records the system (or the tree) `tree` below `directory`, which must be new or empty.
///
/// # Errors
///
/// When `directory` has something in it, or cannot be written.
pub fn record(mut tree: Tree, directory: &Path) -> io::Result<Map> {
    fs::create_dir_all(directory)?;
    if fs::read_dir(directory)?.next().is_some() {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    tree.copy_to(directory);
    let map = crate::read_tree(&tree);
    for path in ALSO {
        tree.text(path);
    }
    if let Some(error) = tree.take_copy_error() {
        return Err(error);
    }
    let denied = tree.denied();
    if !denied.is_empty() {
        let lines: String = denied.iter().map(|path| format!("{path}\n")).collect();
        fs::write(directory.join(DENIED), lines)?;
    }
    if tree.is_live() {
        // Without permission there is no log in the snapshot; that is no reason to have none at all.
        if let Some(log) = kernel_log().ok().filter(|log| !log.is_empty()) {
            fs::write(directory.join(KERNEL_LOG), log)?;
        }
    }
    Ok(map)
}

/// The lines of the kernel log that are about memory ranges, CXL or dax.
fn kernel_log() -> io::Result<String> {
    const O_NONBLOCK: i32 = 0o4000;
    const WORDS: [&str; 9] = [
        "hmem",
        "dax",
        "cxl",
        "e820",
        "soft reserved",
        "hmat",
        "srat",
        "memmap",
        "hotplug",
    ];

    let mut device = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open("/dev/kmsg")?;
    let mut log = String::new();
    let mut record = vec![0; 8192];
    loop {
        match device.read(&mut record) {
            Ok(0) => break,
            Ok(length) => {
                let text = String::from_utf8_lossy(&record[..length]);
                let line = text.lines().next().unwrap_or("");
                let lower = line.to_lowercase();
                if WORDS.iter().any(|word| lower.contains(word)) {
                    log.push_str(line);
                    log.push('\n');
                }
            }
            // Overwritten while it was read: the next read is at the oldest record that is left.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(_) => break,
        }
    }
    Ok(log)
}
