// SPDX-License-Identifier: GPL-2.0

//! Upstream tarballs of source packages, without the rest of the package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::{fresh, mirror, stale, Apt, Suite, Update};
use crate::kernel::dirs;

/// The suite that the toolbox is made of.
pub(crate) const OF_THE_TOOLBOX: [Suite; 1] = [fresh("trixie")];

/// Suites with newer packages.
pub(crate) const NEWER: [Suite; 2] = [stale("forky"), stale("sid")];

/// Fetches the tarball of that upstream version of `package` from the first suite that has it. apt holds it to the
/// checksum in the suite's index, and the index to its signature. `None` if no suite has it.
pub(crate) fn fetch(
    cache: &Path,
    package: &str,
    upstream: &str,
    suites: &[Suite],
) -> Result<Option<PathBuf>> {
    let mirror = mirror()?;
    let mut reached = false;
    for suite in suites {
        let apt = Apt::with(cache, &mirror, *suite, "deb-src")?;
        match apt.update()? {
            Update::Done => reached = true,
            Update::NoSuite => continue,
            Update::Failed(why) => bail!(
                "the package mirror cannot be reached ({why}): check the network or proxy, or name a mirror with MIRROR=URL"
            ),
        }
        let Some(version) = apt.source_version(package, upstream)? else {
            continue;
        };
        if let Some(tarball) = apt.tarball(package, &version)? {
            return Ok(Some(tarball));
        }
    }
    // That would be no word about the package.
    if !reached {
        let names: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
        bail!(
            "the mirror has no sources of {}: name one with MIRROR=URL that has",
            names.join(", ")
        );
    }
    Ok(None)
}

impl Apt {
    /// The version of a source package that is one of this upstream version.
    fn source_version(&self, package: &str, upstream: &str) -> Result<Option<String>> {
        let output = self.run("apt-cache", &["showsrc", "--only-source", package])?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text
            .lines()
            .filter_map(|line| line.strip_prefix("Version: "))
            .map(str::trim)
            .find(|version| is_of(version, upstream));
        Ok(version.map(str::to_owned))
    }

    /// `None` if the pool has dropped what a stale index names.
    fn tarball(&self, package: &str, version: &str) -> Result<Option<PathBuf>> {
        let dir = self.root.join("new");
        dirs::remove(&dir)?;
        dirs::make(&dir)?;
        let output = self
            .command("apt-get")
            .args(["-qq", "source", "--download-only", "--tar-only"])
            .arg(format!("{package}={version}"))
            .current_dir(&dir)
            .output()
            .context("cannot run apt-get")?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            if self.suite.stale && text.contains(" 404 ") {
                return Ok(None);
            }
            let line = text.lines().find(|line| line.starts_with("E:"));
            bail!(
                "cannot fetch the source of {package}: {}",
                line.unwrap_or("no reason given")
            );
        }
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.to_string_lossy().contains(".orig.tar.") {
                return Ok(Some(path));
            }
        }
        bail!("the source of {package} has no upstream tarball")
    }
}

/// Whether a package's version is one of that upstream version.
fn is_of(version: &str, upstream: &str) -> bool {
    let version = version
        .split_once(':')
        .map_or(version, |(_epoch, rest)| rest);
    version
        .rsplit_once('-')
        .is_some_and(|(of, _revision)| of == upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_without_epoch_and_revision() {
        assert!(is_of("81-1", "81"));
        assert!(is_of("1:81-1+deb13u1", "81"));
        assert!(!is_of("81.1-1", "81"));
        assert!(!is_of("81", "81"));
    }
}
