// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab list`: what there is to run.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::scenario::{BaselineMode, Scenario};
use crate::{place, scenario};

/// Lists the scenarios.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only scenarios whose name holds this word, or that have this tag
    pub filter: Option<String>,
    /// Also say what each is about
    #[arg(long, short)]
    pub long: bool,
}

/// Runs the command.
pub fn main(args: Args) -> Result<ExitCode> {
    let scenarios = scenario::load(&place::repository()?.join("tools/hmem-lab/scenarios"))?;
    match write(&mut io::stdout().lock(), &args, &scenarios) {
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("cannot write to standard output")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn write(out: &mut impl Write, args: &Args, scenarios: &[Scenario]) -> io::Result<()> {
    let width = scenarios
        .iter()
        .map(|scenario| scenario.name.len())
        .max()
        .unwrap_or(0);
    for scenario in scenarios {
        if args.filter.as_ref().is_some_and(|word| {
            !scenario.name.contains(word.as_str()) && !scenario.tags.contains(word)
        }) {
            continue;
        }
        writeln!(out, "{:width$}  {}", scenario.name, scenario.title)?;
        if args.long {
            let about = scenario
                .about
                .trim()
                .lines()
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" ");
            if !about.is_empty() {
                writeln!(out, "{:width$}  {about}", "")?;
            }
            let baseline = match scenario.baseline.mode {
                BaselineMode::Same => "the C driver shows the same".to_string(),
                BaselineMode::Own => format!("the C driver differs: {}", scenario.baseline.reason),
                BaselineMode::None => {
                    format!("the C driver is not asked: {}", scenario.baseline.reason)
                }
            };
            writeln!(
                out,
                "{:width$}  flavours: {}; {baseline}",
                "",
                scenario.flavours.join(" ")
            )?;
            for (flavour, reason) in &scenario.not_on {
                writeln!(out, "{:width$}  not on {flavour}: {reason}", "")?;
            }
            writeln!(out)?;
        }
    }
    out.flush()
}
