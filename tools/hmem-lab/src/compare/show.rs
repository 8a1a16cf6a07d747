// SPDX-License-Identifier: GPL-2.0

//! A comparison for people: on the terminal, and as a table in the report.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use super::difference::Difference;
use super::pair::Outcome;
use super::Results;
use crate::report::escape;

/// How many unexplained differences of one scenario are told, unless all are asked for; the report has them all.
const TOLD: usize = 12;

/// What failed, then what was found, then the count: `N passed, N failed`.
pub fn summary(out: &Path, results: &Results, long: bool) -> ExitCode {
    let told = if long { usize::MAX } else { TOLD };
    let mut passed = 0;
    for outcome in &results.outcomes {
        if outcome.passed() {
            passed += 1;
            continue;
        }
        println!("{}:", outcome.name);
        if let Some(problem) = &outcome.problem {
            println!("  {problem}");
        }
        for (snapshot, found, _) in outcome.unexplained().take(told) {
            println!("  {snapshot}: {}", line(found));
        }
        let more = outcome.unexplained().count().saturating_sub(told);
        if more > 0 {
            println!("  and {more} more");
        }
    }
    results.faults.iter().for_each(|fault| println!("{fault}"));
    for (id, (count, scenarios)) in counts(results) {
        println!("intended: {id}: {count} in {scenarios} scenarios");
    }
    let sum = |pick: fn(&Outcome) -> usize| -> usize { results.outcomes.iter().map(pick).sum() };
    println!(
        "compared: {} scenarios, {} snapshots, {} facts the same, {} differences, {} of them intended; not comparable: {}",
        results.outcomes.len(),
        sum(|outcome| outcome.snapshots),
        sum(|outcome| outcome.same),
        sum(|outcome| outcome.differences.len()),
        sum(|outcome| outcome.differences.len() - outcome.unexplained().count()),
        results.alone.len(),
    );
    if out.join("report.html").is_file() {
        println!("report: {}", out.join("report.html").display());
    }
    let failed = results.outcomes.len() - passed + results.faults.len();
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How often each entry explains something, in the order of the list, and in how many scenarios.
fn counts(results: &Results) -> Vec<(&str, (usize, usize))> {
    let mut counts: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for outcome in &results.outcomes {
        let mut here: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, _, place) in &outcome.differences {
            place
                .iter()
                .for_each(|(entry, _)| *here.entry(*entry).or_default() += 1);
        }
        for (entry, count) in here {
            let known = counts.entry(entry).or_default();
            *known = (known.0 + count, known.1 + 1);
        }
    }
    counts
        .into_iter()
        .map(|(entry, count)| (results.list.intended[entry].id.as_str(), count))
        .collect()
}

fn line(found: &Difference) -> String {
    let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".into());
    format!(
        "{} {} {}: C {} | Rust {}",
        found.kind,
        found.object,
        found.attribute,
        side(&found.c),
        side(&found.rust)
    )
}

/// The section of the report.
pub fn html(results: &Results) -> String {
    let mut out = String::from(
        "<h2>C and Rust compared</h2>\n<table><tr><th></th><th>scenario</th><th>the same</th><th>differences</th></tr>\n",
    );
    for outcome in &results.outcomes {
        let (class, sign) = if outcome.passed() {
            ("ok", "✓")
        } else {
            ("bad", "✗")
        };
        out += &format!(
            "<tr><td class=\"{class}\">{sign}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>\n",
            escape(&outcome.name),
            outcome.same,
            differences(results, outcome)
        );
    }
    for (scenario, reason) in &results.alone {
        out += &format!(
            "<tr><td></td><td><code>{}</code></td><td></td><td>not comparable: {}</td></tr>\n",
            escape(scenario),
            escape(reason)
        );
    }
    out += "</table>\n<table><tr><th>intended</th><th>DESIGN</th><th>why</th></tr>\n";
    for entry in &results.list.intended {
        out += &format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            escape(&entry.id),
            escape(&entry.design),
            escape(&entry.reason)
        );
    }
    out += "</table>\n";
    for fault in &results.faults {
        out += &format!("<p class=\"bad\">{}</p>\n", escape(fault));
    }
    out
}

fn differences(results: &Results, outcome: &Outcome) -> String {
    if let Some(problem) = &outcome.problem {
        return escape(problem);
    }
    if outcome.differences.is_empty() {
        return "none".into();
    }
    let open = if outcome.passed() { "" } else { " open" };
    let mut out = format!(
        "<details{open}><summary>{}</summary><table><tr><th>intended as</th><th>what</th><th>C</th><th>Rust</th></tr>\n",
        outcome.differences.len()
    );
    for (snapshot, found, place) in &outcome.differences {
        let side = |text: &Option<String>| match text {
            Some(text) => format!("<pre>{}</pre>", escape(text)),
            None => "nothing".into(),
        };
        out += &format!(
            "<tr><td>{}</td><td>{}: {} <code>{}</code> {}</td><td>{}</td><td>{}</td></tr>\n",
            match place {
                Some((entry, _)) => escape(&results.list.intended[*entry].id),
                None => "<b class=\"bad\">no</b>".into(),
            },
            escape(snapshot),
            found.kind,
            escape(&found.object),
            escape(&found.attribute),
            side(&found.c),
            side(&found.rust)
        );
    }
    out + "</table></details>"
}
