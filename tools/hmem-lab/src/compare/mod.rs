// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab compare`: each scenario with the C drivers and with ours, and what the two differ in.
//!
//! [`facts`] reads what a guest handed back, with devices called by address ([`names`]); [`difference`] compares,
//! [`intended`] knows what is meant; [`page`] and [`show`] write it down.

pub mod difference;
pub mod facts;
pub mod intended;
pub mod names;
pub mod page;
pub mod pair;
pub mod show;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{bail, Context, Result};

use crate::kernel::KVERS;
use crate::plan::{self, Choice, Forgiven, Planned};
use crate::supply::Source;
use crate::{place, report, scenario, test};
use intended::List;
use pair::{Outcome, Pair};

/// Boots every scenario with the C drivers and with ours, and compares what the two show, by address
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A difference that tools/hmem-lab/compare.toml does not explain fails, and so does an explanation that nothing needs.

Examples:
  hmem-lab compare                    boot everything and compare
  hmem-lab compare cxl-region         only scenarios whose name or tag holds a word
  hmem-lab compare --reuse            what hmem-lab test left in out/test, without a boot
  hmem-lab compare --write            also write the table in Documentation")]
pub struct Args {
    /// Only scenarios whose name holds one of these words, or that have it as a tag
    pub filters: Vec<String>,
    /// Only this kernel version (may be repeated); the newest if not given
    #[arg(long, value_name = "VERSION")]
    pub kver: Vec<String>,
    /// Only this flavour with our drivers (may be repeated)
    #[arg(long)]
    pub flavour: Vec<String>,
    /// Boot nothing: compare what an earlier run left in this directory
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "out/test")]
    pub reuse: Option<PathBuf>,
    /// Write the table in Documentation, instead of checking it
    #[arg(long)]
    pub write: bool,
    /// Tell all differences of a scenario
    #[arg(long, short)]
    pub long: bool,
    /// Guests at the same time; as many as there are processors if not given
    #[arg(long, short)]
    pub jobs: Option<usize>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// Everything that a comparison found.
#[derive(Debug)]
pub struct Results {
    /// What may differ.
    pub list: List,
    /// The scenarios that were compared.
    pub outcomes: Vec<Outcome>,
    /// Those that cannot be, with the reason.
    pub alone: Vec<(String, String)>,
    /// Those that an earlier run left out.
    pub missing: Vec<String>,
    /// What is wrong beside the differences.
    pub faults: Vec<String>,
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let begun = Instant::now();
    let repository = place::repository()?;
    test::known(&args.kver)?;
    let scenarios = scenario::load(&repository.join("tools/hmem-lab/scenarios"))?;
    let choice = Choice {
        filters: args.filters.clone(),
        kvers: match args.kver.as_slice() {
            [] => vec![KVERS[0].into()],
            some => some.to_vec(),
        },
        ..Choice::default()
    };
    let cases = plan::cases(&scenarios, &choice);
    let (mut pairs, alone) = pair::pairs(&cases);
    pairs.retain(|pair| args.flavour.is_empty() || args.flavour.contains(&pair.ours));
    if pairs.is_empty() {
        bail!("nothing to compare is left: see hmem-lab list for names of scenarios");
    }
    let mut whole = args.filters.is_empty() && args.flavour.is_empty();
    let mut faults = Vec::new();
    let mut missing = Vec::new();
    let out = match &args.reuse {
        Some(dir) => dir.clone(),
        None => {
            let out = repository.join("out/compare");
            faults.extend(boot(&cases, &pairs, &args, &out, begun)?);
            out
        }
    };
    // Those that were skipped left no directory.
    let forgiven = Forgiven::load(&repository.join("tools/hmem-lab/forgiven-skips.toml"))?;
    pairs.retain(|pair| {
        let booted = pair.dirs(&out).iter().all(|dir| dir.is_dir());
        if !booted {
            missing.push(pair.scenario.name.clone());
            whole &= plan::may_be_skipped(pair.scenario, &forgiven);
        }
        booted
    });
    if args.reuse.is_some() && pairs.is_empty() {
        bail!(
            "{} holds no scenario with both drivers: run hmem-lab test first",
            out.display()
        );
    }
    if !missing.is_empty() {
        println!(
            "left out: {} scenarios that were not booted with both drivers",
            missing.len()
        );
    }
    let list = List::load(&repository.join("tools/hmem-lab/compare.toml"))?;
    let outcomes: Vec<Outcome> = pairs.iter().map(|pair| pair.compare(&out, &list)).collect();
    if whole {
        let used: BTreeSet<_> = outcomes
            .iter()
            .flat_map(|outcome| {
                outcome
                    .differences
                    .iter()
                    .filter_map(|(_, _, place)| *place)
            })
            .collect();
        let unused = list.unused(&used, &missing).into_iter();
        faults.extend(unused.map(|entry| format!("compare.toml: nothing needs {entry}")));
    }
    faults.extend(not_everywhere(&list, &outcomes));
    let mut results = Results {
        list,
        outcomes,
        alone,
        missing,
        faults,
    };
    let fault = documentation(&repository, &results, whole, &args)?;
    results.faults.extend(fault);
    into_report(&out, &results)?;
    Ok(show::summary(&out, &results, args.long))
}

