// SPDX-License-Identifier: GPL-2.0

//! Results as KTAP: a test a case, a subtest a check.

use crate::case::Report;

/// The whole document.
pub fn text(reports: &[Report]) -> String {
    let mut out = format!("KTAP version 1\n1..{}\n", reports.len());
    for (index, report) in reports.iter().enumerate() {
        let number = index + 1;
        if !report.verdicts.is_empty() {
            out += &format!(
                "# Subtest: {}\n    KTAP version 1\n    1..{}\n",
                report.name,
                report.verdicts.len()
            );
        }
        for (index, verdict) in report.verdicts.iter().enumerate() {
            if !verdict.ok {
                out += &diagnostic("expected", &verdict.expected);
                out += &diagnostic("seen", &verdict.seen);
            }
            out += &format!(
                "    {} {} {}\n",
                word(verdict.ok),
                index + 1,
                line(&verdict.check)
            );
        }
        if report.failed() {
            out += &format!("# log: {}\n", report.dir.join("console.log").display());
        }
        // KTAP calls a skipped test "ok"; one that may not be skipped is not.
        let skip = report
            .skipped
            .as_ref()
            .map(|skip| format!(" # SKIP {}", line(&skip.why)))
            .unwrap_or_default();
        out += &format!(
            "{} {number} {}{skip}\n",
            word(!report.failed()),
            report.name
        );
    }
    out
}

fn word(ok: bool) -> &'static str {
    if ok {
        "ok"
    } else {
        "not ok"
    }
}

/// `#` would begin a directive.
fn line(text: &str) -> String {
    text.replace('\n', " ").replace('#', "-")
}

fn diagnostic(title: &str, text: &str) -> String {
    text.lines()
        .map(|line| format!("    # {title}: {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_kind_of_result() {
        let text = text(&sample::reports());
        assert!(text.starts_with("KTAP version 1\n1..4\n"));
        assert!(text.contains("    ok 2 dax devices\nok 1 good-7.3-lab\n"));
        assert!(text.contains("    # seen: at all\n    not ok 2 dax devices\n# log: out/test/x/console.log\nnot ok 2 bad-7.3-lab\n"));
        assert!(text.contains("ok 3 away-7.3-lab # SKIP no suite has it\n"));
        assert!(text.ends_with("not ok 4 lost-7.3-lab # SKIP unknown\n"));
    }
}
