// SPDX-License-Identifier: GPL-2.0

//! Pure parsers: text in, types out. Total: whatever the text, they return and never panic.

use crate::model::{Decision, IomemEntry, Piece, RangeDecision, RegionPolicy};
use crate::range::Range;
use std::cmp::Ordering;

/// What a listing said, and how many of its lines made no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries, in the order of the text.
    pub entries: Vec<T>,
    /// The first line that made no sense, and the number of such lines.
    pub rejected: Option<(String, usize)>,
}

impl<T> Listing<T> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            rejected: None,
        }
    }

    fn reject(&mut self, line: &str) {
        match &mut self.rejected {
            Some((_, count)) => *count += 1,
            None => self.rejected = Some((line.trim().to_string(), 1)),
        }
    }
}

/// A hexadecimal number with or without `0x`.
pub fn hex(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    // from_str_radix alone would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u64::from_str_radix(digits, 16).ok())?
}

/// A number as sysfs writes it: decimal, or hexadecimal with `0x`.
pub fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(_) => hex(text),
        None => text.parse().ok(),
    }
}

/// A node number, -1 included.
pub fn node(text: &str) -> Option<i32> {
    text.trim().parse().ok()
}

/// `0` or `1`, or a module parameter's `N` or `Y`.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim() {
        "0" | "N" | "n" => Some(false),
        "1" | "Y" | "y" => Some(true),
        _ => None,
    }
}

/// `START-END` in hexadecimal, both ends included.
pub fn range(text: &str) -> Option<Range> {
    let (start, end) = text.trim().split_once('-')?;
    Range::new(hex(start)?, hex(end)?)
}

/// The number at the end of a name: 2 for `hmem.2`, with `prefix` `hmem.`.
pub fn suffix(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?;
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// `/proc/iomem`. A line that makes no sense is left out and counted.
pub fn iomem(text: &str) -> Listing<IomemEntry> {
    let mut listing = Listing::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let body = line.trim_start_matches(' ');
        let depth = u32::try_from((line.len() - body.len()) / 2).unwrap_or(u32::MAX);
        match body
            .split_once(" : ")
            .and_then(|(r, name)| Some((range(r)?, name)))
        {
            Some((range, name)) => listing.entries.push(IomemEntry {
                depth,
                range,
                name: name.trim().to_string(),
            }),
            None => listing.reject(line),
        }
    }
    listing
}

/// Whether a listing of iomem has its addresses zeroed, as for anyone but root.
pub fn iomem_is_hidden(entries: &[IomemEntry]) -> bool {
    !entries.is_empty()
        && entries
            .iter()
            .all(|e| e.range.start() == 0 && e.range.end() == 0)
}

/// debugfs `hmem_rs/ranges`.
pub fn hmem_rs_ranges(text: &str) -> Listing<RangeDecision> {
    let mut listing: Listing<RangeDecision> = Listing::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        if let Some(rest) = line.strip_prefix("range ") {
            match decision(rest) {
                Some(decision) => listing.entries.push(decision),
                None => listing.reject(line),
            }
            continue;
        }
        match (piece(line), listing.entries.last_mut()) {
            (Some(piece), Some(range)) => range.pieces.push(piece),
            _ => listing.reject(line),
        }
    }
    listing
}

/// `RANGE key value key value ...`; keys that are not known are passed over.
fn decision(text: &str) -> Option<RangeDecision> {
    let mut words = text.split_whitespace();
    let range = range(words.next()?)?;
    let mut decision = RangeDecision {
        range,
        node: -1,
        host: String::new(),
        state: Decision::Waiting,
        errno: None,
        reserved: 0,
        cxl: 0,
        hmem: 0,
        trimmed: 0,
        pieces: Vec::new(),
    };
    let mut state = None;
    while let Some(key) = words.next() {
        let value = words.next()?;
        match key {
            "node" => decision.node = node(value)?,
            "host" => decision.host = value.to_string(),
            "state" => {
                state = Some(match value {
                    "waiting" => Decision::Waiting,
                    "decided" => Decision::Decided,
                    "failed" => Decision::Failed,
                    _ => return None,
                })
            }
            "errno" => decision.errno = Some(value.parse().ok()?),
            "reserved" => decision.reserved = number(value)?,
            "cxl" => decision.cxl = number(value)?,
            "hmem" => decision.hmem = number(value)?,
            "trimmed" => decision.trimmed = number(value)?,
            _ => {}
        }
    }
    decision.state = state?;
    Some(decision)
}

