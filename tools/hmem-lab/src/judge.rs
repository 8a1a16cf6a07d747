// SPDX-License-Identifier: GPL-2.0

//! Compares what a scenario expects with what a guest showed. Pure: files in, verdicts out.
//!
//! Besides what the scenario asks, some things must hold always: the tools, sysfs, /proc/iomem and hmem_rs'
//! own table have to tell the same story.

use regex::Regex;
use serde::Serialize;

use crate::expect::{Dax, Decision, Expect, Hmem};
use crate::klog;
use crate::scenario::is_peer;
use crate::seen::{bytes, DaxSeen, HmemSeen, Seen};
use crate::size::{Range, Size};
use crate::table::{Part, Row};

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What was checked.
    pub check: String,
    /// Whether it held.
    pub ok: bool,
    /// What was expected; empty when it held.
    pub expected: String,
    /// What was seen; empty when it held.
    pub seen: String,
}

impl Verdict {
    /// A check that held.
    pub fn pass(check: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            ok: true,
            expected: String::new(),
            seen: String::new(),
        }
    }

    /// A check that did not hold.
    pub fn fail(
        check: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self {
            check: check.into(),
            ok: false,
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    /// Passed or failed; the texts are made only for what failed.
    pub(crate) fn of(
        check: &str,
        ok: bool,
        expected: impl FnOnce() -> String,
        seen: impl FnOnce() -> String,
    ) -> Self {
        if ok {
            Self::pass(check)
        } else {
            Self::fail(check, expected(), seen())
        }
    }
}

/// Judges one snapshot of a guest with `flavour`.
pub fn judge(expect: &Expect, seen: &Seen, flavour: &str) -> Vec<Verdict> {
    let mut verdicts = vec![complaints(expect, &seen.log)];
    verdicts.extend(expect.dax.as_ref().map(|wanted| dax(wanted, &seen.dax)));
    verdicts.extend(expect.hmem.as_ref().map(|wanted| hmem(wanted, &seen.hmem)));
    verdicts.extend(
        expect
            .soft_reserved
            .as_ref()
            .map(|wanted| soft_reserved(wanted, seen)),
    );
    verdicts.extend(expect.ranges.as_ref().map(|wanted| ranges(wanted, seen)));
    for line in expect.iomem.iter().flatten() {
        verdicts.push(iomem_line(line, seen));
    }
    for pattern in expect.iomem_absent.iter().flatten() {
        let lines = iomem_text(seen);
        let lines = lines.iter().map(String::as_str);
        verdicts.push(absent(&format!("iomem has no {pattern}"), pattern, lines));
    }
    for pattern in expect.log.iter().chain(&expect.log_rust).flatten() {
        verdicts.push(Verdict::of(
            &format!("log says {pattern}"),
            seen.log.lines().any(|line| regex(pattern).is_match(line)),
            || format!("a line that matches {pattern}"),
            || format!("none; what the drivers said:\n{}", driver_lines(&seen.log)),
        ));
    }
    for pattern in expect.log_absent.iter().flatten() {
        let what = format!("log does not say {pattern}");
        verdicts.push(absent(&what, pattern, seen.log.lines()));
    }
    verdicts.extend(modules(expect, seen, flavour));
    verdicts.push(right_driver(seen, flavour));
    verdicts.push(daxctl_agrees(seen));
    verdicts.push(iomem_agrees(seen));
    verdicts.extend(seen.ranges.as_ref().map(|rows| table_agrees(rows, seen)));
    verdicts
}

/// The kernel's complaints, which fail whatever the scenario expects.
pub fn complaints(expect: &Expect, log: &str) -> Verdict {
    let lines = expect.allow.iter().flatten();
    let allowed: Vec<Regex> = lines.map(|allow| regex(&allow.line)).collect();
    let found = klog::complaints(log, &allowed);
    Verdict::of(
        "kernel has no complaint",
        found.is_empty(),
        || "no WARNING, BUG, trace, lockdep, KASAN or kmemleak report".into(),
        || {
            let more = if found.len() > 5 {
                format!("\n... {} more", found.len() - 5)
            } else {
                String::new()
            };
            found.iter().take(5).copied().collect::<Vec<_>>().join("\n") + &more
        },
    )
}

/// Expressions were compiled once when the scenario was read, so this one is known to be good.
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| Regex::new("$^").expect("a constant expression"))
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "none".into();
    }
    items.iter().map(show).collect::<Vec<_>>().join("\n")
}

