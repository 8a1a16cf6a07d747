// SPDX-License-Identifier: GPL-2.0

//! Kernels for the lab: `hmem-lab kernel`.
//!
//! `apt` fetches Debian's source packages, `source` makes of them (or of one's own tree) a tree with the
//! overlay in it, `flavour` reads which configuration is asked for, `config` makes it and checks it,
//! `build` runs the kernel's make and leaves the result in `out/<version>-<flavour>/`.

mod apt;
mod build;
pub mod builds;
pub mod check;
mod config;
mod dirs;
mod findings;
pub mod firmware;
mod flavour;
mod lock;
mod make;
mod mocks;
pub mod ndctl;
mod progress;
mod source;
mod sync;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, Result};

use crate::kernel::dirs::Dirs;
use crate::kernel::flavour::Flavour;
pub use crate::kernel::flavour::Other;
use crate::kernel::source::{Origin, Source};
use crate::parallel;

/// Kernel versions that the project supports, the default first.
pub const KVERS: [&str; 2] = ["7.3", "7.2"];

/// Builds a kernel with the overlay in it.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab kernel                                  7.3, flavour lab
  hmem-lab kernel --kver 7.2 --flavour peer        7.2 with the C drivers
  hmem-lab kernel --ksrc ~/linux --flavour debug   one's own tree, of which a copy is built")]
pub struct Args {
    /// Kernel version
    #[arg(long, value_name = "VERSION", default_value = KVERS[0])]
    pub kver: String,
    /// Configuration; `hmem-lab kernel --list` names them
    #[arg(long, default_value = "lab")]
    pub flavour: String,
    /// Build (a copy of) this kernel tree instead of a Debian source package
    #[arg(long, value_name = "DIR")]
    pub ksrc: Option<PathBuf>,
    /// Compilers at the same time [default: the variable JOBS, or as many as there are processors]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Look for a newer source package than the one in the cache
    #[arg(long)]
    pub refresh: bool,
    /// Name the flavours and what they are for
    #[arg(long)]
    pub list: bool,
    /// Stop when the source tree stands, and print where
    #[arg(long)]
    pub source_only: bool,
    /// Print the newest version that some package suite has
    #[arg(long)]
    pub newest: bool,
}

impl Args {
    /// This version and flavour, everything else as if nothing was said.
    pub fn of(kver: &str, flavour: &str, jobs: Option<usize>) -> Self {
        Args {
            kver: kver.into(),
            flavour: flavour.into(),
            ksrc: None,
            jobs,
            refresh: false,
            list: false,
            source_only: false,
            newest: false,
        }
    }
}

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Directory with `bzImage`, `.config` and `modules/`.
    pub dir: PathBuf,
    /// Its version, such as "7.3".
    pub kver: String,
}

/// What came of asking for a kernel.
#[derive(Clone, Debug)]
pub enum Found {
    /// It is built.
    Built(Kernel),
    /// No package suite has this version (any more, or yet); the text says so in one line.
    NoSource(String),
}

/// Runs the command.
pub fn main(mut args: Args) -> Result<ExitCode> {
    let dirs = Dirs::find()?;
    if args.list {
        for flavour in Flavour::all(&dirs.flavours)? {
            let compile_only = if flavour.compile_only {
                " (compile only)"
            } else {
                ""
            };
            println!("{:10} {}{compile_only}", flavour.name, flavour.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.newest {
        println!("{}", newest()?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.ksrc.is_none() && args.kver == KVERS[0] {
        args.kver = newest()?.to_owned();
    }
    if args.source_only {
        println!("{}", source_tree(&dirs, &args)?.display());
        return Ok(ExitCode::SUCCESS);
    }
    let kernel = match build(&args)? {
        Found::Built(kernel) => kernel,
        Found::NoSource(why) => bail!("{why}"),
    };
    println!("{}", kernel.dir.display());
    Ok(ExitCode::SUCCESS)
}

/// The newest version that can be had. Says in one line which one cannot, and what is taken instead.
///
/// # Errors
///
/// One line that says what to do.
pub fn newest() -> Result<&'static str> {
    let dirs = Dirs::find()?;
    let mut versions = KVERS.into_iter().peekable();
    while let Some(kver) = versions.next() {
        if source(&dirs, &Args::of(kver, "lab", None))?.is_some() {
            return Ok(kver);
        }
        match versions.peek() {
            Some(next) => eprintln!("{}: takes {next}", no_source(kver)),
            None => bail!("{}", no_source(kver)),
        }
    }
    bail!("no kernel version is known")
}

/// Builds the kernel that `args` asks for, or finds it built.
///
/// # Errors
///
/// One line that says what to do; the log's place where a program failed.
pub fn build(args: &Args) -> Result<Found> {
    let dirs = Dirs::find()?;
    let flavour = Flavour::load(&dirs.flavours, &args.flavour)?;
    let jobs = args.jobs.map_or_else(jobs_from_environment, Ok)?;
    match source(&dirs, args)? {
        None => Ok(Found::NoSource(no_source(&args.kver))),
        // The lock is kept until the kernel stands: a tree that changes under the compiler is no kernel.
        Some((source, _lock)) => build::build(&dirs, &source, &flavour, jobs).map(Found::Built),
    }
}

/// Flavours that can run the scenarios of another one, with that one.
pub fn stand_ins() -> Result<BTreeMap<String, Other>> {
    let all = Flavour::all(&Dirs::find()?.flavours)?;
    let stands_in = |flavour: Flavour| Some((flavour.name, flavour.stands_for?));
    Ok(all.into_iter().filter_map(stands_in).collect())
}

/// The source tree of that version, with the overlay in it.
///
/// # Errors
///
/// One line that says what to do.
pub fn tree(kver: &str) -> Result<PathBuf> {
    source_tree(&Dirs::find()?, &Args::of(kver, "lab", None))
}

fn source_tree(dirs: &Dirs, args: &Args) -> Result<PathBuf> {
    match source(dirs, args)? {
        Some((source, _lock)) => Ok(source.tree),
        None => bail!("{}", no_source(&args.kver)),
    }
}

/// `JOBS`, or as many as there are processors.
fn jobs_from_environment() -> Result<usize> {
    match std::env::var("JOBS").ok().filter(|jobs| !jobs.is_empty()) {
        None => Ok(parallel::processors()),
        Some(jobs) => match jobs.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => bail!("JOBS={jobs} is no number of compilers: use 1 or more"),
        },
    }
}

fn no_source(kver: &str) -> String {
    apt::Package::kernel(kver).nowhere()
}

/// The tree to build, as the flavour wants it, and the lock that keeps others from changing it.
fn source(dirs: &Dirs, args: &Args) -> Result<Option<(Source, lock::Lock)>> {
    let origin = match &args.ksrc {
        Some(tree) => Origin::own(tree, &args.kver)?,
        None if KVERS.contains(&args.kver.as_str()) => Origin::Debian(args.kver.clone()),
        None => bail!(
            "KVER={} is not supported: use {}",
            args.kver,
            KVERS.join(" or ")
        ),
    };
    let lock = lock::Lock::take(
        &dirs.build.join(format!("{}.lock", origin.name())),
        &format!("build of Linux {}", origin.name()),
    )?;
    let released = Flavour::load(&dirs.flavours, &args.flavour)?.released;
    let source = source::prepare(dirs, &origin, released, args.refresh)?;
    Ok(source.map(|source| (source, lock)))
}
