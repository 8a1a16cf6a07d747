// SPDX-License-Identifier: GPL-2.0

//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository: the nearest directory upwards that holds the lab.
pub fn repository() -> Result<PathBuf> {
    let here = std::env::current_dir().context("the current directory is gone")?;
    here.ancestors()
        .find(|dir| dir.join("tools/hmem-lab/scenarios").is_dir())
        .map(Path::to_path_buf)
        .context("run hmem-lab inside the repository")
}

/// The cache that all runs share.
pub fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("hmem-rs"))
}