/// Shows what was seen of a thing, field by field as far as the expectation names them.
fn fields(parts: &[(&str, Option<String>)]) -> String {
    parts
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn driver_name(driver: &Option<String>) -> String {
    driver.clone().unwrap_or_else(|| "none".into())
}

fn dax(wanted: &[Dax], seen: &[DaxSeen]) -> Verdict {
    let mut wanted: Vec<&Dax> = wanted.iter().collect();
    wanted.sort_by_key(|device| device.range);
    let matches = |want: &Dax, got: &DaxSeen| {
        want.name.as_ref().is_none_or(|name| *name == got.name)
            && want.range == got.range()
            && want.node.is_none_or(|node| got.node == Some(node))
            && want
                .driver
                .as_ref()
                .is_none_or(|driver| *driver == driver_name(&got.driver))
            && want.align.is_none_or(|align| got.align == Some(align.0))
            && want
                .parent
                .as_ref()
                .is_none_or(|parent| *parent == got.parent)
    };
    let show_range =
        |range: Option<Range>| range.map_or("without size".into(), |range| range.to_string());
    Verdict::of(
        "dax devices",
        wanted.len() == seen.len()
            && wanted
                .iter()
                .zip(seen)
                .all(|(want, got)| matches(want, got)),
        || {
            list(&wanted, |want| {
                fields(&[
                    ("", Some(show_range(want.range))),
                    ("name", want.name.clone()),
                    ("node", want.node.map(|node| node.to_string())),
                    ("driver", want.driver.clone()),
                    ("align", want.align.map(|align| align.to_string())),
                    ("parent", want.parent.clone()),
                ])
                .trim()
                .to_string()
            })
        },
        || {
            list(seen, |got| {
                fields(&[
                    ("", Some(show_range(got.range()))),
                    ("name", Some(got.name.clone())),
                    ("node", got.node.map(|node| node.to_string())),
                    ("driver", Some(driver_name(&got.driver))),
                    ("align", got.align.map(bytes)),
                    ("parent", Some(got.parent.clone())),
                ])
                .trim()
                .to_string()
            })
        },
    )
}

fn hmem(wanted: &[Hmem], seen: &[HmemSeen]) -> Verdict {
    let matches = |want: &Hmem, got: &HmemSeen| {
        want.name.as_ref().is_none_or(|name| *name == got.name)
            && want
                .driver
                .as_ref()
                .is_none_or(|driver| *driver == driver_name(&got.driver))
            && want.size.is_none_or(|size| got.size == Some(size.0))
            && want.node.is_none_or(|node| got.node == Some(node))
    };
    let show =
        |name: Option<String>, driver: Option<String>, size: Option<String>, node: Option<i64>| {
            fields(&[
                ("", name),
                ("driver", driver),
                ("size", size),
                ("node", node.map(|node| node.to_string())),
            ])
            .trim()
            .to_string()
        };
    Verdict::of(
        "hmem devices",
        wanted.len() == seen.len()
            && wanted
                .iter()
                .zip(seen)
                .all(|(want, got)| matches(want, got)),
        || {
            list(wanted, |want| {
                let name = want.name.clone().unwrap_or_else(|| "hmem.?".into());
                show(
                    Some(name),
                    want.driver.clone(),
                    want.size.map(|size| size.to_string()),
                    want.node,
                )
            })
        },
        || {
            list(seen, |got| {
                show(
                    Some(got.name.clone()),
                    Some(driver_name(&got.driver)),
                    got.size.map(bytes),
                    got.node,
                )
            })
        },
    )
}

fn soft_reserved(wanted: &[Range], seen: &Seen) -> Verdict {
    let mut wanted = wanted.to_vec();
    wanted.sort();
    let mut got: Vec<Range> = seen
        .iomem
        .iter()
        .filter(|line| line.name == "Soft Reserved")
        .map(|line| line.range)
        .collect();
    got.sort();
    Verdict::of(
        "Soft Reserved in iomem",
        wanted == got,
        || list(&wanted, Range::to_string),
        || list(&got, Range::to_string),
    )
}

/// No line matches the pattern.
fn absent<'a>(what: &str, pattern: &str, lines: impl Iterator<Item = &'a str>) -> Verdict {
    let pattern = regex(pattern);
    let matches: Vec<&str> = lines.filter(|line| pattern.is_match(line)).collect();
    Verdict::of(
        what,
        matches.is_empty(),
        || "no such line".into(),
        || matches.join("\n"),
    )
}

