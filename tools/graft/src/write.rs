// SPDX-License-Identifier: GPL-2.0
//! Changing the files of a tree. What needs space is written beside the tree's files first; then
//! each file appears by a rename, whole or not at all.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Result};
use crate::path;
use crate::record::DIR;
use crate::tree::{absent, Tree};

/// One file to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Write {
        file: String,
        content: Vec<u8>,
        mode: u32,
    },
    Remove {
        file: String,
    },
}

impl Step {
    pub(crate) fn file(&self) -> &str {
        match self {
            Step::Write { file, .. } | Step::Remove { file } => file,
        }
    }
}

/// Burns down with every change to a tree; tests light it to stop in the middle.
#[derive(Debug, Default)]
pub(crate) struct Fuse(pub(crate) Option<usize>);

impl Fuse {
    pub(crate) fn burn(&mut self) -> Result<()> {
        match &mut self.0 {
            None => Ok(()),
            Some(0) => Err(Error::Command {
                command: "graft".into(),
                why: "stopped by a test".into(),
            }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

/// The new contents, written and not yet in place.
pub(crate) struct Staged<'a> {
    steps: &'a [Step],
}

/// Makes the record's directories, and a clean one for the new contents.
pub(crate) fn prepare(tree: &Tree) -> Result<()> {
    unprepare(tree)?;
    for dir in ["stage", "originals"] {
        let dir = tree.path(DIR).join(dir);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
    }
    Ok(())
}

/// Removes the directory of the new contents.
pub(crate) fn unprepare(tree: &Tree) -> Result<()> {
    let stage = tree.path(DIR).join("stage");
    match fs::remove_dir_all(&stage) {
        Err(error) if !absent(&error) => Err(Error::io("remove", &stage)(error)),
        _ => Ok(()),
    }
}

/// Writes all new contents into the record's directory, so that a full disk is noticed here.
pub(crate) fn stage<'a>(tree: &Tree, steps: &'a [Step], fuse: &mut Fuse) -> Result<Staged<'a>> {
    let owner = fs::metadata(&tree.root).map_err(Error::io("read", &tree.root))?;
    for (number, step) in steps.iter().enumerate() {
        let Step::Write {
            file,
            content,
            mode,
        } = step
        else {
            continue;
        };
        fuse.burn()?;
        let path = tree.path(DIR).join("stage").join(number.to_string());
        let written = || -> io::Result<()> {
            let mut new = File::create(&path)?;
            new.write_all(content)?;
            new.set_permissions(fs::Permissions::from_mode(*mode))
        };
        written().map_err(Error::io("write", &path))?;
        let before = tree.meta(file)?;
        belong(&path, before.as_ref().unwrap_or(&owner));
    }
    Ok(Staged { steps })
}

/// Gives a file the owner that the tree's files have, where root grafts the tree of a user.
fn belong(path: &Path, like: &fs::Metadata) {
    if let Ok(now) = fs::symlink_metadata(path) {
        if (now.uid(), now.gid()) != (like.uid(), like.gid()) {
            // Only root may, and in a user namespace not even root always.
            let _ = std::os::unix::fs::lchown(path, Some(like.uid()), Some(like.gid()));
        }
    }
}

impl Staged<'_> {
    /// Puts everything in place.
    pub(crate) fn carry_out(self, tree: &Tree, fuse: &mut Fuse) -> Result<()> {
        for (number, step) in self.steps.iter().enumerate() {
            fuse.burn()?;
            let path = tree.path(step.file());
            match step {
                Step::Write { file, .. } => {
                    for dir in path::parents(file) {
                        make_dir(tree, dir)?;
                    }
                    let staged = tree.path(DIR).join("stage").join(number.to_string());
                    fs::rename(&staged, &path).map_err(Error::io("write", &path))?;
                }
                Step::Remove { .. } => match fs::remove_file(&path) {
                    Err(error) if !absent(&error) => return Err(Error::io("remove", &path)(error)),
                    _ => {}
                },
            }
        }
        Ok(())
    }
}

fn make_dir(tree: &Tree, dir: &str) -> Result<()> {
    let path = tree.path(dir);
    match fs::create_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made.map_err(Error::io("create", &path))?,
    }
    let parent = path.parent().unwrap_or(&tree.root);
    if let Ok(like) = fs::metadata(parent) {
        belong(&path, &like);
    }
    Ok(())
}

/// Removes those of `dirs` that are empty, and returns those that are not.
pub(crate) fn remove_dirs(tree: &Tree, dirs: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut left = Vec::new();
    // A directory sorts before what lies in it.
    for dir in dirs.iter().rev() {
        let path = tree.path(dir);
        match fs::remove_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                left.push(dir.clone())
            }
            Err(error) if !absent(&error) => return Err(Error::io("remove", &path)(error)),
            _ => {}
        }
    }
    Ok(left)
}
