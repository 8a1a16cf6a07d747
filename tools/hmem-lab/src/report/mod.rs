// SPDX-License-Identifier: GPL-2.0

//! Writes the results of a run: KTAP for kernel people, JUnit for CI systems, a page for everybody.

pub mod html;
pub mod junit;
pub mod ktap;

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::case::Report;

/// Writes `results.ktap`, `junit.xml` and `report.html` into `dir`.
pub fn write(dir: &Path, reports: &[Report], time: Duration) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    fs::write(dir.join("results.ktap"), ktap::text(reports))?;
    fs::write(dir.join("junit.xml"), junit::text(reports, time))?;
    fs::write(dir.join("report.html"), html::text(reports, time))?;
    Ok(())
}

/// Escapes for XML and HTML. Control characters have no place in either.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod sample {
    use super::*;
    use crate::case::Skip;
    use crate::judge::Verdict;

    /// One report of each kind.
    pub(crate) fn reports() -> Vec<Report> {
        let report = |name: &str, verdicts, skipped| Report {
            name: name.into(),
            title: "a <title>".into(),
            verdicts,
            skipped,
            time: Duration::from_millis(5200),
            dir: "out/test/x".into(),
            note: String::new(),
        };
        vec![
            report(
                "good-7.3-lab",
                vec![Verdict::pass("boot"), Verdict::pass("dax devices")],
                None,
            ),
            report(
                "bad-7.3-lab",
                vec![
                    Verdict::pass("boot"),
                    Verdict::fail("dax devices", "a & b", "none\nat all"),
                ],
                None,
            ),
            report(
                "away-7.3-lab",
                Vec::new(),
                Some(Skip {
                    id: "kernel-7.3".into(),
                    why: "no suite has it".into(),
                    forgiven: true,
                }),
            ),
            report(
                "lost-7.3-lab",
                Vec::new(),
                Some(Skip {
                    id: "x".into(),
                    why: "unknown".into(),
                    forgiven: false,
                }),
            ),
        ]
    }
}
