// SPDX-License-Identifier: GPL-2.0

//! `make fuzz`: runs every target for a while.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use fuzz::engine::{self, Limit};
use fuzz::targets::TARGETS;

const USAGE: &str = "usage: fuzz SECONDS SEED OUT [TARGET...]
SECONDS is for all targets together. What is found is left in OUT: TARGET.new/ has the inputs that reached
more code than those before, TARGET.failed the one that failed. To keep one, put it into corpus/TARGET/.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| args.get(index)?.parse::<u64>().ok();
    let (Some(seconds), Some(seed), Some(out)) = (number(0), number(1), args.get(2)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let wanted = &args[3..];
    let targets: Vec<_> = TARGETS
        .iter()
        .filter(|target| wanted.is_empty() || wanted.iter().any(|name| name == target.name))
        .collect();
    let each = Duration::from_secs(seconds) / u32::try_from(targets.len().max(1)).unwrap_or(1);
    let mut failed = 0;
    // The panics are told below, with the input.
    std::panic::set_hook(Box::new(|_| ()));
    for target in &targets {
        match one(target, seed, each, Path::new(out)) {
            Ok(true) => {}
            Ok(false) => failed += 1,
            Err(error) => {
                println!("{}: {error}", target.name);
                failed += 1;
            }
        }
    }
    println!("{} passed, {failed} failed", targets.len() - failed);
    if failed == 0 && !targets.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs a target and says what came of it; whether it held.
fn one(
    target: &fuzz::targets::Target,
    seed: u64,
    time: Duration,
    out: &Path,
) -> std::io::Result<bool> {
    fs::create_dir_all(out)?;
    let last = out.join(format!("{}.last", target.name));
    let corpus: Vec<Vec<u8>> = engine::corpus(target)?
        .into_iter()
        .map(|(_, input)| input)
        .collect();
    let known = corpus.len();
    let summary = engine::run(target, corpus, seed, Limit::Time(time), &last)?;
    let new = out.join(format!("{}.new", target.name));
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new)?;
    for (index, input) in summary.kept.iter().skip(known).enumerate() {
        fs::write(new.join(index.to_string()), input)?;
    }
    println!(
        "{}: seed {seed}, {} inputs tried, {} of {known} and {} new ones kept, {} edges reached",
        target.name,
        summary.tried,
        summary.kept.len().min(known),
        summary.kept.len().saturating_sub(known),
        summary.edges
    );
    let Some((input, what)) = summary.failed else {
        return Ok(true);
    };
    let file = out.join(format!("{}.failed", target.name));
    fs::write(&file, input)?;
    println!("{}: {what}\ninput: {}", target.name, file.display());
    Ok(false)
}
