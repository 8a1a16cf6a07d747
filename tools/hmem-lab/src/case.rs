// SPDX-License-Identifier: GPL-2.0

//! One case: a scenario with one kernel. Boots it, judges it, and keeps everything in its directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::boot::{self, Boot, Ending, Outcome};
use crate::channel::Event;
use crate::expect::Expect;
use crate::guest::{self, Job};
use crate::judge::{self, Verdict};
use crate::klog;
use crate::ktap;
use crate::leaks;
use crate::machine::{self, Accel};
use crate::picture;
use crate::scenario::Scenario;
use crate::seen::Seen;

/// Emulation with all the kernel's checkers on takes several times as long.
const DEBUG_PATIENCE: u64 = 4;

/// A kernel to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// Its version, like 7.3.
    pub kver: String,
    /// Its flavour.
    pub flavour: String,
    /// `out/<version>-<flavour>`: bzImage, modules, and tests of the kernel's own.
    pub dir: PathBuf,
}

impl Kernel {
    /// Whether it was configured with `symbol`, built in.
    fn has(&self, symbol: &str) -> bool {
        let config = fs::read_to_string(self.dir.join(".config")).unwrap_or_default();
        let wanted = format!("CONFIG_{symbol}=y");
        config.lines().any(|line| line == wanted)
    }
}

/// What every case needs and shares.
#[derive(Debug, Clone)]
pub struct Ground {
    /// kselftest scripts.
    pub selftests: PathBuf,
    /// The lab's cache.
    pub cache: PathBuf,
    /// hmem-map for the guest, where it was built.
    pub hmem_map: Option<PathBuf>,
    /// The tests of ndctl that cases need, by version.
    pub ndctl: BTreeMap<String, PathBuf>,
    /// The UEFI image.
    pub ovmf: Option<PathBuf>,
    /// What accelerates the guests.
    pub accel: Accel,
}

/// A finished case.
#[derive(Debug, Clone)]
pub struct Report {
    /// `scenario-version-flavour`.
    pub name: String,
    /// The scenario's title.
    pub title: String,
    /// Every check.
    pub verdicts: Vec<Verdict>,
    /// Why it did not run.
    pub skipped: Option<Skip>,
    /// How long it took.
    pub time: Duration,
    /// Where its logs are.
    pub dir: PathBuf,
    /// What the baseline differs in, for the C driver.
    pub note: String,
}

/// A case that did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// What `forgiven-skips.toml` knows it by.
    pub id: String,
    /// Why.
    pub why: String,
    /// Whether it is on that list.
    pub forgiven: bool,
}

impl Report {
    /// Whether everything held.
    pub fn passed(&self) -> bool {
        self.skipped.is_none()
            && !self.verdicts.is_empty()
            && self.verdicts.iter().all(|verdict| verdict.ok)
    }

    /// Whether it counts as a failure.
    pub fn failed(&self) -> bool {
        !self.passed() && !self.skipped.as_ref().is_some_and(|skip| skip.forgiven)
    }
}

/// The name of a case.
pub fn name(scenario: &Scenario, kver: &str, flavour: &str) -> String {
    format!("{}-{kver}-{flavour}", scenario.name)
}

/// Runs a case in `dir`. Errors of the lab itself become a failed verdict: one broken case must not end a
/// whole run. `watch` sees what the guest does.
///
/// The C driver takes CXL memory if it is faster than udev, which loads cxl_mem when the first device appears. Its
/// part is to show what is normal, so the baseline gets a second try, and the report says so. Ours gets none.
pub fn run(
    scenario: &Scenario,
    kernel: &Kernel,
    ground: &Ground,
    dir: &Path,
    mut watch: impl FnMut(&Event),
) -> Report {
    let first = attempt(scenario, kernel, ground, dir, &mut watch);
    if first.passed() || scenario.cxl.is_none() || !crate::scenario::is_peer(&kernel.flavour) {
        return first;
    }
    let mut second = attempt(scenario, kernel, ground, dir, &mut watch);
    let failed: Vec<&str> = first
        .verdicts
        .iter()
        .filter(|verdict| !verdict.ok)
        .map(|verdict| verdict.check.as_str())
        .collect();
    second.note += &format!(" (second try: the first failed {})", failed.join(", "));
    second
}

