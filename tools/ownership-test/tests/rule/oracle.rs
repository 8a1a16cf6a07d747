// SPDX-License-Identifier: GPL-2.0

//! The rule once more, byte by byte: slow, and too simple to be wrong.

use crate::input::{cases, small, Input, SPACE};
use crate::ownership::{Part, Reason};
use kernel::cxl::CommittedRegion as Region;
use kernel::range::Range;
use proptest::prelude::*;

/// What a byte is, which all bytes of a run share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    NotReserved,
    Cxl(Region),
    Free,
}

fn look_at(addr: u64, input: &Input) -> Byte {
    let region = input
        .regions
        .iter()
        .filter(|region| region.range.contains(addr))
        .min();

    if !input.reserved.iter().any(|range| range.contains(addr)) {
        Byte::NotReserved
    } else if let Some(region) = region {
        Byte::Cxl(*region)
    } else {
        Byte::Free
    }
}

/// Returns whether the edge of a window lies between `addr` and the byte below it.
fn edge_below(addr: u64, input: &Input) -> bool {
    input
        .windows
        .iter()
        .any(|window| window.start() == addr || addr.checked_sub(1) == Some(window.end()))
}

fn is_unit(addrs: &[u64], align: u64) -> bool {
    addrs.len() as u64 == align && addrs[0] % align == 0
}

/// Returns the parts of free bytes between two limits.
fn trim(run: &[u64], align: u64, parts: &mut Vec<Part>) {
    let range = |addrs: &[u64]| Range::new(addrs[0], *addrs.last().unwrap()).unwrap();
    let unit = usize::try_from(align).unwrap();

    // The places of all whole units in the run.
    let mut units = (0..run.len()).filter(|i| {
        run.get(*i..*i + unit)
            .is_some_and(|addrs| is_unit(addrs, align))
    });
    let Some(first) = units.next() else {
        parts.push(Part::Trimmed {
            range: range(run),
            reason: Reason::TooSmall,
        });
        return;
    };
    let end = units.next_back().unwrap_or(first) + unit;

    let trimmed = |addrs| Part::Trimmed {
        range: range(addrs),
        reason: Reason::Alignment,
    };
    if first > 0 {
        parts.push(trimmed(&run[..first]));
    }
    parts.push(Part::Piece(range(&run[first..end])));
    if end < run.len() {
        parts.push(trimmed(&run[end..]));
    }
}

/// Returns what the rule has to answer for an input in the small space from `base` on.
fn expected(base: u64, input: &Input) -> Vec<Part> {
    let space: Vec<u64> = (0..SPACE).map(|offset| base + offset).collect();
    let same_run = |below: &u64, addr: &u64| {
        let (kind, kind_below) = (look_at(*addr, input), look_at(*below, input));
        kind == kind_below && (kind != Byte::Free || !edge_below(*addr, input))
    };

    let mut parts = Vec::new();
    for run in space.chunk_by(same_run) {
        match look_at(run[0], input) {
            Byte::NotReserved => (),
            Byte::Cxl(region) => parts.push(Part::Cxl {
                range: Range::new(run[0], *run.last().unwrap()).unwrap(),
                region: region.id,
            }),
            Byte::Free => trim(run, input.align, &mut parts),
        }
    }

    parts
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn the_rule_agrees_with_the_oracle((base, input) in small()) {
        prop_assert_eq!(input.parts(), expected(base, &input));
    }
}
