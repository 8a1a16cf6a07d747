// SPDX-License-Identifier: GPL-2.0

//! The figures as tables, and costs against the number of ranges as plots.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::figures::Unit;
use super::Cost;

/// What is plotted: file, title, and what stands before and behind the number of ranges in a cost's name.
const PLOTS: [(&str, &str, &str, &str); 2] = [
    (
        "probe.svg",
        "million instructions to probe so many ranges",
        "probe-",
        ": bind",
    ),
    (
        "decision.svg",
        "million instructions to decide about so many ranges in CXL regions",
        "decision-",
        ": decision",
    ),
];

/// The tables in Markdown, one for each unit.
pub(super) fn table(costs: &[Cost]) -> String {
    let mut text = String::from("A ratio below 1 is in favour of Rust.\n");
    for (unit, title) in [
        (Unit::Instructions, "Instructions of the guest"),
        (
            Unit::Microseconds,
            "Microseconds by the clock of the machine, the least of several boots",
        ),
        (Unit::Bytes, "Bytes"),
    ] {
        let mut costs = costs.iter().filter(|cost| cost.unit == unit).peekable();
        if costs.peek().is_none() {
            continue;
        }
        let _ = write!(
            text,
            "\n| {title} | C | Rust | ratio |\n|---|---:|---:|---:|\n"
        );
        for cost in costs {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                cost.name,
                grouped(cost.c),
                grouped(cost.rust),
                ratio(cost)
            );
        }
    }
    text
}

/// Writes `report.md`, and a plot of what was measured with several numbers of ranges; of a part of the scenarios only
/// `report-part.md`, so that report and plots of the whole stay. Returns the report's place.
pub(super) fn write(out: &Path, costs: &[Cost], table: &str, whole: bool) -> io::Result<PathBuf> {
    fs::create_dir_all(out)?;
    let report = out.join(if whole { "report.md" } else { "report-part.md" });
    fs::write(&report, table)?;
    if !whole {
        return Ok(report);
    }
    for (file, title, before, behind) in PLOTS {
        if let Some(svg) = plot(title, &points(costs, before, behind)) {
            fs::write(out.join(file), svg)?;
        }
    }
    Ok(report)
}

fn ratio(cost: &Cost) -> String {
    if cost.c == 0 {
        return "-".into();
    }
    format!("{:.2}", cost.rust as f64 / cost.c as f64)
}

/// 1234567 as 1 234 567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

/// The costs whose names have a number between `before` and `behind`, in the order of the number.
fn points<'a>(costs: &'a [Cost], before: &str, behind: &str) -> Vec<(u64, &'a Cost)> {
    let mut points: Vec<(u64, &Cost)> = costs
        .iter()
        .filter_map(|cost| {
            let number = cost.name.strip_prefix(before)?.strip_suffix(behind)?;
            Some((number.parse().ok()?, cost))
        })
        .collect();
    points.sort_by_key(|(number, _)| *number);
    points
}

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
const EDGE: f64 = 40.0;

fn plot(title: &str, points: &[(u64, &Cost)]) -> Option<String> {
    let most = points.last().filter(|_| points.len() > 1)?.0 as f64;
    let top = points.iter().map(|(_, cost)| cost.c.max(cost.rust)).max()? as f64;
    let place = |number: u64, value: u64| {
        (
            EDGE + number as f64 / most * (WIDTH - 2.0 * EDGE),
            HEIGHT - EDGE - value as f64 / top * (HEIGHT - 2.0 * EDGE),
        )
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{EDGE}\" y=\"20\">{title}</text>\n"
    );
    for (name, colour, pick) in [
        ("C", "#888", (|cost| cost.c) as fn(&Cost) -> u64),
        ("Rust", "#b7410e", |cost| cost.rust),
    ] {
        let line: Vec<String> = points
            .iter()
            .map(|(number, cost)| {
                let (x, y) = place(*number, pick(cost));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (number, cost) in points {
            let (x, y) = place(*number, pick(cost));
            let dy = if name == "C" { -6.0 } else { 14.0 };
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{colour}\" text-anchor=\"middle\">{name} {:.2}</text>",
                y + dy,
                pick(cost) as f64 / 1e6
            );
        }
    }
    for (number, _) in points {
        let (x, y) = place(*number, 0);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{number}</text>",
            y + 30.0
        );
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(name: &str, c: u64, rust: u64) -> Cost {
        Cost {
            name: name.into(),
            unit: Unit::Instructions,
            c,
            rust,
        }
    }

    #[test]
    fn ratios_and_digits() {
        let text = table(&[cost("x: y", 1_234_567, 617_283)]);
        assert!(
            text.ends_with("| x: y | 1\u{a0}234\u{a0}567 | 617\u{a0}283 | 0.50 |\n"),
            "{text}"
        );
        assert_eq!(ratio(&cost("x", 0, 5)), "-");
    }

    #[test]
    fn each_unit_has_a_table() {
        let bytes = Cost {
            unit: Unit::Bytes,
            ..cost("module", 1, 2)
        };
        let text = table(&[cost("x", 1, 1), bytes]);
        assert_eq!(text.matches("|---|").count(), 2);
        assert!(text.contains("| Bytes | C |"));
    }

    #[test]
    fn a_plot_needs_two_points() {
        let costs = [
            cost("probe-64: bind", 600, 500),
            cost("probe-1: bind", 10, 9),
        ];
        let found = points(&costs, "probe-", ": bind");
        assert_eq!(found[0].0, 1);
        assert_eq!(plot("x", &found[..1]), None);
        assert_eq!(plot("x", &found).unwrap().matches("<circle").count(), 4);
    }

    #[test]
    fn a_part_leaves_the_whole_alone() {
        let out = std::env::temp_dir().join(format!("hmem-lab-report-{}", std::process::id()));
        let costs = |c| [cost("probe-1: bind", c, 1), cost("probe-64: bind", c, 2)];
        let read = |file: &str| fs::read_to_string(out.join(file)).unwrap();
        let whole = write(&out, &costs(10), "whole", true).unwrap();
        let plot = read("probe.svg");

        let part = write(&out, &costs(20), "part", false).unwrap();

        assert_eq!(part, out.join("report-part.md"));
        assert_eq!(whole, out.join("report.md"));
        assert_eq!(read("report-part.md"), "part");
        assert_eq!(read("report.md"), "whole");
        assert_eq!(read("probe.svg"), plot);
        fs::remove_dir_all(out).unwrap();
    }
}
