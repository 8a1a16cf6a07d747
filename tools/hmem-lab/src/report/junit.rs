// SPDX-License-Identifier: GPL-2.0

//! Results as JUnit XML, which CI systems read.

use std::time::Duration;

use super::escape;
use crate::case::Report;

/// The whole document: a suite a case, a test a check.
pub fn text(reports: &[Report], time: Duration) -> String {
    let failures = reports.iter().filter(|report| report.failed()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hmem-lab\" tests=\"{}\" failures=\"{failures}\" time=\"{:.1}\">\n",
        reports.iter().map(tests).sum::<usize>(),
        time.as_secs_f64()
    );
    for report in reports {
        let failed = report.verdicts.iter().filter(|verdict| !verdict.ok).count()
            + usize::from(unforgiven(report));
        let skipped = usize::from(report.skipped.is_some() && !unforgiven(report));
        let name = escape(&report.name);
        out += &format!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\" time=\"{:.1}\">\n",
            tests(report),
            report.time.as_secs_f64()
        );
        for verdict in &report.verdicts {
            let check = escape(&verdict.check.replace('\n', " "));
            if verdict.ok {
                out += &format!("    <testcase classname=\"{name}\" name=\"{check}\"/>\n");
            } else {
                out += &format!(
                    "    <testcase classname=\"{name}\" name=\"{check}\">\n      <failure message=\"{check}\">expected:\n{}\nseen:\n{}\nlog: {}</failure>\n    </testcase>\n",
                    escape(&verdict.expected),
                    escape(&verdict.seen),
                    escape(&report.dir.join("console.log").display().to_string())
                );
            }
        }
        if let Some(skip) = &report.skipped {
            let kind = if skip.forgiven { "skipped" } else { "failure" };
            out += &format!(
                "    <testcase classname=\"{name}\" name=\"run\">\n      <{kind} message=\"{}\"/>\n    </testcase>\n",
                escape(&skip.why)
            );
        }
        out += "  </testsuite>\n";
    }
    out + "</testsuites>\n"
}

fn unforgiven(report: &Report) -> bool {
    report.skipped.as_ref().is_some_and(|skip| !skip.forgiven)
}

fn tests(report: &Report) -> usize {
    report.verdicts.len() + usize::from(report.skipped.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_kind_of_result() {
        let text = text(&sample::reports(), Duration::from_secs(60));
        assert!(text.contains("tests=\"6\" failures=\"2\" time=\"60.0\""));
        assert!(text
            .contains("<testsuite name=\"bad-7.3-lab\" tests=\"2\" failures=\"1\" skipped=\"0\""));
        assert!(text.contains("expected:\na &amp; b\nseen:\nnone\nat all"));
        assert!(text.contains("<skipped message=\"no suite has it\"/>"));
        assert!(text.contains("<failure message=\"unknown\"/>"));
    }
}
