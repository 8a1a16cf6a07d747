// SPDX-License-Identifier: GPL-2.0

//! hmem_rs' debugfs table `hmem_rs/ranges`: one line a range, indented lines for its parts.
//!
//! ```text
//! range 0x390000000-0x3afffffff node 1 host hmem_platform.0 state decided reserved 0x20000000 cxl 0x10000000 hmem 0x10000000 trimmed 0x0
//!   cxl 0x390000000-0x39fffffff region0
//!   hmem 0x3a0000000-0x3afffffff hmem.2 errno 0
//!   trimmed 0x3afe00000-0x3afffffff alignment
//! ```

use crate::size::Range;

/// A range and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The range of the hmem walk.
    pub range: Range,
    /// Its node.
    pub node: i64,
    /// waiting, decided or failed.
    pub state: String,
    /// Bytes that are Soft Reserved.
    pub reserved: u64,
    /// Bytes that CXL keeps.
    pub cxl: u64,
    /// Bytes that hmem registered.
    pub hmem: u64,
    /// Bytes given up.
    pub trimmed: u64,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A part of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What CXL keeps, with the regions' names.
    Cxl(Range, Vec<String>),
    /// What hmem registered as a device, or the errno it got.
    Hmem(Range, Option<String>, i32),
    /// What was given up, and why.
    Trimmed(Range, String),
}

/// Parses the table. Also returns the lines that make no sense: a judge fails on those.
pub fn parse(text: &str) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut errors) = (Vec::<Row>::new(), Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let understood = match words[0] {
            "range" => row(&words).map(|row| rows.push(row)),
            _ => part(&words)
                .zip(rows.last_mut())
                .map(|(part, row)| row.parts.push(part)),
        };
        if understood.is_none() {
            errors.push(line.to_string());
        }
    }
    (rows, errors)
}

fn row(words: &[&str]) -> Option<Row> {
    let value = |name: &str| {
        words
            .iter()
            .position(|word| *word == name)
            .and_then(|at| words.get(at + 1))
            .copied()
    };
    let bytes = |name: &str| hex(value(name)?);
    Some(Row {
        range: value("range")?.parse().ok()?,
        node: value("node")?.parse().ok()?,
        state: value("state")?.to_string(),
        reserved: bytes("reserved")?,
        cxl: bytes("cxl")?,
        hmem: bytes("hmem")?,
        trimmed: bytes("trimmed")?,
        parts: Vec::new(),
    })
}

fn part(words: &[&str]) -> Option<Part> {
    let range = words.get(1)?.parse().ok()?;
    let third = words.get(2).copied();
    match words[0] {
        "cxl" => Some(Part::Cxl(
            range,
            third?.split(',').map(str::to_string).collect(),
        )),
        "hmem" => {
            let device = third.filter(|name| *name != "-").map(str::to_string);
            let errno = (*words.get(3)? == "errno").then(|| words.get(4)?.parse().ok())??;
            Some(Part::Hmem(range, device, errno))
        }
        "trimmed" => Some(Part::Trimmed(
            range,
            words.get(2..).unwrap_or_default().join(" "),
        )),
        _ => None,
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

impl Row {
    /// What is wrong with the row by itself: each Soft Reserved byte must be accounted for, exactly once.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.state != "decided" {
            return faults;
        }
        let sum = |pick: fn(&Part) -> Option<&Range>| -> u64 {
            self.parts
                .iter()
                .filter_map(pick)
                .map(|range| range.size().0)
                .sum()
        };
        let cxl = sum(|part| {
            if let Part::Cxl(range, _) = part {
                Some(range)
            } else {
                None
            }
        });
        let hmem = sum(|part| {
            if let Part::Hmem(range, _, _) = part {
                Some(range)
            } else {
                None
            }
        });
        let trimmed = sum(|part| {
            if let Part::Trimmed(range, _) = part {
                Some(range)
            } else {
                None
            }
        });
        for (name, said, counted) in [
            ("cxl", self.cxl, cxl),
            ("hmem", self.hmem, hmem),
            ("trimmed", self.trimmed, trimmed),
        ] {
            if said != counted {
                faults.push(format!(
                    "range {}: {name} is {said:#x}, its lines add up to {counted:#x}",
                    self.range
                ));
            }
        }
        if cxl + hmem + trimmed != self.reserved {
            faults.push(format!(
                "range {}: {:#x} bytes are reserved, {:#x} accounted for",
                self.range,
                self.reserved,
                cxl + hmem + trimmed
            ));
        }
        let mut ranges: Vec<Range> = self.parts.iter().map(Part::range).collect();
        ranges.sort();
        for pair in ranges
            .windows(2)
            .filter(|pair| pair[0].end >= pair[1].start)
        {
            faults.push(format!(
                "range {}: {} and {} overlap",
                self.range, pair[0], pair[1]
            ));
        }
        for range in ranges
            .iter()
            .filter(|range| range.start < self.range.start || range.end > self.range.end)
        {
            faults.push(format!("range {}: {range} lies outside", self.range));
        }
        faults
    }
}