/// One indented line of the table.
fn piece(line: &str) -> Option<Piece> {
    let mut words = line.split_whitespace();
    let kind = words.next()?;
    let range = range(words.next()?)?;
    match kind {
        "cxl" => {
            let regions = words.flat_map(|w| w.split(',')).filter(|w| !w.is_empty());
            Some(Piece::Cxl {
                range,
                regions: regions.map(str::to_string).collect(),
            })
        }
        "hmem" => {
            let device = words.next().filter(|w| *w != "-").map(str::to_string);
            let errno = match (words.next(), words.next()) {
                (Some("errno"), Some(value)) => value.parse().ok()?,
                _ => 0,
            };
            Some(Piece::Hmem {
                range,
                device,
                errno,
            })
        }
        "trimmed" => {
            let reason = words.collect::<Vec<_>>().join(" ");
            Some(Piece::Trimmed { range, reason })
        }
        _ => None,
    }
}

/// A size as the kernel's command line writes it: `1G`, `0x40000000`, `512m`.
pub fn size(text: &str) -> Option<u64> {
    let shift = match text.bytes().last()?.to_ascii_lowercase() {
        b'k' => 10,
        b'm' => 20,
        b'g' => 30,
        b't' => 40,
        b'p' => 50,
        // `E` is a digit in hexadecimal, as for the kernel.
        b'e' if !text.starts_with("0x") => 60,
        _ => return number(text),
    };
    // The last byte is one of the letters above, hence a character of its own.
    let value = number(&text[..text.len() - 1])?;
    value.checked_mul(1 << shift)
}

/// The ranges that the command line makes Soft Reserved: `memmap=SIZE%START[-OLD]+0xefffffff` and, up to
/// Linux 6.x, `efi_fake_mem=SIZE@START:0x40000`.
pub fn command_line_ranges(cmdline: &str) -> Vec<Range> {
    const SOFT_RESERVED: u64 = 0xefff_ffff;
    const EFI_MEMORY_SP: u64 = 0x4_0000;

    let memmap = |item: &str| {
        let (bytes, rest) = item.split_once('%')?;
        let (place, kind) = rest.split_once('+')?;
        let start = place.split('-').next()?;
        (number(kind)? == SOFT_RESERVED).then_some(())?;
        Range::with_size(size(start)?, size(bytes)?)
    };
    let fake = |item: &str| {
        let (bytes, rest) = item.split_once('@')?;
        let (start, attribute) = rest.split_once(':')?;
        (number(attribute)? & EFI_MEMORY_SP != 0).then_some(())?;
        Range::with_size(size(start)?, size(bytes)?)
    };
    let mut ranges = Vec::new();
    for word in cmdline.split_whitespace() {
        if let Some(list) = word.strip_prefix("memmap=") {
            ranges.extend(list.split(',').filter_map(memmap));
        } else if let Some(list) = word.strip_prefix("efi_fake_mem=") {
            ranges.extend(list.split(',').filter_map(fake));
        }
    }
    ranges
}

/// Bytes of memory in `node/nodeN/meminfo`.
pub fn node_mem_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|l| l.contains("MemTotal:"))?;
    let kib = line.split_once("MemTotal:")?.1.split_whitespace().next()?;
    kib.parse::<u64>().ok()?.checked_mul(1024)
}

/// Order of names in which `dax2.0` comes before `dax10.0`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a_rest, mut b_rest) = (a, b);
    while !a_rest.is_empty() && !b_rest.is_empty() {
        let (a_text, a_digits, a_next) = chunk(a_rest);
        let (b_text, b_digits, b_next) = chunk(b_rest);
        let order = a_text
            .cmp(b_text)
            .then_with(|| a_digits.len().cmp(&b_digits.len()))
            .then_with(|| a_digits.cmp(b_digits));
        if order != Ordering::Equal {
            return order;
        }
        (a_rest, b_rest) = (a_next, b_next);
    }
    // Equal but for leading zeros: any fixed order will do.
    a_rest.len().cmp(&b_rest.len()).then_with(|| a.cmp(b))
}

/// Text before the first number, the number without leading zeros, the rest.
fn chunk(text: &str) -> (&str, &str, &str) {
    let begin = text
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(text.len());
    let (head, tail) = text.split_at(begin);
    let end = tail
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(tail.len());
    let (digits, rest) = tail.split_at(end);
    (head, digits.trim_start_matches('0'), rest)
}
/// `dax_region/policy`: actions in the first line, where they come from in the second one.
pub fn policy(text: &str) -> Option<RegionPolicy> {
    let (actions, source) = text.split_once('\n')?;

    (!actions.is_empty()).then(|| RegionPolicy {
        actions: actions.to_string(),
        source: source.to_string(),
    })
}
