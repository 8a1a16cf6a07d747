// SPDX-License-Identifier: GPL-2.0

//! Gets kernels, firmware and guest tools for a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use crate::case::Ground;
use crate::kernel::firmware::{self, Firmware};
use crate::kernel::ndctl::{self, Tests};
use crate::kernel::{self, Found};
use crate::machine::Accel;
use crate::place;
use crate::plan::{Supplies, Supply};

/// Where kernels come from.
#[derive(Debug, Clone, clap::Args)]
pub struct Source {
    /// Boot kernels as they lie in this directory (DIR/VERSION-FLAVOUR/) and build none
    #[arg(long, value_name = "DIR")]
    pub kernels: Option<PathBuf>,
    /// Build (a copy of) this kernel tree instead of a Debian source package
    #[arg(long, value_name = "DIR", conflicts_with = "kernels")]
    pub ksrc: Option<PathBuf>,
    /// Use this UEFI image
    #[arg(long, value_name = "FILE")]
    pub ovmf: Option<PathBuf>,
}

impl Source {
    /// Finds or builds the kernel. Whatever goes wrong is a line of text: the cases that need this kernel
    /// fail with it, the others run.
    pub fn kernel(&self, kver: &str, flavour: &str) -> Supply<PathBuf> {
        if let Some(base) = &self.kernels {
            let dir = base.join(format!("{kver}-{flavour}"));
            return match dir.join("bzImage").is_file() {
                true => Supply::There(dir),
                false => Supply::Failed(format!(
                    "no kernel in {}: it must hold bzImage and modules/",
                    dir.display()
                )),
            };
        }
        let args = kernel::Args {
            ksrc: self.ksrc.clone(),
            ..kernel::Args::of(kver, flavour, None)
        };
        match kernel::build(&args) {
            Ok(Found::Built(kernel)) => Supply::There(kernel.dir),
            Ok(Found::NoSource(why)) => Supply::Nowhere(why),
            Err(error) => Supply::Failed(format!("kernel {kver}-{flavour}: {error:#}")),
        }
    }

    /// Finds or fetches the UEFI image.
    pub fn firmware(&self) -> Supply<PathBuf> {
        match &self.ovmf {
            Some(file) if file.is_file() => return Supply::There(file.clone()),
            Some(file) => return Supply::Failed(format!("no such file: {}", file.display())),
            None => {}
        }
        match firmware::fetch(&firmware::Args { refresh: false }) {
            Ok(Firmware::Image(image)) => Supply::There(image),
            Ok(Firmware::Nowhere(why)) => Supply::Nowhere(why),
            Err(error) => Supply::Failed(format!("UEFI image: {error:#}")),
        }
    }
}

/// Finds or fetches the tests of ndctl, of that version.
pub fn ndctl(wanted: &str) -> Supply<PathBuf> {
    match ndctl::fetch(wanted) {
        Ok(Tests::Dir(tests)) => Supply::There(tests),
        Ok(Tests::Nowhere(why)) => Supply::Nowhere(why),
        Err(error) => Supply::Failed(format!("tests of ndctl: {error:#}")),
    }
}

/// What all cases share.
pub fn ground(repository: &Path, supplies: &Supplies, accel: Accel) -> Result<Ground> {
    let ovmf = match &supplies.ovmf {
        Some(Supply::There(file)) => Some(file.clone()),
        _ => None,
    };
    let ndctl = supplies
        .ndctl
        .iter()
        .filter_map(|(wanted, supply)| match supply {
            Supply::There(tests) => Some((wanted.clone(), tests.clone())),
            _ => None,
        });
    Ok(Ground {
        selftests: repository.join("tools/testing/selftests/hmem_rs"),
        cache: place::cache()?,
        hmem_map: Some(hmem_map(repository)?),
        ndctl: ndctl.collect(),
        ovmf,
        accel,
    })
}

/// hmem-map for the guest: built beside this program, and by the same cargo, unless it is there already and
/// no cargo can say whether it is the newest.
fn hmem_map(repository: &Path) -> Result<PathBuf> {
    let exe = std::env::current_exe().context("this program has no path")?;
    let dir = exe.parent().unwrap_or(Path::new("."));
    let beside = dir.join("hmem-map");
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "hmem-map",
            "--manifest-path",
        ])
        .arg(repository.join("tools/Cargo.toml"))
        .arg("--target-dir")
        .arg(dir.parent().unwrap_or(dir));
    if dir.ends_with("release") {
        cargo.arg("--release");
    }
    match cargo.output() {
        Ok(output) if output.status.success() => Ok(beside),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("hmem-map for the guest cannot be built: {}", said.trim())
        }
        Err(_) if beside.is_file() => Ok(beside),
        Err(error) => bail!("hmem-map for the guest cannot be built: no cargo ({error})"),
    }
}