fn iomem_text(seen: &Seen) -> Vec<String> {
    seen.iomem
        .iter()
        .map(|line| {
            format!(
                "{:x}-{:x} : {}",
                line.range.start, line.range.end, line.name
            )
        })
        .collect()
}

fn iomem_line(wanted: &str, seen: &Seen) -> Verdict {
    // Compare numbers, not digits: the kernel pads short addresses.
    let parsed = crate::seen::iomem(wanted);
    let ok = match parsed.first() {
        Some(want) => seen
            .iomem
            .iter()
            .any(|line| line.range == want.range && line.name == want.name),
        None => false,
    };
    Verdict::of(
        &format!("iomem has {wanted}"),
        ok,
        || wanted.to_string(),
        || match parsed.first() {
            None => "the expectation is no line of /proc/iomem".into(),
            Some(want) => {
                let near: Vec<String> = seen
                    .iomem
                    .iter()
                    .zip(iomem_text(seen))
                    .filter(|(line, _)| {
                        line.range.start <= want.range.end && want.range.start <= line.range.end
                    })
                    .map(|(line, text)| "  ".repeat(line.depth) + &text)
                    .collect();
                if near.is_empty() {
                    "nothing there".into()
                } else {
                    near.join("\n")
                }
            }
        },
    )
}

fn ranges(wanted: &[Decision], seen: &Seen) -> Verdict {
    let Some(rows) = &seen.ranges else {
        return Verdict::fail(
            "decisions",
            list(wanted, show_decision),
            "no debugfs file hmem_rs/ranges",
        );
    };
    let mut wanted = wanted.to_vec();
    wanted.sort_by_key(|decision| decision.range);
    let mut rows = rows.clone();
    rows.sort_by_key(|row| row.range);
    Verdict::of(
        "decisions",
        wanted.len() == rows.len()
            && wanted
                .iter()
                .zip(&rows)
                .all(|(want, row)| decided(want, row)),
        || list(&wanted, show_decision),
        || list(&rows, show_row),
    )
}

fn decided(want: &Decision, row: &Row) -> bool {
    let cxl: Vec<(Range, usize)> = row
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Cxl(range, regions) => Some((*range, regions.len())),
            _ => None,
        })
        .collect();
    let hmem: Vec<(Range, i32)> = row
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Hmem(range, _, errno) => Some((*range, *errno)),
            _ => None,
        })
        .collect();
    let trimmed: Vec<Range> = row
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Trimmed(range, _) => Some(*range),
            _ => None,
        })
        .collect();
    want.range == row.range
        && want.node.is_none_or(|node| node == row.node)
        && want.state.as_ref().is_none_or(|state| *state == row.state)
        && want.reserved.is_none_or(|size| size.0 == row.reserved)
        && want.cxl.as_ref().is_none_or(|parts| {
            parts.len() == cxl.len()
                && parts.iter().zip(&cxl).all(|(part, (range, regions))| {
                    part.range == *range && part.regions.is_none_or(|wanted| wanted == *regions)
                })
        })
        && want.hmem.as_ref().is_none_or(|pieces| {
            pieces.len() == hmem.len()
                && pieces
                    .iter()
                    .zip(&hmem)
                    .all(|(piece, (range, errno))| piece.range == *range && piece.errno == *errno)
        })
        && want
            .trimmed
            .as_ref()
            .is_none_or(|ranges| *ranges == trimmed)
}

