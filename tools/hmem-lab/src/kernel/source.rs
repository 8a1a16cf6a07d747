// SPDX-License-Identifier: GPL-2.0

//! Kernel trees, with the overlay in them or as they were released.
//!
//! A Debian source is unpacked once for each version of the package and stays as it is. The tree that is built
//! is made of links to it: graft replaces files, it never writes into one. One's own tree is copied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::kernel::apt::{Deb, Package};
use crate::kernel::dirs::{self, Dirs};
use crate::kernel::lock::Lock;
use crate::kernel::progress::Progress;
use crate::kernel::{sync, KVERS};

/// Where the source comes from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Debian's package of this version.
    Debian(String),
    /// Somebody's tree.
    Own {
        /// The tree.
        tree: PathBuf,
        /// Its version, such as "7.3".
        kver: String,
    },
}

/// A tree to build.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The tree.
    pub(crate) tree: PathBuf,
    /// Its version, such as "7.3".
    pub(crate) kver: String,
    /// Name for directories that belong to it.
    pub(crate) name: String,
    /// Says exactly what the tree was made of, but for the overlay.
    pub(crate) id: String,
}

impl Origin {
    /// A tree of the user's, which must be a kernel of a version that the project supports.
    pub(crate) fn own(tree: &Path, asked: &str) -> Result<Self> {
        let shown = tree.display();
        let tree = fs::canonicalize(tree).with_context(|| {
            format!("KSRC={shown} cannot be read: name the top directory of a kernel tree")
        })?;
        let makefile = fs::read_to_string(tree.join("Makefile")).unwrap_or_default();
        let version = version_in(&makefile)
            .filter(|_| tree.join("rust/kernel").is_dir() && tree.join("Kbuild").is_file());
        let Some(kver) = version else {
            bail!(
                "KSRC={shown} is no Linux kernel tree: name the top directory of one (Linux {})",
                KVERS.join(" or ")
            );
        };
        if !KVERS.contains(&kver.as_str()) {
            bail!(
                "KSRC={shown} is Linux {kver}, which is not supported: use a tree of {}",
                KVERS.join(" or ")
            );
        }
        // The default needs no second word; another version that was asked for is a mistake.
        if kver != asked && asked != KVERS[0] {
            bail!("KSRC={shown} is Linux {kver}, but KVER={asked} was asked for: leave KVER out");
        }
        Ok(Origin::Own { tree, kver })
    }

    /// Its version, such as "7.3".
    fn kver(&self) -> &str {
        match self {
            Origin::Debian(kver) | Origin::Own { kver, .. } => kver,
        }
    }

    /// A name for the directories of this origin.
    pub(crate) fn name(&self) -> String {
        match self {
            Origin::Debian(kver) => kver.clone(),
            Origin::Own { kver, .. } => format!("{kver}-ksrc"),
        }
    }
}

/// Makes the tree to build, or brings it up to date; as it was `released`, or with the overlay in it. `None` if no
/// package suite has this version.
pub(crate) fn prepare(
    dirs: &Dirs,
    origin: &Origin,
    released: bool,
    refresh: bool,
) -> Result<Option<Source>> {
    let mut name = origin.name();
    if released {
        name += "-released";
    }
    let base = dirs.build.join(&name);
    dirs::make(&base)?;
    let tree = base.join("src");
    let id = match origin {
        Origin::Debian(kver) => {
            let Some(pristine) = pristine(dirs, kver, refresh)? else {
                return Ok(None);
            };
            let id = format!(
                "{}",
                pristine.file_name().unwrap_or_default().to_string_lossy()
            );
            link(&pristine, &tree, &base.join("source"), &id)?;
            id
        }
        Origin::Own { tree: own, .. } => {
            sync::sync(own, &base)?;
            format!("{}", own.display())
        }
    };
    let source = Source {
        tree,
        kver: origin.kver().to_owned(),
        name,
        id,
    };
    if released {
        return Ok(Some(source));
    }
    let report = match graft::apply(&source.tree, &dirs.repo) {
        // Whoever changed files in it did not mean this tree: it is made anew from others.
        Err(graft::Error::Changed { .. }) => {
            graft::undo(&source.tree, true)?;
            graft::apply(&source.tree, &dirs.repo)?
        }
        report => report?,
    };
    if !report.written.is_empty() || !report.removed.is_empty() {
        eprintln!("grafted: {report}");
    }
    Ok(Some(source))
}

