// SPDX-License-Identifier: GPL-2.0

//! Upstream tarballs of source packages, without the rest of the package.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::{fresh, mirror, Apt, Suite, Update};
use crate::kernel::dirs;

/// The one that the toolbox is made of.
const SUITE: Suite = fresh("trixie");

/// Fetches the tarball of `package`, whose upstream version must be this one. apt holds it to the checksum in the
/// suite's index, and the index to its signature.
pub(crate) fn fetch(cache: &Path, package: &str, upstream: &str) -> Result<PathBuf> {
    let apt = Apt::with(cache, &mirror()?, SUITE, "deb-src")?;
    match apt.update()? {
        Update::Done => {}
        Update::NoSuite => bail!(
            "the mirror has no sources of {}: name one with MIRROR=URL that has",
            SUITE.name
        ),
        Update::Failed(why) => bail!(
            "the package mirror cannot be reached ({why}): check the network or proxy, or name a mirror with MIRROR=URL"
        ),
    }
    let version = apt.source_version(package)?;
    if !version
        .as_deref()
        .is_some_and(|version| is_of(version, upstream))
    {
        bail!(
            "{package} here is {upstream}, its source in {} is {}: use the toolbox",
            SUITE.name,
            version.as_deref().unwrap_or("missing")
        );
    }
    let dir = apt.root.join("new");
    dirs::remove(&dir)?;
    dirs::make(&dir)?;
    let output = apt
        .command("apt-get")
        .args(["-qq", "source", "--download-only", "--tar-only", package])
        .current_dir(&dir)
        .output()
        .context("cannot run apt-get")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let line = text.lines().find(|line| line.starts_with("E:"));
        bail!(
            "cannot fetch the source of {package}: {}",
            line.unwrap_or("no reason given")
        );
    }
    for entry in fs::read_dir(&dir)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(".orig.tar.") {
            return Ok(path);
        }
    }
    bail!("the source of {package} has no upstream tarball")
}

impl Apt {
    /// The version of a source package.
    fn source_version(&self, package: &str) -> Result<Option<String>> {
        let output = self.run("apt-cache", &["showsrc", "--only-source", package])?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
        Ok(version.map(|version| version.trim().to_owned()))
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
