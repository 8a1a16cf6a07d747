// SPDX-License-Identifier: GPL-2.0

//! Writes initramfs archives (cpio, "newc"). Uncompressed: under emulation the guest copies faster than it
//! unpacks, and archives may simply follow one another.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What an archive holds, by path without a leading slash. Parents come before children by the order of the
/// map, as the kernel needs it.
#[derive(Default)]
pub(super) struct Archive {
    entries: BTreeMap<String, Entry>,
}

enum Entry {
    Dir,
    Link(String),
    Copy(PathBuf),
    Text { mode: u32, bytes: Vec<u8> },
    CharDevice { major: u32, minor: u32 },
}

impl Archive {
    /// Adds a directory and those above it.
    pub(super) fn dir(&mut self, path: &str) {
        self.parents(path);
        self.entries.entry(path.to_string()).or_insert(Entry::Dir);
    }

    /// Adds a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.entries
            .insert(path.to_string(), Entry::Link(target.to_string()));
    }

    /// Adds a file of this machine; links are followed.
    pub(super) fn copy(&mut self, path: &str, from: &Path) {
        self.parents(path);
        self.entries
            .insert(path.to_string(), Entry::Copy(from.to_path_buf()));
    }

    /// Adds a file with these bytes.
    pub(super) fn text(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.parents(path);
        self.entries.insert(
            path.to_string(),
            Entry::Text {
                mode,
                bytes: bytes.into(),
            },
        );
    }

    /// Adds a character device.
    pub(super) fn char_device(&mut self, path: &str, major: u32, minor: u32) {
        self.parents(path);
        self.entries
            .insert(path.to_string(), Entry::CharDevice { major, minor });
    }

    /// Adds a directory of this machine with all below it.
    pub(super) fn tree(&mut self, path: &str, from: &Path) -> Result<()> {
        self.dir(path);
        for entry in
            fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?
        {
            let entry = entry?;
            let child = format!("{path}/{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.tree(&child, &entry.path())?;
            } else if kind.is_file() {
                self.copy(&child, &entry.path());
            }
        }
        Ok(())
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            self.entries
                .entry(path[..at].to_string())
                .or_insert(Entry::Dir);
        }
    }

    /// The archive's bytes, a multiple of 512.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for (number, (path, entry)) in self.entries.iter().enumerate() {
            let node = |mode: u32, device: (u32, u32), data: &[u8], out: &mut Vec<u8>| {
                member(out, number as u32 + 1, path, mode, device, data);
            };
            match entry {
                Entry::Dir => node(0o040_755, (0, 0), &[], &mut out),
                Entry::Link(target) => node(0o120_777, (0, 0), target.as_bytes(), &mut out),
                Entry::Text { mode, bytes } => node(0o100_000 | mode, (0, 0), bytes, &mut out),
                Entry::CharDevice { major, minor } => {
                    node(0o020_600, (*major, *minor), &[], &mut out)
                }
                Entry::Copy(from) => {
                    let what = || format!("cannot read {}", from.display());
                    let mode = fs::metadata(from).with_context(what)?.permissions().mode() & 0o777;
                    node(
                        0o100_000 | mode,
                        (0, 0),
                        &fs::read(from).with_context(what)?,
                        &mut out,
                    );
                }
            }
        }
        member(&mut out, 0, "TRAILER!!!", 0, (0, 0), &[]);
        out.resize(out.len().next_multiple_of(512), 0);
        Ok(out)
    }
}

fn member(out: &mut Vec<u8>, inode: u32, path: &str, mode: u32, device: (u32, u32), data: &[u8]) {
    let fields = [
        inode,
        mode,
        0,
        0,
        1,
        0,
        data.len() as u32,
        0,
        0,
        device.0,
        device.1,
        path.len() as u32 + 1,
        0,
    ];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_all_is_aligned() {
        let mut archive = Archive::default();
        archive.text("a/b/c", 0o755, "hello");
        archive.link("a/l", "b");
        let bytes = archive.bytes().unwrap();
        assert_eq!(bytes.len() % 512, 0);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what}"));
        assert!(
            at("a\0") < at("a/b\0")
                && at("a/b\0") < at("a/b/c\0")
                && at("a/b/c\0") < at("TRAILER!!!")
        );
        assert!(text.contains("hello"));
        assert!(text.starts_with("070701"));
    }
}
