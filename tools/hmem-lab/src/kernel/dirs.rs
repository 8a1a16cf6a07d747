// SPDX-License-Identifier: GPL-2.0

//! Where sources, build trees and results lie.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::place;

/// The directories of this module.
#[derive(Clone, Debug)]
pub(crate) struct Dirs {
    /// This repository.
    pub(crate) repo: PathBuf,
    /// What all clones of it share: packages, sources, ccache.
    pub(crate) cache: PathBuf,
    /// Grafted sources and objects.
    pub(crate) build: PathBuf,
    /// Results.
    pub(crate) out: PathBuf,
    /// Configuration fragments.
    pub(crate) flavours: PathBuf,
}

impl Dirs {
    /// Finds them, and makes those that may be missing.
    pub(crate) fn find() -> Result<Self> {
        let repo = place::repository()?;
        let cache = place::cache()?;
        let build = match std::env::var_os("HMEM_BUILD").filter(|dir| !dir.is_empty()) {
            Some(dir) => std::path::absolute(dir)?,
            None => cache.join("build"),
        };
        let dirs = Dirs {
            out: repo.join("out"),
            flavours: repo.join("tools/hmem-lab/flavours"),
            repo,
            cache,
            build,
        };
        for dir in [&dirs.cache, &dirs.build, &dirs.out] {
            make(dir)?;
        }
        Ok(dirs)
    }

    /// The result of one build.
    pub(crate) fn result(&self, kver: &str, flavour: &str) -> PathBuf {
        self.out.join(format!("{kver}-{flavour}"))
    }
}

/// Makes a directory with its parents.
pub(crate) fn make(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))
}

/// Removes a directory if it is there.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.with_context(|| format!("cannot remove {}", dir.display())),
    }
}

/// Stops before something that needs more room than there is.
pub(crate) fn check_space(dir: &Path, mib: u64, for_what: &str) -> Result<()> {
    let space = rustix::fs::statvfs(dir)
        .with_context(|| format!("cannot look at the space in {}", dir.display()))?;
    let free = space.f_bavail * space.f_frsize / (1 << 20);
    if free < mib {
        bail!(
            "{} has {free} MiB free and {for_what} needs {mib}: free some, or set HMEM_BUILD or XDG_CACHE_HOME to a larger place",
            dir.display()
        );
    }
    Ok(())
}
