// SPDX-License-Identifier: GPL-2.0

//! Results as one HTML page that needs nothing else: what was expected, what was seen, and the map of each
//! guest's address space.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::escape;
use crate::case::Report;

const STYLE: &str = include_str!("page.css");

/// Where the comparison with the C drivers goes, if there is one.
const COMPARED: &str = "<!-- compared -->\n<!-- end of compared -->\n";

/// The page with `section` in its place, instead of what an earlier comparison left there.
pub fn with_comparison(page: &str, section: &str) -> Option<String> {
    let (begin, end) = COMPARED.split_once('\n')?;
    let from = page.find(begin)? + begin.len();
    let to = from + page[from..].find(end.trim_end())?;
    Some(format!("{}\n{section}{}", &page[..from], &page[to..]))
}

/// The whole page.
pub fn text(reports: &[Report], time: Duration) -> String {
    let passed = reports.iter().filter(|report| report.passed()).count();
    let failed = reports.iter().filter(|report| report.failed()).count();
    let skipped = reports.len() - passed - failed;
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>hmem-lab: {passed} passed, {failed} failed</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\n{STYLE}</style></head><body>\n\
         <h1>hmem-lab</h1>\n<p class=\"sum\"><b class=\"ok\">{passed} passed</b> <b class=\"{}\">{failed} failed</b>{} in {:.0} s</p>\n",
        if failed == 0 { "none" } else { "bad" },
        if skipped == 0 { String::new() } else { format!(" <b class=\"skip\">{skipped} skipped</b>") },
        time.as_secs_f64()
    );
    out += COMPARED;
    // What failed comes first: that is what one opens the page for.
    let mut ordered: Vec<&Report> = reports.iter().collect();
    ordered.sort_by_key(|report| (!report.failed(), report.passed()));
    for report in ordered {
        out += &case(report);
    }
    out + "</body></html>\n"
}

fn case(report: &Report) -> String {
    let (class, word) = match (report.failed(), report.passed()) {
        (true, _) => ("bad", "failed"),
        (_, true) => ("ok", "passed"),
        _ => ("skip", "skipped"),
    };
    let open = if report.failed() { " open" } else { "" };
    let mut out = format!(
        "<details{open}><summary><b class=\"{class}\">{word}</b> <code>{}</code> {} <i>{:.1} s</i></summary>\n",
        escape(&report.name),
        escape(&report.title),
        report.time.as_secs_f64()
    );
    if let Some(skip) = &report.skipped {
        out += &format!("<p>Did not run: {}</p>\n", escape(&skip.why));
    }
    if !report.note.is_empty() {
        out += &format!(
            "<p>The C driver differs here: {}</p>\n",
            escape(&report.note)
        );
    }
    if !report.verdicts.is_empty() {
        out += "<table><tr><th></th><th>check</th><th>expected</th><th>seen</th></tr>\n";
        for verdict in &report.verdicts {
            let (class, sign) = if verdict.ok {
                ("ok", "✓")
            } else {
                ("bad", "✗")
            };
            out += &format!(
                "<tr><td class=\"{class}\">{sign}</td><td>{}</td><td><pre>{}</pre></td><td><pre>{}</pre></td></tr>\n",
                escape(&verdict.check),
                escape(&verdict.expected),
                escape(&verdict.seen)
            );
        }
        out += "</table>\n";
    }
    if let Some(said) = steps(&report.dir) {
        out += &format!(
            "<details><summary>what its steps printed</summary><pre>{}</pre></details>\n",
            escape(&said)
        );
    }
    if let Some(svg) = map(&report.dir) {
        out += &format!("<figure>{svg}</figure>\n");
    }
    out += &format!(
        "<p class=\"place\">logs: <code>{}</code></p></details>\n",
        escape(&report.dir.display().to_string())
    );
    out
}

/// What the steps printed; of much the end, where tests sum up.
fn steps(dir: &Path) -> Option<String> {
    const MOST: usize = 64 << 10;
    let said = fs::read_to_string(dir.join("steps.log")).ok()?;
    match said.len().checked_sub(MOST) {
        None => Some(said),
        Some(cut) => {
            let cut = cut
                + said.as_bytes()[cut..]
                    .iter()
                    .position(|&byte| byte == b'\n')?;
            Some(format!(
                "(the beginning is in steps.log)\n{}",
                &said[cut + 1..]
            ))
        }
    }
}

/// The picture of the guest at its end.
fn map(dir: &Path) -> Option<String> {
    let svg = fs::read_to_string(dir.join("map.svg")).ok()?;
    // Inside a page there is no XML declaration.
    Some(svg[svg.find("<svg")?..].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_comparison_takes_the_place_of_the_last_one() {
        let page = text(&sample::reports(), Duration::from_secs(60));
        let once = with_comparison(&page, "<p>one</p>\n").unwrap();
        let twice = with_comparison(&once, "<p>two</p>\n").unwrap();
        assert!(once.contains("<p>one</p>") && !twice.contains("<p>one</p>"));
        assert_eq!(once.len(), twice.len());
        assert_eq!(with_comparison("<html>", "x"), None);
    }

    #[test]
    fn failures_come_first_and_nothing_is_fetched() {
        let text = text(&sample::reports(), Duration::from_secs(60));
        assert!(
            text.contains("1 passed</b> <b class=\"bad\">2 failed</b> <b class=\"skip\">1 skipped")
        );
        assert!(text.find("bad-7.3-lab") < text.find("good-7.3-lab"));
        assert!(text.contains("a &lt;title&gt;"));
        assert!(!text.contains("http"), "the page must be self-contained");
        assert_eq!(
            text.matches("<details").count(),
            text.matches("</details>").count()
        );
    }
}
