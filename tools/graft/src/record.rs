// SPDX-License-Identifier: GPL-2.0
//! What a graft remembers about a tree, in the tree: `.hmem-graft/`.
//!
//! `record.toml` lists what was done; `originals/` holds the kernel's own text of each edited
//! file, named by its hash, so that no `make clean` takes it for a source or an object.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::path;
use crate::tree::{absent, Tree};

/// The record's directory in a tree.
pub(crate) const DIR: &str = ".hmem-graft";

/// Changes when an older program could not undo what a newer one did.
const FORMAT: u32 = 1;

/// What was done to a tree. Shown, it is the text of record.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: u32,
    /// The tree's version in words.
    pub(crate) kernel: String,
    /// False while files are being written: some may still be as they were before.
    pub(crate) complete: bool,
    /// Directories that did not exist before.
    pub(crate) dirs: BTreeSet<String>,
    /// Kernel files with edits.
    pub(crate) edited: BTreeMap<String, Edited>,
    /// Files put in, and the hashes they may have.
    pub(crate) overlay: BTreeMap<String, BTreeSet<String>>,
}

/// A kernel file with edits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edited {
    /// Hash of the kernel's own text, which is the name of its copy.
    pub(crate) original: String,
    /// The file's mode.
    pub(crate) mode: u32,
    /// The hashes it may have, besides the original's.
    pub(crate) written: BTreeSet<String>,
}

/// The hash of a content, in hexadecimal.
pub(crate) fn hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the text of record.toml. Pure: touches no file.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Record, String> {
    let record: Record =
        toml::from_str(text).map_err(|error| format!("is damaged ({})", error.message()))?;
    if record.format != FORMAT {
        return Err("was written by another version of graft".into());
    }
    // Files are removed by these names: trust none.
    for name in record.names() {
        path::inside(name).map_err(|why| format!("is damaged ({why})"))?;
    }
    let is_hash = |edited: &Edited| edited.original.bytes().all(|b| b.is_ascii_hexdigit());
    if !record.edited.values().all(is_hash) {
        return Err("is damaged (an original without its hash)".into());
    }
    Ok(record)
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = toml::to_string(self).expect("a record is plain data");
        write!(f, "# Written by graft: undo needs it.\n{text}")
    }
}

impl Record {
    pub(crate) fn new(kernel: &str) -> Self {
        Record {
            format: FORMAT,
            kernel: kernel.to_owned(),
            complete: true,
            ..Record::default()
        }
    }

    /// The files and directories that it is about, relative to the tree.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.dirs.iter().chain(self.edited.keys());
        names.chain(self.overlay.keys()).map(String::as_str)
    }

    /// The tree's record; `None` if it holds no graft.
    pub(crate) fn load(tree: &Tree) -> Result<Option<Self>> {
        let path = tree.path(DIR).join("record.toml");
        let text = match fs::read_to_string(&path) {
            Err(error) if absent(&error) => return Ok(None),
            text => text.map_err(Error::io("read", &path))?,
        };
        match parse(&text) {
            Ok(record) => Ok(Some(record)),
            Err(why) => Err(Error::Record { path, why }),
        }
    }

    /// What may be in a tree between this record and the next.
    pub(crate) fn with(&self, next: &Self) -> Self {
        let mut both = self.clone();
        both.complete = false;
        both.kernel.clone_from(&next.kernel);
        both.dirs.extend(next.dirs.iter().cloned());
        for (file, edited) in &next.edited {
            let old = both
                .edited
                .entry(file.clone())
                .or_insert_with(|| edited.clone());
            old.written.extend(edited.written.iter().cloned());
        }
        for (file, written) in &next.overlay {
            both.overlay
                .entry(file.clone())
                .or_default()
                .extend(written.iter().cloned());
        }
        both
    }

    /// Makes `record.toml` say this, in one step.
    pub(crate) fn save(&self, tree: &Tree) -> Result<()> {
        let path = tree.path(DIR).join("record.toml");
        put(&path, self.to_string().as_bytes())
    }

    /// Keeps the kernel's own text of a file.
    pub(crate) fn keep(tree: &Tree, content: &[u8]) -> Result<()> {
        let path = original(tree, &hash(content));
        match fs::read(&path) {
            Ok(kept) if kept == content => Ok(()),
            _ => put(&path, content),
        }
    }

    /// The kernel's own text of an edited file.
    pub(crate) fn original(&self, tree: &Tree, file: &str) -> Result<Vec<u8>> {
        let wanted = &self.edited[file].original;
        let path = original(tree, wanted);
        let content = fs::read(&path).map_err(Error::io("read", &path))?;
        if hash(&content) == *wanted {
            return Ok(content);
        }
        Err(Error::Record {
            path: tree.path(DIR).join("record.toml"),
            why: format!("the kept original of {file} is damaged"),
        })
    }

    /// Removes the kept texts that this record does not need.
    pub(crate) fn tidy(&self, tree: &Tree) -> Result<()> {
        let dir = tree.path(DIR).join("originals");
        let entries = match fs::read_dir(&dir) {
            Err(error) if absent(&error) => return Ok(()),
            entries => entries.map_err(Error::io("read", &dir))?,
        };
        for entry in entries {
            let path = entry.map_err(Error::io("read", &dir))?.path();
            let needed = |edited: &Edited| path.ends_with(&edited.original);
            if !self.edited.values().any(needed) {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// The grafted files that are neither as they were nor as a graft wrote them.
    pub(crate) fn changed(&self, tree: &Tree) -> Result<Vec<String>> {
        let mut changed = Vec::new();
        for (file, edited) in &self.edited {
            let now = tree.read(file)?.map(|content| hash(&content));
            if !now.is_some_and(|now| now == edited.original || edited.written.contains(&now)) {
                changed.push(file.clone());
            }
        }
        for (file, written) in &self.overlay {
            let now = tree.read(file)?.map(|content| hash(&content));
            if now.is_some_and(|now| !written.contains(&now)) {
                changed.push(file.clone());
            }
        }
        Ok(changed)
    }

    /// Removes all trace of a record from the tree.
    pub(crate) fn forget(tree: &Tree) -> Result<()> {
        let dir = tree.path(DIR);
        let record = dir.join("record.toml");
        // First the record: without it, what is left means nothing.
        for removed in [fs::remove_file(&record), fs::remove_dir_all(&dir)] {
            match removed {
                Err(error) if !absent(&error) => return Err(Error::io("remove", &dir)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn original(tree: &Tree, hash: &str) -> PathBuf {
    tree.path(DIR).join("originals").join(hash)
}

/// Writes a file of the record so that it is there whole or not at all, also after a power cut.
fn put(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    let written = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    written().map_err(Error::io("write", path))
}
