// SPDX-License-Identifier: GPL-2.0

//! A tree of files to read from: the running system, or a recorded one.
//!
//! Reading never fails: what is not there is `None`. What is there but closed to this user is
//! remembered, so that the reader of the map learns what root would see.

use crate::parse;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

/// In a recorded tree: the paths that the recording user was not allowed to read, one a line.
pub const DENIED: &str = "hmem-map.denied";

/// Stands in a recorded directory that would be empty, since archives and git drop those.
pub const EMPTY: &str = ".empty";

/// No file that matters comes near this; a recorded tree may hold anything.
const LIMIT: u64 = 16 << 20;

/// Files below a root directory.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Set for a recorded tree, whose links must not lead out of it.
    confined: bool,
    denied: RefCell<BTreeSet<String>>,
    copy_to: Option<PathBuf>,
    copy_error: RefCell<Option<io::Error>>,
}

impl Tree {
    /// The running system (`/`) or a tree that `hmem-map snapshot` recorded.
    ///
    /// # Errors
    ///
    /// When `root` is not a directory that can be entered.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        fs::read_dir(&root)?;
        let tree = Self {
            confined: root != Path::new("/"),
            root,
            denied: RefCell::default(),
            copy_to: None,
            copy_error: RefCell::default(),
        };
        let recorded = tree.confined.then(|| tree.text(DENIED)).flatten();
        tree.denied
            .borrow_mut()
            .extend(recorded.iter().flat_map(|t| t.lines()).map(str::to_string));
        Ok(tree)
    }

    /// From now on, copies everything that is read into `directory`.
    pub(crate) fn copy_to(&mut self, directory: &Path) {
        self.copy_to = Some(directory.to_path_buf());
    }

    /// The first error of copying.
    pub(crate) fn take_copy_error(&self) -> Option<io::Error> {
        self.copy_error.take()
    }

    /// Whether this is the running system.
    pub fn is_live(&self) -> bool {
        !self.confined
    }

    /// Paths that exist but could not be read for lack of permission.
    pub fn denied(&self) -> BTreeSet<String> {
        self.denied.borrow().clone()
    }

    /// Content of a file, without the newline at its end; `None` if it cannot be read.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = self.note_denied(path, self.place(path).and_then(|place| read_file(&place)))?;
        self.copy(path, |to| fs::write(to, &bytes));
        let text = String::from_utf8_lossy(&bytes);
        Some(text.strip_suffix('\n').unwrap_or(&text).to_string())
    }

    /// [`parse::number`] of a file.
    pub fn number(&self, path: &str) -> Option<u64> {
        parse::number(&self.text(path)?)
    }

    /// [`parse::node`] of a file.
    pub fn node(&self, path: &str) -> Option<i32> {
        parse::node(&self.text(path)?)
    }

    /// [`parse::flag`] of a file.
    pub fn flag(&self, path: &str) -> Option<bool> {
        parse::flag(&self.text(path)?)
    }

    /// Names in a directory that are `prefix` and a number, in natural order.
    pub fn list(&self, directory: &str, prefix: &str) -> Vec<String> {
        let place = self.place(directory).and_then(fs::read_dir);
        let Some(entries) = self.note_denied(directory, place) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                // `dax0.1`, `decoder1.0`, `memory7`: a number follows at once.
                let rest = name.strip_prefix(prefix).unwrap_or("");
                rest.starts_with(|c: char| c.is_ascii_digit())
            })
            .collect();
        names.sort_by(|a, b| parse::natural(a, b));
        for name in self.copy_to.iter().flat_map(|_| &names) {
            self.link(&format!("{directory}/{name}"));
        }
        names
    }

    /// Where a symbolic link leads, as an absolute path below the root, without looking there.
    pub fn link(&self, path: &str) -> Option<String> {
        let path = path.trim_start_matches('/');
        let target = fs::read_link(self.root.join(path)).ok()?;
        self.copy(path, |to| match std::os::unix::fs::symlink(&target, to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
        let mut names: Vec<&str> = path.split('/').collect();
        names.pop();
        for component in target.components() {
            match component {
                Component::RootDir => names.clear(),
                Component::ParentDir => {
                    names.pop();
                }
                Component::Normal(name) => names.push(name.to_str()?),
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Some(format!("/{}", names.join("/")))
    }

    /// Last part of where a link leads: the driver's name, for a `driver` link.
    pub fn link_name(&self, path: &str) -> Option<String> {
        self.link(path).map(|target| base_name(&target).to_string())
    }

    /// Whether there is a directory `path`.
    pub fn has_directory(&self, path: &str) -> bool {
        let here = self.place(path).is_ok_and(|place| place.is_dir());
        if here {
            self.copy(&format!("{path}/{EMPTY}"), |to| fs::write(to, ""));
        }
        here
    }

    /// Where `path` lies in the file system.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.root.join(path.trim_start_matches('/'));
        // A recorded tree may come from anyone: nothing outside it is read.
        if self.confined && !place.canonicalize()?.starts_with(&self.root) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(place)
    }

    fn note_denied<T>(&self, path: &str, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    self.denied
                        .borrow_mut()
                        .insert(format!("/{}", path.trim_start_matches('/')));
                }
                None
            }
        }
    }

    fn copy(&self, path: &str, write: impl FnOnce(&Path) -> io::Result<()>) {
        let Some(copy_to) = &self.copy_to else { return };
        let to = copy_to.join(path.trim_start_matches('/'));
        let made = match to.parent() {
            Some(directory) => fs::create_dir_all(directory),
            None => Ok(()),
        };
        if let Err(error) = made.and_then(|()| write(&to)) {
            self.copy_error.borrow_mut().get_or_insert(error);
        }
    }
}

/// Content of a regular file; a recorded tree may hold pipes, which would never end.
fn read_file(place: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(place)?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut bytes = Vec::new();
    File::open(place)?.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Last part of a path.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without its last part.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(head, _)| head)
}
