// SPDX-License-Identifier: GPL-2.0

//! The UEFI image that tells the kernel of Soft Reserved memory: `hmem-lab firmware`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{bail, Context, Result};

use crate::kernel::apt::{Deb, Package};
use crate::kernel::dirs::{self, Dirs};
use crate::kernel::lock::Lock;

/// The image in the package, and its name in the cache.
const IMAGE: &str = "OVMF.fd";

/// Fetches the UEFI image (OVMF) for firmware scenarios
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Look for a newer package than the one in the cache
    #[arg(long)]
    pub refresh: bool,
}

/// What came of asking for the image.
#[derive(Clone, Debug)]
pub enum Firmware {
    /// The image.
    Image(PathBuf),
    /// No suite has one that can be used; the text says so in one line.
    Nowhere(String),
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    match fetch(&args)? {
        Firmware::Image(image) => println!("{}", image.display()),
        Firmware::Nowhere(why) => bail!("{why}"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds the image in the cache, or fetches it.
///
/// # Errors
///
/// One line that says what to do.
pub fn fetch(args: &Args) -> Result<Firmware> {
    let dirs = Dirs::find()?;
    let dir = dirs.cache.join("firmware");
    dirs::make(&dir)?;
    let _lock = Lock::take(&dir.join("lock"), "fetch of the firmware image")?;
    let package = Package::firmware();
    let deb = match Deb::cached(&dirs.cache, &package)? {
        Some(deb) if !args.refresh => deb,
        _ => match Deb::fetch(&dirs.cache, &package)? {
            Some(deb) => deb,
            None => return Ok(Firmware::Nowhere(package.nowhere())),
        },
    };
    let stamp = dir.join("version");
    let image = dir.join(IMAGE);
    let done = fs::read_to_string(&stamp).is_ok_and(|version| version == deb.version);
    if !done || !image.is_file() {
        unpack(&deb.path, &dir)?;
        fs::write(&stamp, &deb.version)?;
    }
    Ok(Firmware::Image(image))
}

/// Puts the package's images into `dir`, each whole or not at all.
fn unpack(deb: &Path, dir: &Path) -> Result<()> {
    let new = dir.join("new");
    dirs::remove(&new)?;
    let status = Command::new("dpkg-deb")
        .arg("--extract")
        .args([deb, &new])
        .status()
        .context("cannot run dpkg-deb")?;
    if !status.success() {
        bail!(
            "{} cannot be unpacked: remove it and try again",
            deb.display()
        );
    }
    let mut found = false;
    for below in ["usr/share/ovmf", "usr/share/OVMF"] {
        let Ok(entries) = fs::read_dir(new.join(below)) else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type()?.is_file()
                && Path::new(&name).extension().is_some_and(|e| e == "fd")
            {
                found |= name == IMAGE;
                fs::rename(entry.path(), dir.join(&name))?;
            }
        }
    }
    dirs::remove(&new)?;
    if !found {
        bail!("{} holds no {IMAGE}", deb.display());
    }
    Ok(())
}
