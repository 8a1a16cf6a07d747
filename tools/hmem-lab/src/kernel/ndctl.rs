// SPDX-License-Identifier: GPL-2.0

//! The tests of ndctl, daxctl and cxl, as their authors wrote them.
//!
//! They come with the upstream tarball of a source package, which apt checks against the suite's signed index.
//! Test and tool had better be of the same version; a test that is newer than the guest's tools says its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::kernel::apt::upstream::{self, NEWER, OF_THE_TOOLBOX};
use crate::kernel::dirs::{self, Dirs};
use crate::kernel::lock::Lock;

/// What stands for the version of the guest's tools.
const OF_THE_TOOLS: &str = "tools";

/// What came of looking for tests.
#[derive(Clone, Debug)]
pub enum Tests {
    /// Their directory.
    Dir(PathBuf),
    /// No package suite has them; one line that says so.
    Nowhere(String),
}

/// Finds the tests of that version in the cache, or fetches them.
///
/// # Errors
///
/// One line that says what to do.
pub fn fetch(wanted: &str) -> Result<Tests> {
    let dirs = Dirs::find()?;
    let (version, suites) = match wanted {
        OF_THE_TOOLS => (tool_version()?, &OF_THE_TOOLBOX[..]),
        version => (version.to_owned(), &NEWER[..]),
    };
    let dir = dirs.cache.join("ndctl").join(&version);
    dirs::make(&dir)?;
    let _lock = Lock::take(&dir.join("lock"), "fetch of ndctl's tests")?;
    let tests = dir.join("test");
    if tests.is_dir() {
        return Ok(Tests::Dir(tests));
    }
    let Some(tarball) = upstream::fetch(&dirs.cache, "ndctl", &version, suites)? else {
        if wanted == OF_THE_TOOLS {
            bail!("ndctl here is {version}, its source in the suite of the toolbox is not: use the toolbox");
        }
        return Ok(Tests::Nowhere(format!(
            "no package suite has the source of ndctl {version} (any more, or yet); its directory of tests may lie in {}",
            tests.display()
        )));
    };
    let new = dir.join("new");
    unpack(&tarball, &new)?;
    fs::rename(&new, &tests)?;
    fs::remove_file(tarball)?;
    Ok(Tests::Dir(tests))
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
