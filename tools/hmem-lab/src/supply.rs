// SPDX-License-Identifier: GPL-2.0

//! Gets kernels, firmware and guest tools for a run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::case::Ground;
use crate::machine::Accel;
use crate::place;
use crate::plan::{Supplies, Supply};

/// Where kernels come from.
#[derive(Debug, Clone, clap::Args)]
pub struct Source {
    /// Boot kernels as they lie in this directory (DIR/<version>-<flavour>/) and build none
    #[arg(long, value_name = "DIR")]
    pub kernels: Option<PathBuf>,
    /// Use this UEFI image
    #[arg(long, value_name = "FILE")]
    pub ovmf: Option<PathBuf>,
}

impl Source {
    /// Finds or builds the kernel.
    pub fn kernel(&self, kver: &str, flavour: &str) -> Supply<PathBuf> {
        let base = match &self.kernels {
            Some(dir) => dir.clone(),
            None => match place::repository() {
                Ok(repository) => repository.join("out"),
                Err(error) => return Supply::Failed(format!("{error:#}")),
            },
        };
        let dir = base.join(format!("{kver}-{flavour}"));
        match dir.join("bzImage").is_file() {
            true => Supply::There(dir),
            false => Supply::Failed(format!("no kernel {}: run make kernel KVER={kver} FLAVOUR={flavour}", dir.display())),
        }
    }

    /// Finds the UEFI image.
    pub fn firmware(&self) -> Supply<PathBuf> {
        match &self.ovmf {
            Some(file) if file.is_file() => Supply::There(file.clone()),
            Some(file) => Supply::Failed(format!("no such file: {}", file.display())),
            None => Supply::Nowhere("no UEFI image".into()),
        }
    }
}

/// What all cases share.
pub fn ground(repository: &Path, supplies: &Supplies, accel: Accel) -> Result<Ground> {
    let ovmf = match &supplies.ovmf {
        Some(Supply::There(file)) => Some(file.clone()),
        _ => None,
    };
    Ok(Ground {
        selftests: repository.join("tools/testing/selftests/hmem_rs"),
        cache: place::cache()?,
        hmem_map: hmem_map(),
        ovmf,
        accel,
    })
}

/// hmem-map for the guest: built beside this program, which cargo did with the same command.
fn hmem_map() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok()?.parent()?.join("hmem-map");
    beside.is_file().then_some(beside)
}
