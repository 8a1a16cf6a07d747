// SPDX-License-Identifier: GPL-2.0
//! A kernel source tree on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::version::Version;

/// A kernel source tree that no other graft touches for as long as this lives.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) version: Version,
    /// The version in words, as `make kernelversion` has it.
    pub(crate) kernel: String,
    /// Holds the lock.
    _lock: File,
}

impl Tree {
    /// Opens the tree and waits until no other graft works in it.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let no = |why: &str| Error::NotATree {
            tree: root.to_owned(),
            why: why.into(),
        };
        let dir = match File::open(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(no("there is no such directory"))
            }
            dir => dir.map_err(Error::io("open", root))?,
        };
        if !root.is_dir() {
            return Err(no("it is a file"));
        }
        // No lock on a filesystem that has none: it only serves people who start two at once.
        let _ = rustix::fs::flock(&dir, rustix::fs::FlockOperation::LockExclusive);

        let makefile = match fs::read(root.join("Makefile")) {
            Ok(makefile) => String::from_utf8_lossy(&makefile).into_owned(),
            Err(_) => return Err(no("it has no Makefile")),
        };
        let Some((version, kernel)) = version_of(&makefile) else {
            if root.join("source").is_symlink() {
                return Err(no(
                    "it is a build directory: graft what its link \"source\" leads to",
                ));
            }
            return Err(no("its Makefile names no VERSION and PATCHLEVEL"));
        };
        for part in ["Kbuild", "Kconfig", "drivers"] {
            if !root.join(part).exists() {
                return Err(no(&format!("it has no {part}")));
            }
        }
        Ok(Tree {
            root: root.to_owned(),
            version,
            kernel: format!("Linux {kernel}"),
            _lock: dir,
        })
    }

    /// The path of a file of the tree.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The content of a file; `None` if there is no such file.
    pub(crate) fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        let path = self.path(file);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// What stands at `file` itself, a link not followed; `None` if nothing does.
    pub(crate) fn meta(&self, file: &str) -> Result<Option<fs::Metadata>> {
        let path = self.path(file);
        match fs::symlink_metadata(&path) {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }
}

/// Nothing is there, or could be there: a part of the path is a plain file.
pub(crate) fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Version and its words from the head of the kernel's Makefile.
fn version_of(makefile: &str) -> Option<(Version, String)> {
    let value = |name: &str| {
        makefile.lines().take(20).find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    let version: Version = format!("{}.{}", value("VERSION")?, value("PATCHLEVEL")?)
        .parse()
        .ok()?;
    let words = format!(
        "{version}.{}{}",
        value("SUBLEVEL").unwrap_or_default(),
        value("EXTRAVERSION").unwrap_or_default()
    );
    Some((version, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_makefile() {
        let (version, words) = version_of(
            "# SPDX-License-Identifier: GPL-2.0\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\nNAME = X\n",
        )
        .unwrap();
        assert_eq!(version.to_string(), "7.3");
        assert_eq!(words, "7.3.0-rc7");
        assert!(version_of("all:\n\ttrue\n").is_none());
        assert!(version_of("VERSION = 1\n").is_none());
    }
}
