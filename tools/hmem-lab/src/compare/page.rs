// SPDX-License-Identifier: GPL-2.0

//! The page in Documentation: what differs between the C drivers and ours, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::pair::Outcome;
use super::Results;
use crate::kernel::KVERS;

/// Where it is.
pub const FILE: &str = "Documentation/driver-api/cxl/linux/hmem-rs-compared.rst";

const INTRO: &str = "\
.. SPDX-License-Identifier: GPL-2.0
.. Written by make compare.

=====================================
The Drivers in C and in Rust Compared
=====================================

The scenarios of the project's lab boot the same kernel source twice: with
dax_hmem and kmem in C, and with hmem_rs and kmem in Rust.  Those at the end of
this page do not, nor do those named released-*, which are about Linux without
anything of this project.  Machine, firmware and command line are the same, and
so are the steps, except for those named in the table: what the C drivers do not
have or do not survive, and what takes its place there.  The table in debugfs,
which only hmem_rs has, is read by a step that is not named.  Then sysfs,
/proc/iomem, the output of :code:`daxctl list` and :code:`cxl list`, the loaded
modules, and what the kernel log says about memory are compared by address, at
the end and after steps that both take: numbers of devices may differ, what lies
at an address may not.  A difference that is not listed here fails
:code:`make compare`, and so does an entry that nothing needs any more.
";

const POLICY: &str = "\
The kernel with the drivers in Rust has CONFIG_DEV_DAX_POLICY=y, and none of
these scenarios gives it a policy.  So the tables also show what it changes by
being there: one attribute and one module parameter.
";

/// The whole page. What an earlier run left out stays as the old page has it.
pub fn text(results: &Results, old: &str) -> String {
    let mut out = format!("{INTRO}\n{POLICY}");
    out += "\nWhat Differs, and Why\n=====================\n\n";
    out += "The number in brackets is the section of the project's design, which is not part\n\
            of the kernel, and its item: 1 is what there is, 2 says what must not change, 3\n\
            is the ownership rule, 4 lists where the C code falls short, 6 is the lab.  What\n\
            is so *sometimes* is a matter of time, and not in the table below.\n\n";
    for entry in &results.list.intended {
        let sometimes = if entry.sometimes { ", sometimes" } else { "" };
        out += &fill(&format!("{} [{}]{sometimes}", entry.id, entry.design), "");
        out += &fill(&entry.reason, "    ");
    }
    out += "\nThe Scenarios\n=============\n\n";
    let everywhere = results
        .list
        .intended
        .iter()
        .filter(|entry| entry.everywhere);
    let names: Vec<&str> = everywhere.map(|entry| entry.id.as_str()).collect();
    out += &fill(
        &format!(
            "Linux {}. Each of them also shows: {}.",
            KVERS[0],
            names.join(", ")
        ),
        "",
    );
    out += "\n";
    out += ".. list-table::\n   :header-rows: 1\n   :widths: 35 65\n\n   * - Scenario\n     - What differs\n";
    let compared = results.outcomes.iter();
    let mut rows: BTreeMap<&str, String> = compared
        .map(|outcome| (outcome.scenario.as_str(), row(results, outcome)))
        .collect();
    for scenario in &results.missing {
        rows.insert(scenario, old_row(old, scenario));
    }
    out.extend(rows.into_values());
    out += "\nNot Compared\n============\n\n";
    out +=
        ".. list-table::\n   :header-rows: 1\n   :widths: 35 65\n\n   * - Scenario\n     - Why\n";
    for (scenario, reason) in &results.alone {
        out += &cells(scenario, reason);
    }
    out
}

/// What of the page does not fit what was seen. Of a part of the scenarios only the rows are known.
pub fn outdated(page: &str, results: &Results, whole: bool) -> Option<String> {
    let suffix = format!("-{}", KVERS[0]);
    let compared = results
        .outcomes
        .iter()
        .filter(|outcome| outcome.name.ends_with(&suffix));
    compared
        .filter(|outcome| !page.contains(&row(results, outcome)))
        .map(|outcome| outcome.scenario.clone())
        .next()
        .or_else(|| (whole && page != text(results, page)).then(|| "its text".to_string()))
}

fn row(results: &Results, outcome: &Outcome) -> String {
    let seen: BTreeSet<usize> = outcome
        .differences
        .iter()
        .filter_map(|(_, _, place)| place.map(|(entry, _)| entry))
        .filter(|entry| {
            let entry = &results.list.intended[*entry];
            !entry.sometimes && !entry.everywhere
        })
        .collect();
    let mut names: Vec<&str> = seen
        .iter()
        .map(|entry| results.list.intended[*entry].id.as_str())
        .collect();
    if !outcome.passed() {
        names.push("**something that is not meant**");
    }
    if names.is_empty() {
        names.push("nothing else");
    }
    let mut text = names.join(", ");
    for (who, steps) in ["Rust", "C"].iter().zip(&outcome.alone) {
        if !steps.is_empty() {
            text += &format!("; only in {who}: {}", steps.join(", "));
        }
    }
    cells(&outcome.scenario, &text)
}

fn old_row(page: &str, scenario: &str) -> String {
    let begin = format!("   * - {scenario}\n");
    match page.split_once(&begin) {
        Some((_, rest)) => {
            let end = rest.find("   * - ").unwrap_or(rest.len());
            let end = end.min(rest.find("\n\n").map_or(rest.len(), |end| end + 1));
            begin + &rest[..end]
        }
        None => cells(scenario, "(not booted when this was written)"),
    }
}

fn cells(first: &str, second: &str) -> String {
    format!("   * - {first}\n{}", fill(&format!("- {second}"), "     "))
}

/// Lines of at most 80 columns; the second and later ones of a list item stand below its text.
fn fill(text: &str, indent: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    let hang = if text.starts_with("- ") {
        format!("{indent}  ")
    } else {
        indent.to_string()
    };
    for word in text.split_whitespace() {
        if column == 0 {
            out += indent;
            column = indent.len();
        } else if column + 1 + word.len() > 79 {
            out += &format!("\n{hang}");
            column = hang.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += word.len();
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::intended::List;

    #[test]
    fn the_page_is_checked_row_by_row() {
        let outcome = |scenario: &str| Outcome {
            scenario: scenario.into(),
            name: format!("{scenario}-{}", KVERS[0]),
            snapshots: 1,
            ..Outcome::default()
        };
        let mut results = Results {
            list: List::default(),
            outcomes: vec![outcome("a"), outcome("c")],
            alone: vec![("z".into(), "there is no C".into())],
            missing: Vec::new(),
            faults: Vec::new(),
        };
        let page = text(&results, "");
        assert_eq!(outdated(&page, &results, true), None);
        assert!(page.lines().all(|line| line.len() <= 80), "{page}");

        // A part of the scenarios leaves the other rows as they are.
        results.missing = vec!["c".into(), "b".into()];
        results.outcomes.pop();
        let part = text(&results, &page);
        assert!(
            part.contains("   * - c\n     - nothing else\n\nNot"),
            "{part}"
        );
        assert!(part.contains("   * - b\n     - (not booted"), "{part}");
        assert_eq!(outdated(&page, &results, false), None);

        results.outcomes[0].problem = Some("no snapshot".into());
        assert_eq!(outdated(&page, &results, false), Some("a".into()));
    }
}