impl Part {
    /// Its bytes.
    pub fn range(&self) -> Range {
        match self {
            Part::Cxl(range, _) | Part::Hmem(range, _, _) | Part::Trimmed(range, _) => *range,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
range 0x390000000-0x3afffffff node 1 host hmem_platform.0 state decided reserved 0x20000000 cxl 0x10000000 hmem 0xfe00000 trimmed 0x200000
  cxl 0x390000000-0x39fffffff region0,region1
  hmem 0x3a0000000-0x3afdfffff hmem.2 errno 0
  trimmed 0x3afe00000-0x3afffffff alignment
range 0x400000000-0x40fffffff node -1 host hmem_platform.0 state decided reserved 0x10000000 cxl 0x0 hmem 0x10000000 trimmed 0x0
  hmem 0x400000000-0x40fffffff - errno -12
range 0x500000000-0x50fffffff node 0 host hmem_platform.0 state waiting reserved 0x10000000 cxl 0x0 hmem 0x0 trimmed 0x0
";

    #[test]
    fn reads_the_table() {
        let (rows, errors) = parse(TABLE);
        assert!(errors.is_empty());
        assert_eq!(rows.len(), 3);
        assert_eq!(
            rows[0].parts[0],
            Part::Cxl(
                Range {
                    start: 0x3_9000_0000,
                    end: 0x3_9fff_ffff
                },
                vec!["region0".into(), "region1".into()]
            )
        );
        assert_eq!(
            rows[1].parts[0],
            Part::Hmem(
                Range {
                    start: 0x4_0000_0000,
                    end: 0x4_0fff_ffff
                },
                None,
                -12
            )
        );
        assert!(rows.iter().all(|row| row.faults().is_empty()));
    }

    #[test]
    fn says_which_lines_make_no_sense() {
        let (rows, errors) =
            parse("  hmem 0x0-0xfff hmem.0 errno 0\nrange 0x0-0xfff node 0\nnonsense\n");
        assert!(rows.is_empty());
        assert_eq!(errors.len(), 3);
    }

    #[test]
    fn finds_bytes_nobody_accounts_for() {
        let (rows, _) = parse(&TABLE.replace("  trimmed 0x3afe00000-0x3afffffff alignment\n", ""));
        assert_eq!(rows[0].faults().len(), 2, "{:?}", rows[0].faults());
        let (rows, _) = parse(&TABLE.replace(
            "hmem 0x3a0000000-0x3afdfffff",
            "hmem 0x39fe00000-0x3afbfffff",
        ));
        assert!(rows[0]
            .faults()
            .iter()
            .any(|fault| fault.contains("overlap")));
        let (rows, _) = parse(&TABLE.replace(
            "hmem 0x400000000-0x40fffffff",
            "hmem 0x400001000-0x410000fff",
        ));
        assert!(rows[1]
            .faults()
            .iter()
            .any(|fault| fault.contains("outside")));
    }
}