fn attempt(
    scenario: &Scenario,
    kernel: &Kernel,
    ground: &Ground,
    dir: &Path,
    mut watch: impl FnMut(&Event),
) -> Report {
    let mut report = Report {
        name: name(scenario, &kernel.kver, &kernel.flavour),
        title: scenario.title.clone(),
        verdicts: Vec::new(),
        skipped: None,
        time: Duration::ZERO,
        dir: dir.to_path_buf(),
        note: if crate::scenario::is_peer(&kernel.flavour) {
            scenario.baseline.reason.clone()
        } else {
            String::new()
        },
    };
    let mut booted = boot_in(scenario, kernel, ground, dir, &mut watch);
    // On a busy machine an emulated guest now and then hangs before it runs a single program, which says
    // nothing of the scenario. It gets one more boot; a kernel that really hangs does so again. Not if the
    // drivers were there already, or if the kernel complained.
    let hung = matches!(&booted, Ok(first) if matches!(first.ending, Ending::TimedOut(_)) && first.events.is_empty());
    let quiet = || {
        let console = fs::read(dir.join("console.log")).unwrap_or_default();
        klog::complaints(&String::from_utf8_lossy(&console), &[]).is_empty()
    };
    if hung && !kernel.has("DEV_DAX_HMEM") && quiet() {
        report
            .note
            .push_str(" (second boot: the first hung before user space)");
        booted = boot_in(scenario, kernel, ground, dir, &mut watch);
    }
    match booted {
        Ok(outcome) => {
            report.time = outcome.time;
            report.verdicts = verdicts(scenario, &kernel.flavour, dir, &outcome);
            if outcome.ending == Ending::Done {
                report
                    .verdicts
                    .extend(our_drivers(kernel, &dir.join("end")));
            }
            let looked = outcome.ending == Ending::Done && !scenario.guest.stuck;
            if looked && kernel.has("DEBUG_KMEMLEAK") {
                report.verdicts.push(leaks::judge(&dir.join("end")));
            }
            if looked && ground.hmem_map.is_some() {
                report.verdicts.push(picture::draw(dir));
            }
        }
        Err(error) => report.verdicts.push(Verdict::fail(
            "boot",
            "a guest that runs",
            format!("{error:#}"),
        )),
    }
    report
}

fn boot_in(
    scenario: &Scenario,
    kernel: &Kernel,
    ground: &Ground,
    dir: &Path,
    watch: impl FnMut(&Event),
) -> Result<Outcome> {
    // What an earlier run left would be taken for this one's.
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let initrd = dir.join("initrd");
    let patience = if kernel.has("KASAN") {
        DEBUG_PATIENCE
    } else {
        1
    };
    let job = Job {
        scenario,
        flavour: &kernel.flavour,
        kver: &kernel.kver,
        patience,
        interactive: false,
    };
    guest::write(&job, &kernel.dir, ground, &initrd)?;
    let args = machine::arguments(
        scenario,
        &kernel.dir.join("bzImage"),
        &initrd,
        ground.ovmf.as_deref(),
        ground.accel,
    )?;
    let boot = Boot {
        args,
        dir,
        timeout: scenario.timeout * patience,
        cxl: scenario.cxl.as_ref(),
    };
    let outcome = boot.run(watch);
    let _ = fs::remove_file(initrd);
    let outcome = outcome?;
    let steps: String = outcome.events.iter().filter_map(told).collect();
    fs::write(dir.join("steps.log"), steps)?;
    Ok(outcome)
}

fn told(event: &Event) -> Option<String> {
    match event {
        Event::Step(name) => Some(format!("# step {name}\n")),
        Event::Line(line) => Some(format!("{line}\n")),
        Event::End(name, status, seconds) => {
            Some(format!("# step {name}: status {status}, {seconds:.2} s\n"))
        }
        _ => None,
    }
}