fn show_decision(want: &Decision) -> String {
    let mut text = format!("range {}", want.range);
    if let Some(node) = want.node {
        text += &format!(" node {node}");
    }
    if let Some(state) = &want.state {
        text += &format!(" state {state}");
    }
    if let Some(size) = want.reserved {
        text += &format!(" reserved {size}");
    }
    for part in want.cxl.iter().flatten() {
        let regions = part
            .regions
            .map(|count| format!(" {count} regions"))
            .unwrap_or_default();
        text += &format!("\n  cxl {}{regions}", part.range);
    }
    for piece in want.hmem.iter().flatten() {
        text += &format!("\n  hmem {} errno {}", piece.range, piece.errno);
    }
    for range in want.trimmed.iter().flatten() {
        text += &format!("\n  trimmed {range}");
    }
    text
}

fn show_row(row: &Row) -> String {
    let mut text = format!(
        "range {} node {} state {} reserved {}",
        row.range,
        row.node,
        row.state,
        Size(row.reserved)
    );
    for part in &row.parts {
        text += &match part {
            Part::Cxl(range, regions) => format!("\n  cxl {range} {}", regions.join(",")),
            Part::Hmem(range, device, errno) => {
                format!(
                    "\n  hmem {range} {} errno {errno}",
                    device.as_deref().unwrap_or("-")
                )
            }
            Part::Trimmed(range, why) => format!("\n  trimmed {range} {why}"),
        };
    }
    text
}

fn driver_lines(log: &str) -> String {
    let about = regex(r"hmem|kmem|dax|cxl");
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| about.is_match(line) && !line.contains("ommand line"))
        .collect();
    let from = lines.len().saturating_sub(15);
    if lines.is_empty() {
        "nothing".into()
    } else {
        lines[from..].join("\n")
    }
}

/// The module that holds the driver, by flavour.
pub fn driver_module(flavour: &str) -> &'static str {
    if is_peer(flavour) {
        "dax_hmem"
    } else {
        "hmem_rs"
    }
}

fn modules(expect: &Expect, seen: &Seen, flavour: &str) -> Vec<Verdict> {
    let name = |word: &str| {
        if word == "driver" {
            driver_module(flavour).to_string()
        } else {
            word.to_string()
        }
    };
    let loaded = || seen.modules.keys().cloned().collect::<Vec<_>>().join(" ");
    let mut verdicts = Vec::new();
    for module in expect.modules.iter().flatten().map(|word| name(word)) {
        let ok = seen.modules.contains_key(&module);
        verdicts.push(Verdict::of(
            &format!("{module} is loaded"),
            ok,
            || module.clone(),
            loaded,
        ));
    }
    for module in expect
        .modules_absent
        .iter()
        .flatten()
        .map(|word| name(word))
    {
        let ok = !seen.modules.contains_key(&module);
        verdicts.push(Verdict::of(
            &format!("{module} is not loaded"),
            ok,
            || format!("no {module}"),
            loaded,
        ));
    }
    verdicts
}

/// A result for the wrong driver would be worthless.
fn right_driver(seen: &Seen, flavour: &str) -> Verdict {
    let wrong = if is_peer(flavour) {
        "hmem_rs"
    } else {
        "dax_hmem"
    };
    Verdict::of(
        "the driver under test",
        !seen.modules.contains_key(wrong),
        || format!("{} and not {wrong}", driver_module(flavour)),
        || format!("{wrong} is loaded"),
    )
}

