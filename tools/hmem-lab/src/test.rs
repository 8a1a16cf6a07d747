// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab test`: all cases in parallel, then the reports.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::case::{self, Ground, Report};
use crate::judge::Verdict;
use crate::kernel::{self, KVERS};
use crate::machine::Accel;
use crate::parallel;
use crate::plan::{self, Choice, Forgiven, Obstacle, Planned, Supplies};
use crate::progress::Progress;
use crate::report;
use crate::scenario;
use crate::supply::{self, Source};
use crate::{boot, place};

/// Boots every scenario with every kernel it is meant for, and compares what it shows with what is expected.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab test                       all scenarios, on the kernels that they name
  hmem-lab test one-range             cases whose name holds a word, or whose scenario has that tag
  hmem-lab test --kver 7.3 --flavour peer")]
pub struct Args {
    /// Only cases whose name holds one of these words, or whose scenario has it as a tag
    pub filters: Vec<String>,
    /// Only this kernel version (may be repeated)
    #[arg(long, value_name = "VERSION")]
    pub kver: Vec<String>,
    /// Only this flavour (may be repeated)
    #[arg(long)]
    pub flavour: Vec<String>,
    /// Also run them on the kernels that check themselves (debug, removal); slow
    #[arg(long)]
    pub all: bool,
    /// Guests at the same time; as many as there are processors if not given
    #[arg(long, short)]
    pub jobs: Option<usize>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let begun = Instant::now();
    let repository = place::repository()?;
    known(&args.kver)?;
    let scenarios = scenario::load(&repository.join("tools/hmem-lab/scenarios"))?;
    let choice = Choice {
        filters: args.filters.clone(),
        kvers: args.kver.clone(),
        flavours: args.flavour.clone(),
        all: args.all,
        stand_ins: kernel::stand_ins()?,
    };
    let cases = plan::cases(&scenarios, &choice);
    if cases.is_empty() {
        bail!("no case is left: see hmem-lab list for their names");
    }
    let out = repository.join("out/test");
    let reports = boot_all(&cases, &args.source, &out, args.jobs)?;
    report::write(&out, &reports, begun.elapsed()).context("cannot write the reports")?;
    Ok(summary(&out, &reports))
}

/// Refuses versions that the lab does not know.
pub(crate) fn known(kvers: &[String]) -> Result<()> {
    match kvers.iter().find(|kver| !KVERS.contains(&kver.as_str())) {
        Some(kver) => bail!(
            "no kernel version {kver}: there are {}",
            KVERS.join(" and ")
        ),
        None => Ok(()),
    }
}

/// Gets all that `cases` need, and runs them in directories below `out`.
pub(crate) fn boot_all(
    cases: &[Planned<'_>],
    source: &Source,
    out: &Path,
    jobs: Option<usize>,
) -> Result<Vec<Report>> {
    let repository = place::repository()?;
    let forgiven = Forgiven::load(&repository.join("tools/hmem-lab/forgiven-skips.toml"))?;
    let supplies = supplies(cases, source);
    let ground = supply::ground(&repository, &supplies, Accel::Tcg)?;
    let jobs = jobs.unwrap_or_else(parallel::processors);
    Ok(run_all(cases, &supplies, &forgiven, &ground, out, jobs))
}

fn supplies(cases: &[Planned<'_>], source: &Source) -> Supplies {
    let mut supplies = Supplies::default();
    for (kver, flavour) in plan::kernels(cases) {
        let supply = source.kernel(&kver, &flavour);
        supplies.kernels.insert((kver, flavour), supply);
    }
    if plan::needs_ovmf(cases) {
        supplies.ovmf = Some(source.firmware());
    }
    for wanted in cases
        .iter()
        .filter_map(|case| case.scenario.guest.ndctl.as_ref())
    {
        let tests = || supply::ndctl(wanted);
        supplies.ndctl.entry(wanted.clone()).or_insert_with(tests);
    }
    supplies
}

fn run_all(
    cases: &[Planned<'_>],
    supplies: &Supplies,
    forgiven: &Forgiven,
    ground: &Ground,
    out: &Path,
    jobs: usize,
) -> Vec<Report> {
    let progress = Progress::new(cases.len());
    let reports = parallel::map(jobs, cases, |case| {
        if boot::STOP.load(Ordering::Relaxed) {
            return None;
        }
        let line = progress.begin(&case.name());
        let dir = out.join(case.name());
        let report = match supplies.kernel(case, forgiven) {
            Ok(kernel) => case::run(case.scenario, &kernel, ground, &dir, |event| {
                line.watch(event)
            }),
            Err(obstacle) => not_run(case, obstacle, &dir),
        };
        progress.end(line, &report);
        Some(report)
    });
    progress.finish();
    // A case without a report did not run, which is a failure.
    cases
        .iter()
        .zip(reports)
        .map(|(case, report)| {
            let dir = out.join(case.name());
            report.unwrap_or_else(|| {
                not_run(case, Obstacle::Broken("the lab was stopped".into()), &dir)
            })
        })
        .collect()
}

fn not_run(case: &Planned<'_>, obstacle: Obstacle, dir: &Path) -> Report {
    // What an earlier run left there says nothing about this one.
    let _ = fs::remove_dir_all(dir);
    let (verdicts, skipped) = match obstacle {
        Obstacle::Skip(skip) => (Vec::new(), Some(skip)),
        Obstacle::Broken(why) => (vec![Verdict::fail("run", "a case that runs", why)], None),
    };
    Report {
        name: case.name(),
        title: case.scenario.title.clone(),
        verdicts,
        skipped,
        time: Duration::ZERO,
        dir: dir.to_path_buf(),
        note: String::new(),
    }
}

/// The last line on stdout counts for scripts: `N passed, N failed`.
fn summary(out: &Path, reports: &[Report]) -> ExitCode {
    let failed: Vec<&Report> = reports.iter().filter(|report| report.failed()).collect();
    let passed = reports.iter().filter(|report| report.passed()).count();
    let skipped: Vec<&Report> = reports
        .iter()
        .filter(|report| !report.failed() && !report.passed())
        .collect();
    if !failed.is_empty() {
        println!("failed:");
        failed.iter().for_each(|report| {
            println!(
                "  {}  (log: {})",
                report.name,
                report.dir.join("console.log").display()
            )
        });
    }
    for report in &skipped {
        let why = report.skipped.as_ref().map_or("", |skip| skip.why.as_str());
        println!("skipped: {}  {why}", report.name);
    }
    println!("report: {}", out.join("report.html").display());
    let skips = if skipped.is_empty() {
        String::new()
    } else {
        format!(", {} skipped", skipped.len())
    };
    println!("{passed} passed, {} failed{skips}", failed.len());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
