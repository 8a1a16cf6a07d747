// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab bench`: what the Rust drivers cost beside the C drivers, in instructions.
//!
//! The guest's clock counts instructions, so that a figure is the same on each machine and under any load.
//! What is measured is data: scenarios in `tools/hmem-lab/bench/`, whose steps call `lab_measure`.

mod report;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{bail, Context, Result};

use crate::case::{self, Ground, Kernel};
use crate::kernel::KVERS;
use crate::machine::Accel;
use crate::plan::{Supplies, Supply};
use crate::scenario::{self, Scenario, PEER};
use crate::supply::{self, Source};
use crate::{place, progress};

/// The guest's clock is read in microseconds, and ticks once an instruction, which it takes for a nanosecond.
const INSTRUCTIONS: u64 = 1000;

/// Measures the Rust drivers beside the C drivers, in instructions of the guest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab bench                  everything, on 7.3
  hmem-lab bench probe            what has this word in its name
  hmem-lab bench --kver 7.2")]
pub struct Args {
    /// Only scenarios whose name holds one of these words
    pub filters: Vec<String>,
    /// Kernel version
    #[arg(long, value_name = "VERSION", default_value = KVERS[0])]
    pub kver: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// One thing that was measured, in instructions (or bytes, for what a module takes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    /// What was measured.
    pub(crate) name: String,
    /// With the C drivers.
    pub(crate) c: u64,
    /// With ours.
    pub(crate) rust: u64,
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let repository = place::repository()?;
    let mut scenarios = scenario::load(&repository.join("tools/hmem-lab/bench"))?;
    scenarios.retain(|scenario| {
        let named = |word: &String| scenario.name.contains(word.as_str());
        args.filters.is_empty() || args.filters.iter().any(named)
    });
    scenarios.retain(|s| s.kernels.is_empty() || s.kernels.contains(&args.kver));
    if scenarios.is_empty() {
        bail!("nothing has that name: tools/hmem-lab/bench has the files");
    }
    let ground = supply::ground(&repository, &Supplies::default(), Accel::Counting)?;
    let out = repository.join("out/bench");
    let mut kernels = BTreeMap::new();
    let mut costs = Vec::new();
    for scenario in &scenarios {
        let ours = scenario.flavours.first().map_or("lab", String::as_str);
        let mut figures = Vec::new();
        for flavour in [PEER, ours] {
            if !kernels.contains_key(flavour) {
                let kernel = kernel(&args, flavour)?;
                kernels.insert(flavour.to_owned(), kernel);
            }
            figures.push(measure(scenario, &kernels[flavour], &ground, &out)?);
        }
        costs.extend(pair(&scenario.name, &figures[0], &figures[1])?);
    }
    let text = report::table(&costs);
    report::write(&out, &costs, &text).context("cannot write the report")?;
    print!("{text}");
    println!("report: {}", out.join("report.md").display());
    Ok(ExitCode::SUCCESS)
}

fn kernel(args: &Args, flavour: &str) -> Result<Kernel> {
    match args.source.kernel(&args.kver, flavour) {
        Supply::There(dir) => Ok(Kernel {
            kver: args.kver.clone(),
            flavour: flavour.to_owned(),
            dir,
        }),
        Supply::Nowhere(why) | Supply::Failed(why) => bail!("{why}"),
    }
}

/// Boots a scenario with one kernel, and returns what its steps measured, in their order.
fn measure(
    scenario: &Scenario,
    kernel: &Kernel,
    ground: &Ground,
    out: &Path,
) -> Result<Vec<(String, u64)>> {
    let name = case::name(scenario, &kernel.kver, &kernel.flavour);
    eprintln!("hmem-lab: measures {name}");
    let dir = out.join(&name);
    let report = case::run(scenario, kernel, ground, &dir, |_| {});
    if !report.passed() {
        bail!("{name}: {}", progress::failure(&report));
    }
    let steps = fs::read_to_string(dir.join("steps.log")).context("no log of the steps")?;
    let mut figures = read_figures(&steps)?;
    let modules = fs::read_to_string(dir.join("end/modules")).unwrap_or_default();
    for (figure, names) in [
        ("hmem module, bytes", ["hmem_rs", "dax_hmem"]),
        ("kmem module, bytes", ["kmem", "kmem"]),
    ] {
        figures.extend(module_bytes(&modules, &names).map(|bytes| (figure.to_owned(), bytes)));
    }
    Ok(figures)
}

/// The lines of `lab_measure`; what was measured several times adds up.
fn read_figures(steps: &str) -> Result<Vec<(String, u64)>> {
    let mut figures: Vec<(String, u64)> = Vec::new();
    for line in steps.lines() {
        let Some(rest) = line.strip_prefix("bench ") else {
            continue;
        };
        let (name, value) = rest
            .rsplit_once(' ')
            .and_then(|(name, value)| Some((name, value.parse::<u64>().ok()?)))
            .with_context(|| format!("no figure: {line}"))?;
        let value = value * INSTRUCTIONS;
        match figures.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => figures.push((name.to_owned(), value)),
        }
    }
    Ok(figures)
}

/// What `/proc/modules` says of the first of `names` that it knows.
fn module_bytes(modules: &str, names: &[&str]) -> Option<u64> {
    modules.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        names.contains(&name).then(|| words.next()?.parse().ok())?
    })
}

fn pair(scenario: &str, c: &[(String, u64)], rust: &[(String, u64)]) -> Result<Vec<Cost>> {
    let names = |figures: &[(String, u64)]| -> Vec<String> {
        figures.iter().map(|(name, _)| name.clone()).collect()
    };
    if c.is_empty() || names(c) != names(rust) {
        bail!("{scenario}: C and Rust did not measure the same things");
    }
    Ok(c.iter()
        .zip(rust)
        .map(|((name, c), (_, rust))| Cost {
            name: format!("{scenario}: {name}"),
            c: *c,
            rust: *rust,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_add_up() {
        let log = "# step x\nbench online 3\nnoise\nbench two words 5\nbench online 4\n";
        assert_eq!(
            read_figures(log).unwrap(),
            [("online".to_owned(), 7000), ("two words".to_owned(), 5000)]
        );
        assert!(read_figures("bench online\n").is_err());
        assert!(read_figures("bench online many\n").is_err());
    }

    #[test]
    fn a_modules_bytes() {
        let modules = "kmem 8192 0 - Live 0x0\nhmem_rs 24576 0 - Live 0x0\n";
        assert_eq!(module_bytes(modules, &["hmem_rs", "dax_hmem"]), Some(24576));
        assert_eq!(module_bytes(modules, &["hmem"]), None);
    }

    #[test]
    fn both_measure_the_same() {
        let one = [("a".to_owned(), 1)];
        let other = [("b".to_owned(), 1)];
        assert!(pair("x", &one, &other).is_err());
        assert!(pair("x", &[], &[]).is_err());
        assert_eq!(pair("x", &one, &one).unwrap()[0].name, "x: a");
    }
}
