// SPDX-License-Identifier: GPL-2.0

//! Runs a target with inputs, for as long as it may take.

use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::coverage::{self, Reached};
use crate::mutate::{self, Dice};
use crate::targets::Target;

/// What came of a run.
#[derive(Debug)]
pub struct Summary {
    /// Inputs that were tried.
    pub tried: u64,
    /// Inputs that reached something new, those of the corpus included.
    pub kept: Vec<Vec<u8>>,
    /// Edges that were reached; none if the build does not count.
    pub edges: usize,
    /// The first input that failed, and what it said.
    pub failed: Option<(Vec<u8>, String)>,
}

/// The inputs that a target begins with, by name.
///
/// # Errors
///
/// When the directory cannot be read.
pub fn corpus(target: &Target) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name);
    let mut inputs = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        inputs.push((path.clone(), fs::read(path)?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Runs the target once; what it said if it failed.
///
/// # Errors
///
/// The text of the panic.
pub fn once(target: &Target, input: &[u8]) -> Result<(), String> {
    panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|what| {
        match (what.downcast_ref::<String>(), what.downcast_ref::<&str>()) {
            (Some(text), _) => text.clone(),
            (_, Some(text)) => text.to_string(),
            _ => "a panic without a text".into(),
        }
    })
}

/// How long a run goes on; the inputs that it begins with are tried in any case.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// That long.
    Time(Duration),
    /// With so many inputs.
    Tries(u64),
}

/// Tries the inputs `from`, then what can be made of them, up to the limit or until one fails. `last` holds each
/// input while it is tried, in case that the whole program dies of it.
///
/// # Errors
///
/// When `last` cannot be written.
pub fn run(
    target: &Target,
    from: Vec<Vec<u8>>,
    seed: u64,
    limit: Limit,
    last: &Path,
) -> io::Result<Summary> {
    let begun = Instant::now();
    let is_over = |limit: Limit, tried: u64| match limit {
        Limit::Time(time) => begun.elapsed() >= time,
        Limit::Tries(tries) => tried >= tries,
    };
    let mut dice = Dice::new(seed);
    let mut reached = Reached::default();
    let mut first = from.into_iter();
    let mut summary = Summary {
        tried: 0,
        kept: Vec::new(),
        edges: 0,
        failed: None,
    };
    loop {
        let (input, own) = match first.next() {
            Some(input) => (input, true),
            None if is_over(limit, summary.tried) => break,
            None => {
                let base = summary.kept.get(dice.below(summary.kept.len()));
                let base = base.map_or(&[][..], Vec::as_slice);
                (
                    mutate::mutate(&mut dice, base, &summary.kept, target.words),
                    false,
                )
            }
        };
        fs::write(last, &input)?;
        coverage::reset();
        let done = once(target, &input);
        summary.tried += 1;
        if let Err(what) = done {
            summary.failed = Some((input, what));
            break;
        }
        if reached.news() || own {
            summary.kept.push(input);
        }
    }
    summary.edges = reached.edges();
    Ok(summary)
}
