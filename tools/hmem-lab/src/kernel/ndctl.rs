// SPDX-License-Identifier: GPL-2.0

//! The tests of ndctl, daxctl and cxl, as their authors wrote them.
//!
//! They come with the upstream tarball of the package whose tools the guest has: test and tool must be of the
//! same version. apt checks the tarball against the suite's signed index.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::kernel::apt::upstream;
use crate::kernel::dirs::{self, Dirs};
use crate::kernel::lock::Lock;

/// Finds the tests in the cache, or fetches them; their directory.
///
/// # Errors
///
/// One line that says what to do.
pub fn fetch() -> Result<PathBuf> {
    let dirs = Dirs::find()?;
    let tool = tool_version()?;
    let dir = dirs.cache.join("ndctl").join(&tool);
    dirs::make(&dir)?;
    let _lock = Lock::take(&dir.join("lock"), "fetch of ndctl's tests")?;
    let tests = dir.join("test");
    if !tests.is_dir() {
        let tarball = upstream::fetch(&dirs.cache, "ndctl", &tool)?;
        let new = dir.join("new");
        unpack(&tarball, &new)?;
        fs::rename(&new, &tests)?;
        fs::remove_file(tarball)?;
    }
    Ok(tests)
}

/// The version of the tools of this environment, which are the guest's.
fn tool_version() -> Result<String> {
    let output = Command::new("ndctl")
        .arg("--version")
        .output()
        .context("cannot run ndctl: use the toolbox, or install it")?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version.is_empty() || !version.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        bail!("ndctl --version says {version:?}, which is no version");
    }
    Ok(version)
}

/// Puts the tarball's `test` directory in the place of `to`.
fn unpack(tarball: &Path, to: &Path) -> Result<()> {
    dirs::remove(to)?;
    dirs::make(to)?;
    let status = Command::new("tar")
        .args([
            "--extract",
            "--no-same-owner",
            "--strip-components=2",
            "--wildcards",
        ])
        .arg("--file")
        .arg(tarball)
        .arg("--directory")
        .arg(to)
        .arg("*/test/*")
        .status()
        .context("cannot run tar")?;
    if !status.success() {
        bail!("{} cannot be unpacked", tarball.display());
    }
    // Some leave it to the build to make them executable.
    for entry in fs::read_dir(to)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sh") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