/// Entries that the page says each scenario shows, and the scenarios that do not.
fn not_everywhere(list: &List, outcomes: &[Outcome]) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, entry) in list.intended.iter().enumerate() {
        let lacks = outcomes.iter().find(|outcome| {
            let mut places = outcome
                .differences
                .iter()
                .filter_map(|(_, _, place)| *place);
            entry.everywhere && outcome.problem.is_none() && !places.any(|(seen, _)| seen == number)
        });
        faults.extend(lacks.map(|outcome| {
            format!(
                "compare.toml: {} is not everywhere: not in {}",
                entry.id, outcome.name
            )
        }));
    }
    faults
}

/// Boots both sides of all pairs. A case that fails by itself is a fault here, too.
fn boot(
    cases: &[Planned<'_>],
    pairs: &[Pair<'_>],
    args: &Args,
    out: &Path,
    begun: Instant,
) -> Result<Vec<String>> {
    let wanted: BTreeSet<PathBuf> = pairs.iter().flat_map(|pair| pair.dirs(out)).collect();
    let mut cases = cases.to_vec();
    // A filter may have left the other side out.
    for pair in pairs {
        let flavour = pair.scenario.baseline.flavour.clone();
        cases.push(Planned {
            scenario: pair.scenario,
            kver: pair.kver.clone(),
            flavour,
        });
    }
    cases.retain(|case| wanted.contains(&out.join(case.name())));
    cases.sort_by_key(Planned::name);
    cases.dedup_by_key(|case| case.name());
    let reports = test::boot_all(&cases, &args.source, out, args.jobs)?;
    report::write(out, &reports, begun.elapsed()).context("cannot write the reports")?;
    let failed = reports.iter().filter(|report| report.failed());
    Ok(failed
        .map(|report| format!("{} failed by itself", report.name))
        .collect())
}

/// Writes the table in Documentation, or says what is old in it.
fn documentation(
    repository: &Path,
    results: &Results,
    whole: bool,
    args: &Args,
) -> Result<Option<String>> {
    let file = repository.join(page::FILE);
    let newest = args.kver.is_empty() || args.kver == [KVERS[0]];
    let known = fs::read_to_string(&file).unwrap_or_default();
    if args.write {
        if !newest || !args.filters.is_empty() || !args.flavour.is_empty() {
            println!(
                "not written: the table in Documentation is of all scenarios on {}",
                KVERS[0]
            );
            return Ok(None);
        }
        fs::write(&file, page::text(results, &known))
            .with_context(|| format!("cannot write {}", file.display()))?;
        return Ok(None);
    }
    let old = page::outdated(&known, results, whole && newest);
    Ok(old.map(|what| format!("{} is old ({what}): make compare writes it", page::FILE)))
}

/// The comparison, in the report of the run that it compares.
fn into_report(out: &Path, results: &Results) -> Result<()> {
    let file = out.join("report.html");
    let Ok(page) = fs::read_to_string(&file) else {
        return Ok(());
    };
    let Some(page) = report::html::with_comparison(&page, &show::html(results)) else {
        return Ok(());
    };
    fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))
}
