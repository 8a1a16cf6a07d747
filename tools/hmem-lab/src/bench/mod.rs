// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab bench`: what the Rust drivers cost beside the C drivers, in instructions.
//!
//! The guest's clock counts instructions, so that a figure is the same on each machine and under any load.
//! What is measured is data: scenarios in `tools/hmem-lab/bench/`, whose steps call `lab_measure`. Those with
//! the tag `wall` are about several processors, which cannot be counted: they run by the machine's clock.

mod figures;
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
use figures::{Figure, Unit};

/// How often a scenario boots whose clock is the machine's.
const WALL_BOOTS: u32 = 5;

/// Measures the Rust drivers beside the C drivers, in instructions of the guest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab bench                  everything, on 7.3
  hmem-lab bench probe            what has this word in its name
  hmem-lab bench --flavour lab    with the policy, which the C drivers have no counterpart of
  hmem-lab bench --kver 7.2")]
pub struct Args {
    /// Only scenarios whose name holds one of these words; the report is report-part.md then, without plots
    pub filters: Vec<String>,
    /// Kernel version
    #[arg(long, value_name = "VERSION", default_value = KVERS[0])]
    pub kver: String,
    /// The kernel with the Rust drivers
    #[arg(long, value_name = "NAME", default_value = "nopolicy")]
    pub flavour: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// One thing that was measured with both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    /// What was measured.
    pub(crate) name: String,
    /// In what.
    pub(crate) unit: Unit,
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
    let mut modules = BTreeMap::new();
    for scenario in &scenarios {
        let ours = args.flavour.as_str();
        for flavour in [PEER, ours] {
            if !kernels.contains_key(flavour) {
                let kernel = kernel(&args, flavour)?;
                kernels.insert(flavour.to_owned(), kernel);
            }
        }
        let both = [&kernels[PEER], &kernels[ours]];
        let [c, rust] = measure(scenario, both, &ground, &out)?;
        costs.extend(pair(&format!("{}: ", scenario.name), &c, &rust)?);
        let mut taken = Vec::new();
        for kernel in both {
            let end = out
                .join(case::name(scenario, &kernel.kver, &kernel.flavour))
                .join("end");
            taken.push(figures::modules(&kernel.dir, &end)?);
        }
        for cost in pair("", &taken[0], &taken[1])? {
            modules.insert(cost.name.clone(), cost);
        }
    }
    costs.extend(modules.into_values());
    let text = report::table(&costs);
    let report = report::write(&out, &costs, &text, args.filters.is_empty())
        .context("cannot write the report")?;
    print!("{text}");
    println!("report: {}", report.display());
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

/// Boots a scenario with both kernels, and returns what its steps measured, in their order. By the machine's clock it
/// boots several times, in turns, so that what disturbs one disturbs the other.
fn measure(
    scenario: &Scenario,
    kernels: [&Kernel; 2],
    ground: &Ground,
    out: &Path,
) -> Result<[Vec<Figure>; 2]> {
    let wall = scenario.tags.iter().any(|tag| tag == "wall");
    let (boots, accel, clock) = match wall {
        true => (WALL_BOOTS, Accel::Tcg, Unit::Microseconds),
        false => (1, Accel::Counting, Unit::Instructions),
    };
    let ground = Ground {
        accel,
        ..ground.clone()
    };
    let mut best: [Option<Vec<Figure>>; 2] = [None, None];
    for _ in 0..boots {
        for (kernel, best) in kernels.iter().zip(&mut best) {
            let name = case::name(scenario, &kernel.kver, &kernel.flavour);
            eprintln!("hmem-lab: measures {name}");
            let dir = out.join(&name);
            let report = case::run(scenario, kernel, &ground, &dir, |_| {});
            if !report.passed() {
                bail!("{name}: {}", progress::failure(&report));
            }
            let steps = fs::read_to_string(dir.join("steps.log")).context("no log of the steps")?;
            let figures = figures::read(&steps, clock)?;
            if figures.is_empty() {
                bail!("{name}: its steps measured nothing");
            }
            *best = Some(match best.take() {
                Some(before) => figures::least(before, figures)?,
                None => figures,
            });
        }
    }
    Ok(best.map(Option::unwrap_or_default))
}

/// Puts side by side what both measured.
fn pair(prefix: &str, c: &[Figure], rust: &[Figure]) -> Result<Vec<Cost>> {
    let names = |figures: &[Figure]| -> Vec<String> {
        figures.iter().map(|figure| figure.name.clone()).collect()
    };
    if names(c) != names(rust) {
        bail!("{prefix}C and Rust did not measure the same things");
    }
    Ok(c.iter()
        .zip(rust)
        .map(|(c, rust)| Cost {
            name: format!("{prefix}{}", c.name),
            unit: c.unit,
            c: c.value,
            rust: rust.value,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_measure_the_same() {
        let figure = |name: &str| {
            [Figure {
                name: name.to_owned(),
                unit: Unit::Bytes,
                value: 1,
            }]
        };
        assert!(pair("x: ", &figure("a"), &figure("b")).is_err());
        assert!(pair("x: ", &figure("a"), &[]).is_err());
        assert_eq!(
            pair("x: ", &figure("a"), &figure("a")).unwrap()[0].name,
            "x: a"
        );
    }
}
