// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab kunit`: the tests that run in the kernel itself, judged by the kernel's own kunit.py.
//!
//! A guest boots the scenario of the same name, whose last step prints the results of every suite that the kernel
//! has run. So each test case and each example counts, not just the scenario.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{bail, Context, Result};

use crate::progress;
use crate::run::{self, prepare};
use crate::supply::Source;
use crate::{case, kernel, place};

/// The scenario, its flavour, and the step that prints.
const NAME: &str = "kunit";
const STEP: &str = "results";

/// Runs KUnit tests and the examples of the Rust documentation in a guest.
#[derive(Debug, clap::Args)]
#[command(after_help = "On Linux 7.3, as 7.2 has not all that the tests are about.")]
pub struct Args {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// Runs the command. The last line on stdout is `N passed, N failed`.
pub fn main(args: Args) -> Result<ExitCode> {
    let kver = kernel::KVERS[0];
    let (scenario, kernel, ground) = prepare(NAME, Some(kver), NAME, &args.source)?;
    let dir = place::repository()?.join("out/kunit");
    let report = case::run(&scenario, &kernel, &ground, &dir, run::live);
    // kunit.py sees what was printed; that the guest itself is sound, and that no suite is missing, it does not.
    if !report.passed() {
        println!("not as expected:{}", progress::failure(&report));
    }
    let steps = fs::read_to_string(dir.join("steps.log")).unwrap_or_default();
    let ktap = dir.join("kunit.ktap");
    fs::write(&ktap, document(&steps))
        .with_context(|| format!("cannot write {}", ktap.display()))?;
    let said = parse(&kernel::tree(kver)?, &ktap)?;
    print!("{said}");
    let (passed, mut failed) = counts(&said)?;
    failed += u64::from(!report.passed() && failed == 0);
    println!("{passed} passed, {failed} failed");
    Ok(match failed == 0 && passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// What the step printed.
fn document(steps: &str) -> String {
    let begin = format!("# step {STEP}");
    let lines = steps.lines().skip_while(|line| *line != begin).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("# step "));
    lines.map(|line| format!("{line}\n")).collect()
}

/// What the kernel's kunit.py says of a document.
fn parse(tree: &Path, ktap: &Path) -> Result<String> {
    let output = Command::new("python3")
        .arg(tree.join("tools/testing/kunit/kunit.py"))
        .arg("parse")
        .arg(ktap)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .context("cannot run python3")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, failed) = counts(&said).with_context(|| {
        let why = String::from_utf8_lossy(&output.stderr);
        format!("kunit.py: {}", why.trim())
    })?;
    if failed == 0 && !output.status.success() {
        bail!("kunit.py ended with {} where nothing failed", output.status);
    }
    Ok(said)
}

/// How many passed and failed, by its summary. What was skipped has not passed, for nobody would look at it.
fn counts(said: &str) -> Result<(u64, u64)> {
    let line = said
        .lines()
        .rev()
        .find(|line| line.contains("Testing complete."));
    let (_, counts) = line
        .and_then(|line| line.split_once(" tests: "))
        .context("it counted nothing")?;
    let (mut passed, mut failed) = (0, 0);
    for count in counts.split(", ") {
        let (what, number) = count.split_once(": ").context("it counted in a new way")?;
        let number: u64 = number
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .with_context(|| format!("it counted {count:?}"))?;
        match what {
            "passed" => passed += number,
            _ => failed += number,
        }
    }
    Ok((passed, failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_one_step_printed() {
        let steps = "# step suites\na\n# step suites: status 0, 1.00 s\n# step results\nKTAP version 1\n    # Subtest: a\n\
                     ok 1 a\n# step results: status 0, 1.00 s\n";
        assert_eq!(
            document(steps),
            "KTAP version 1\n    # Subtest: a\nok 1 a\n"
        );
        assert_eq!(document(""), "");
    }

    #[test]
    fn counts_of_kunit_py() {
        let line = |counts: &str| {
            format!("x\n\x1b[1m[12:00:00] Testing complete. {counts}\x1b[0m\n[12:00:00] y\n")
        };
        assert_eq!(counts(&line("Ran 4 tests: passed: 4")).unwrap(), (4, 0));
        let mixed = line("Ran 4 tests: passed: 1, failed: 1, crashed: 1, skipped: 1, errors: 1");
        assert_eq!(counts(&mixed).unwrap(), (1, 4));
        assert!(counts("nothing").is_err());
        assert!(counts(&line("Ran 0 tests: ")).is_err());
    }
}
