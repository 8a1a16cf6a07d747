// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab check`: what a reviewer's tools would say, for the kernel's part and for the host tools.
//!
//! A finding in a file of this repository fails; what the same tools say about the kernel's own files is not ours.

mod host;
pub(super) mod overlay;
mod tree;

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Output};

use anyhow::{bail, Context, Result};

use crate::kernel::dirs::Dirs;
use crate::parallel;

/// Checks formatting, lints, documentation and patch style of everything here; fails on any finding
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab check             everything
  hmem-lab check clippy      only the checks whose name holds this word")]
pub struct Args {
    /// Only checks whose name holds one of these words
    pub filters: Vec<String>,
    /// Name the checks
    #[arg(long)]
    pub list: bool,
}

/// What one check found: nothing, or lines to show.
type Findings = Vec<String>;

/// Gives a check what it works on.
struct Ground {
    dirs: Dirs,
    /// The repository's files, as git has them and would have them.
    files: BTreeSet<String>,
}

struct Check {
    name: &'static str,
    run: fn(&Ground) -> Result<Findings>,
}

const CHECKS: [Check; 11] = [
    Check {
        name: "licence lines",
        run: host::licence_lines,
    },
    Check {
        name: "codespell",
        run: host::codespell,
    },
    Check {
        name: "shellcheck",
        run: host::shellcheck,
    },
    Check {
        name: "rustfmt, host tools",
        run: host::rustfmt,
    },
    Check {
        name: "clippy, host tools",
        run: host::clippy,
    },
    Check {
        name: "rustdoc, host tools",
        run: host::rustdoc,
    },
    Check {
        name: "kconfig",
        run: tree::kconfig,
    },
    Check {
        name: "rustfmt, kernel",
        run: tree::rustfmt,
    },
    Check {
        name: "clippy, kernel",
        run: tree::clippy,
    },
    Check {
        name: "rustdoc, kernel",
        run: tree::rustdoc,
    },
    Check {
        name: "checkpatch",
        run: tree::checkpatch,
    },
];

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let wanted = |check: &&Check| {
        args.filters.is_empty()
            || args
                .filters
                .iter()
                .any(|word| check.name.contains(word.as_str()))
    };
    let checks: Vec<&Check> = CHECKS.iter().filter(wanted).collect();
    if args.list {
        checks.iter().for_each(|check| println!("{}", check.name));
        return Ok(ExitCode::SUCCESS);
    }
    if checks.is_empty() {
        bail!("no check has that name: hmem-lab check --list names them");
    }
    let dirs = Dirs::find()?;
    let files = files(&dirs)?;
    let ground = Ground { dirs, files };
    let mut failed = 0;
    for check in &checks {
        // A tool that could not run has found nothing out, which is no pass.
        let findings = (check.run)(&ground).unwrap_or_else(|error| vec![format!("{error:#}")]);
        if findings.is_empty() {
            println!("ok    {}", check.name);
            continue;
        }
        failed += 1;
        println!("FAIL  {}", check.name);
        for line in findings.iter().flat_map(|finding| finding.lines()) {
            println!("      {line}");
        }
    }
    println!("{} passed, {failed} failed", checks.len() - failed);
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn files(dirs: &Dirs) -> Result<BTreeSet<String>> {
    let mut git = Command::new("git");
    git.args([
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ])
    .current_dir(&dirs.repo);
    let output = git.output().context("cannot run git")?;
    if !output.status.success() {
        bail!(
            "git cannot list the files: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let there = |name: &&str| dirs.repo.join(name).is_file();
    Ok(text
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter(there)
        .map(str::to_owned)
        .collect())
}

/// What a check finds in each of `items`.
fn each<T: Sync>(items: &[T], check: impl Fn(&T) -> Result<Findings> + Sync) -> Result<Findings> {
    let found = parallel::map(parallel::processors(), items, check);
    Ok(found.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// Runs a tool that says what it found, and exits with a status that says whether it did.
fn findings(command: &mut Command) -> Result<Findings> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let words = words(&output);
    Ok(vec![if words.trim().is_empty() {
        format!("{name} failed: {}", output.status)
    } else {
        words
    }])
}

fn words(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    text
}