/// daxctl must list what sysfs shows.
fn daxctl_agrees(seen: &Seen) -> Verdict {
    let listed: Vec<String> = seen
        .daxctl
        .iter()
        .map(|device| {
            let node = device
                .node
                .map(|node| format!(" node {node}"))
                .unwrap_or_default();
            let mode = if device.disabled {
                "disabled"
            } else {
                device.mode.as_str()
            };
            format!(
                "{} size {}{node} {mode}",
                device.chardev,
                bytes(device.size)
            )
        })
        .collect();
    let mut wanted: Vec<String> = seen
        .dax
        .iter()
        .map(|device| {
            let node = device
                .node
                .map(|node| format!(" node {node}"))
                .unwrap_or_default();
            let mode = match device.driver.as_deref() {
                None => "disabled",
                Some("kmem") => "system-ram",
                Some("device_dax") => "devdax",
                Some(other) => other,
            };
            format!("{} size {}{node} {mode}", device.name, bytes(device.size))
        })
        .collect();
    wanted.sort();
    let mut got = listed.clone();
    got.sort();
    Verdict::of(
        "daxctl lists what sysfs shows",
        got == wanted,
        || list(&wanted, String::clone),
        || list(&got, String::clone),
    )
}

/// Each dax device that has bytes must own them in /proc/iomem, unless it is unplugged.
fn iomem_agrees(seen: &Seen) -> Verdict {
    let missing: Vec<String> = seen
        .dax
        .iter()
        .filter(|device| device.driver.is_some() && !device.unplugged)
        .filter_map(|device| Some((device, device.range()?)))
        .filter(|(device, range)| {
            // kmem may show less than the device: it cuts to memory blocks.
            !seen.iomem.iter().any(|line| {
                line.name == device.name
                    && line.range.start <= range.end
                    && range.start <= line.range.end
            })
        })
        .map(|(device, range)| format!("{range} : {}", device.name))
        .collect();
    Verdict::of(
        "iomem shows the dax devices",
        missing.is_empty(),
        || missing.join("\n"),
        || "no such lines".into(),
    )
}

/// hmem_rs' table must add up, and say what sysfs and /proc/iomem show.
fn table_agrees(rows: &[Row], seen: &Seen) -> Verdict {
    let mut faults: Vec<String> = seen
        .ranges_errors
        .iter()
        .map(|line| format!("a line that makes no sense: {line}"))
        .collect();
    faults.extend(rows.iter().flat_map(Row::faults));
    let mut registered: Vec<&str> = Vec::new();
    for part in rows.iter().flat_map(|row| &row.parts) {
        let Part::Hmem(range, Some(name), 0) = part else {
            continue;
        };
        registered.push(name);
        let Some(device) = seen.hmem.iter().find(|device| device.name == *name) else {
            faults.push(format!("{name} is in the table, not in sysfs"));
            continue;
        };
        if device.size.is_some_and(|size| size != range.size().0) {
            faults.push(format!(
                "{name} has {}, the table says {range}",
                device.size.map(bytes).unwrap_or_default()
            ));
        }
        // "What HMEM owns shows as Soft Reserved for as long as it owns it", except what the kernel keeps for
        // itself behind RAM.
        let start = seen
            .iomem
            .iter()
            .filter(|line| {
                line.name == "RAM buffer"
                    && line.range.start <= range.start
                    && range.start <= line.range.end
            })
            .map(|line| line.range.end + 1)
            .fold(range.start, u64::max);
        if !seen.iomem.iter().any(|line| {
            line.name == "Soft Reserved" && line.range.start <= start && line.range.end >= range.end
        }) {
            faults.push(format!("{range} of {name} is not Soft Reserved in iomem"));
        }
    }
    for device in seen
        .hmem
        .iter()
        .filter(|device| !registered.contains(&device.name.as_str()))
    {
        faults.push(format!("{} is in sysfs, not in the table", device.name));
    }
    Verdict::of(
        "the table adds up and agrees",
        faults.is_empty(),
        || "no contradiction".into(),
        || faults.join("\n"),
    )
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