/// Judges what a boot told and left behind.
fn verdicts(scenario: &Scenario, flavour: &str, dir: &Path, outcome: &Outcome) -> Vec<Verdict> {
    let mut verdicts = vec![boot_verdict(outcome, dir)];
    let mut lines: Vec<String> = Vec::new();
    let mut ended: Vec<&str> = Vec::new();
    for event in &outcome.events {
        match event {
            Event::Step(_) => lines.clear(),
            Event::Line(line) => lines.push(line.clone()),
            Event::End(name, status, _) => {
                let script = scenario
                    .steps
                    .iter()
                    .any(|step| step.name == *name && step.script.is_some());
                verdicts.push(ktap::judge(name, script, *status, &lines));
                ended.push(name);
            }
            Event::Fault(what) => {
                verdicts.push(Verdict::fail("guest", "a guest in order", what.clone()))
            }
            Event::Boot(..) | Event::Snapshot(..) | Event::Done => {}
        }
    }
    for step in scenario.steps.iter().filter(|step| step.runs_on(flavour)) {
        if !ended.contains(&step.name.as_str()) {
            verdicts.push(Verdict::fail(
                format!("step {}", step.name),
                "it runs",
                "the guest never finished it",
            ));
        } else if scenario.snapshot_after(&step.name) {
            let expect = scenario.expectation(flavour, Some(&step.name));
            verdicts.extend(snapshot(
                dir,
                &format!("after-{}", step.name),
                &expect,
                flavour,
            ));
        }
    }
    let expect = scenario.expectation(flavour, None);
    // A guest that died early has handed nothing back; that it died says it all.
    if outcome.ending == Ending::Done || dir.join("end").is_dir() {
        verdicts.extend(snapshot(dir, "end", &expect, flavour));
    }
    // The console has what came too late for the last snapshot, or after the guest's user space had died.
    let console = fs::read(dir.join("console.log")).unwrap_or_default();
    let console = judge::complaints(&expect, &String::from_utf8_lossy(&console));
    verdicts.extend((!console.ok).then_some(Verdict {
        check: "console has no complaint".into(),
        ..console
    }));
    verdicts
}

/// Whether the drivers that the kernel was configured with are those that ran, as far as they did; one that is built in
/// did. The Rust hmem has a file in debugfs, and the Rust kmem one for several devices.
fn our_drivers(kernel: &Kernel, end: &Path) -> Vec<Verdict> {
    let verdict = |check: &str, wanted: bool, seen: bool| {
        let name = |rust: bool| if rust { "in Rust" } else { "in C" }.to_owned();
        Verdict::of(check, wanted == seen, || name(wanted), || name(seen))
    };
    let mut verdicts = Vec::new();
    let table = end.join("ranges").is_file();
    if table || kernel.has("DEV_DAX_HMEM") {
        let wanted = kernel.has("DEV_DAX_HMEM_RUST");
        verdicts.push(verdict("the hmem driver under test", wanted, table));
    }
    if let Ok(files) = fs::read_to_string(end.join("kmem")) {
        let wanted = kernel.has("DEV_DAX_KMEM_RUST");
        let seen = files.lines().any(|file| file.ends_with("/set_state"));
        verdicts.push(verdict("the kmem driver under test", wanted, seen));
    }
    verdicts
}

fn boot_verdict(outcome: &Outcome, dir: &Path) -> Verdict {
    let console = dir.join("console.log");
    let problem = match &outcome.ending {
        Ending::Done => return Verdict::pass("boot"),
        Ending::Died(why) => why.clone(),
        Ending::Stopped => "the lab was stopped".into(),
        Ending::TimedOut(seconds) => {
            let place = outcome.events.iter().rev().find_map(|event| match event {
                Event::Step(name) => Some(format!("in step {name}")),
                Event::End(name, ..) => Some(format!("after step {name}")),
                Event::Boot(..) => Some("before the first step".into()),
                _ => None,
            });
            format!(
                "the guest hung {} and was ended after {seconds} s",
                place.unwrap_or_else(|| "while it booted".into())
            )
        }
    };
    let tail = boot::last_lines(&console, 12);
    let said = outcome.events.iter().rev().find_map(|event| match event {
        Event::Line(line) => Some(format!("\nthe step's last line: {line}")),
        _ => None,
    });
    Verdict::fail(
        "boot",
        "a guest that does its steps and powers off",
        format!("{problem}\n{tail}{}", said.unwrap_or_default()),
    )
}

fn snapshot(dir: &Path, name: &str, expect: &Expect, flavour: &str) -> Vec<Verdict> {
    let prefix = if name == "end" {
        String::new()
    } else {
        format!("{name}: ")
    };
    match Seen::read(&dir.join(name)) {
        Ok(seen) => judge::judge(expect, &seen, flavour)
            .into_iter()
            .map(|verdict| Verdict {
                check: format!("{prefix}{}", verdict.check),
                ..verdict
            })
            .collect(),
        Err(error) => vec![Verdict::fail(
            format!("{prefix}snapshot"),
            "a whole snapshot",
            format!("{error:#}"),
        )],
    }
}
