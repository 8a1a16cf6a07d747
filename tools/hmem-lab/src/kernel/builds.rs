// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab builds`: kernels that nobody boots, but that must compile without a warning about our files.

use std::process::ExitCode;

use anyhow::{bail, Result};

use crate::kernel::dirs::Dirs;
use crate::kernel::flavour::Flavour;
use crate::kernel::{self, Found, KVERS};
use crate::place;
use crate::plan::Forgiven;

/// Builds every compile-only flavour; fails on an error, and on a warning about a file of this repository
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab builds                       everything
  hmem-lab builds --kver 7.3 arm64      one flavour for one kernel version")]
pub struct Args {
    /// Only flavours whose name holds one of these words
    pub filters: Vec<String>,
    /// Only this kernel version (may be repeated)
    #[arg(long, value_name = "VERSION")]
    pub kver: Vec<String>,
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let dirs = Dirs::find()?;
    let forgiven =
        Forgiven::load(&place::repository()?.join("tools/hmem-lab/forgiven-skips.toml"))?;
    let wanted = |flavour: &Flavour| {
        let named = |word: &String| flavour.name.contains(word.as_str());
        flavour.compile_only && (args.filters.is_empty() || args.filters.iter().any(named))
    };
    let kvers: Vec<&str> = match args.kver.as_slice() {
        [] => KVERS.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let (mut passed, mut failed) = (0, 0);
    for flavour in Flavour::all(&dirs.flavours)?
        .iter()
        .filter(|one| wanted(one))
    {
        for kver in &kvers {
            let name = format!("{kver}-{}", flavour.name);
            match kernel::build(&kernel::Args::of(kver, &flavour.name, None)) {
                Ok(Found::Built(_)) => {
                    passed += 1;
                    println!("ok    {name}: {}", flavour.about);
                }
                Ok(Found::NoSource(why)) if forgiven.forgives(&format!("kernel-{kver}")) => {
                    println!("skip  {name}: {why}");
                }
                Ok(Found::NoSource(why)) => {
                    failed += 1;
                    println!("FAIL  {name}: {why}");
                }
                Err(error) => {
                    failed += 1;
                    println!("FAIL  {name}: {error:#}");
                }
            }
        }
    }
    if passed + failed == 0 {
        bail!("no build is left: hmem-lab kernel --list names the flavours");
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
