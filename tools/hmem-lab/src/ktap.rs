// SPDX-License-Identifier: GPL-2.0

//! Reads what kselftest scripts write (KTAP), as far as a verdict needs it.

use crate::judge::Verdict;

/// kselftest's exit status for "skipped".
const SKIPPED: i32 = 4;
/// What `timeout` exits with.
const TIMED_OUT: i32 = 124;

/// The results in `lines`, at the outermost level.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// How many tests were announced (`1..N`).
    pub plan: Option<usize>,
    /// Descriptions of those that passed.
    pub passed: Vec<String>,
    /// Descriptions of those that failed.
    pub failed: Vec<String>,
    /// Descriptions of those that were skipped, with their reasons.
    pub skipped: Vec<String>,
}

/// Reads KTAP; lines that are none of it are ignored.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Results {
    let mut results = Results::default();
    for line in lines {
        if let Some(count) = line.strip_prefix("1..") {
            if let Some((_, why)) = line.split_once("# SKIP") {
                results.skipped.push(why.trim().to_string());
            }
            results.plan = count
                .split_whitespace()
                .next()
                .and_then(|word| word.parse().ok());
        } else if let Some(rest) = line.strip_prefix("not ok ") {
            results.failed.push(description(rest));
        } else if let Some(rest) = line.strip_prefix("ok ") {
            let skip = rest.to_ascii_uppercase().contains("# SKIP");
            if skip {
                &mut results.skipped
            } else {
                &mut results.passed
            }
            .push(description(rest));
        }
    }
    results
}

fn description(rest: &str) -> String {
    rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ' || c == '-')
        .trim()
        .to_string()
}

/// Judges a step by its exit status and by what it wrote. A step that ran no test, or fewer than it
/// announced, or skipped one, did not do its work.
pub fn judge(step: &str, is_script: bool, status: i32, lines: &[String]) -> Verdict {
    let check = format!("step {step}");
    let results = read(lines.iter().map(String::as_str));
    let ran = results.passed.len() + results.failed.len() + results.skipped.len();
    let tail = || lines[lines.len().saturating_sub(12)..].join("\n");
    let wanted = if is_script {
        "every test of the script passes"
    } else {
        "status 0"
    };
    let problem = if status == TIMED_OUT {
        "it took too long, and was stopped".to_string()
    } else if !results.failed.is_empty() {
        format!("failed: {}", results.failed.join("; "))
    } else if !results.skipped.is_empty() || status == SKIPPED && is_script {
        format!("skipped: {}", results.skipped.join("; "))
    } else if is_script && (results.plan.is_none() || ran == 0) {
        format!("it ran no test (status {status})")
    } else if results.plan.is_some_and(|plan| plan != ran) {
        format!(
            "{ran} of {} tests ran (status {status})",
            results.plan.unwrap_or_default()
        )
    } else if status != 0 {
        format!("status {status}")
    } else {
        return Verdict::pass(check);
    };
    Verdict::fail(check, wanted, format!("{problem}\n{}", tail()).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    const GOOD: &str = "TAP version 13\n1..2\n# about\nok 1 hmem.0 is bound\nok 2 - its dax device\n# Totals: pass:2\n";

    #[test]
    fn reads_results() {
        let results = read(GOOD.lines());
        assert_eq!(results.plan, Some(2));
        assert_eq!(results.passed, ["hmem.0 is bound", "its dax device"]);
        assert!(judge("x", true, 0, &lines(GOOD)).ok);
        assert!(judge("x", false, 0, &[]).ok);
    }

    #[test]
    fn every_way_to_fail_fails() {
        let fails = |is_script: bool, status: i32, text: &str| {
            let verdict = judge("x", is_script, status, &lines(text));
            assert!(!verdict.ok, "{status} {text}");
            verdict.seen
        };
        assert!(fails(true, 1, "1..1\nnot ok 1 gone\n").contains("gone"));
        assert!(fails(true, 0, "1..1\nnot ok 1 gone\n").contains("gone"));
        assert!(fails(true, 0, "1..2\nok 1 a\n").contains("1 of 2"));
        assert!(fails(true, 4, "1..0 # SKIP no root\n").contains("skipped: no root"));
        assert!(fails(true, 0, "1..1\nok 1 a # SKIP no such thing\n")
            .contains("a # SKIP no such thing"));
        assert!(fails(true, 0, "").contains("no test"));
        assert!(fails(true, 1, GOOD).contains("status 1"));
        assert!(fails(false, 1, "# failed: false\n").contains("# failed: false"));
        assert!(fails(false, 124, "").contains("too long"));
        assert!(fails(false, 0, "not ok 1 gone\n").contains("gone"));
    }
}