/// Debian's tree as it is, unpacked once for each version of the package.
fn pristine(dirs: &Dirs, kver: &str, refresh: bool) -> Result<Option<PathBuf>> {
    let base = dirs.cache.join("src");
    dirs::make(&base)?;
    // Builds elsewhere (HMEM_BUILD) share it.
    let _lock = Lock::take(
        &base.join(format!("{kver}.lock")),
        "fetch of the kernel source",
    )?;
    let package = Package::kernel(kver);
    let deb = match Deb::cached(&dirs.cache, &package)? {
        Some(deb) if !refresh => deb,
        _ => match Deb::fetch(&dirs.cache, &package)? {
            Some(deb) => deb,
            None => return Ok(None),
        },
    };
    let tree = base.join(format!("linux-source-{kver}_{}", deb.version));
    if !tree.is_dir() {
        dirs::check_space(&base, 4000, "a kernel source tree")?;
        let new = base.join(format!("new-{kver}"));
        dirs::remove(&new)?;
        dirs::make(&new)?;
        let mut progress = Progress::new(format!("unpacking linux-source-{kver} {}", deb.version));
        progress.show("");
        unpack(&deb.path, kver, &new)?;
        fs::rename(&new, &tree)?;
    }
    Ok(Some(tree))
}

fn unpack(deb: &Path, kver: &str, to: &Path) -> Result<()> {
    let script = r#"set -o pipefail
        dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/linux-source-$2.tar.xz" |
            tar -xJ --strip-components=1 --no-same-owner --directory "$3""#;
    let output = Command::new("bash")
        .args(["-c", script, "unpack"])
        .arg(deb)
        .arg(kver)
        .arg(to)
        .env("XZ_DEFAULTS", "-T0")
        .output()
        .context("cannot run bash")?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or("no reason given");
    bail!(
        "{} cannot be unpacked ({line}): remove it and try again",
        deb.display()
    );
}

/// Makes `tree` of links to `pristine`, unless it is made of it already.
fn link(pristine: &Path, tree: &Path, stamp: &Path, id: &str) -> Result<()> {
    if tree.is_dir() && fs::read_to_string(stamp).is_ok_and(|made_of| made_of == id) {
        return Ok(());
    }
    let _progress = Progress::new(format!("preparing {id}"));
    let new = tree.with_extension("new");
    dirs::remove(&new)?;
    dirs::remove(tree)?;
    let copy = |how: &str| {
        let status = Command::new("cp")
            .args(["-a", how])
            .args([pristine, &new])
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    // Links do not cross file systems.
    if !copy("--link") {
        dirs::remove(&new)?;
        dirs::check_space(stamp.parent().unwrap_or(tree), 2500, "a kernel source tree")?;
        if !copy("--reflink=auto") {
            bail!("cannot copy {} to {}", pristine.display(), new.display());
        }
    }
    fs::rename(&new, tree)?;
    fs::write(stamp, id)?;
    Ok(())
}

/// The `7.3` of a kernel's top Makefile.
fn version_in(makefile: &str) -> Option<String> {
    let value = |name: &str| {
        let lines = makefile.lines().take(10);
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
        values
            .next()
            .and_then(|value| value.trim().parse::<u32>().ok())
    };
    Some(format!("{}.{}", value("VERSION")?, value("PATCHLEVEL")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_makefiles() {
        let text = "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION = -rc7\n";
        assert_eq!(version_in(text).unwrap(), "7.3");
        assert_eq!(version_in("all:\n\techo\n"), None);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let dir = std::env::temp_dir();
        let error = Origin::own(&dir, "7.3").unwrap_err().to_string();
        assert!(error.contains("no Linux kernel tree"), "{error}");
        let error = Origin::own(Path::new("/nonexistent"), "7.3")
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
