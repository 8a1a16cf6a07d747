// SPDX-License-Identifier: GPL-2.0

//! What holds for every answer of the rule, anywhere in the 64-bit space.

use crate::input::{cases, large, Input};
use crate::ownership::{decide, Part, Totals};
use kernel::range::Range;
use proptest::prelude::*;

/// Returns the same bytes as the fewest ranges, in ascending order.
fn merged(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut ranges: Vec<_> = ranges.into_iter().collect();
    ranges.sort();

    let mut merged: Vec<Range> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            // 128 bits, to look at the byte behind the last one.
            Some(last) if u128::from(range.start()) <= u128::from(last.end()) + 1 => {
                *last = Range::new(last.start(), last.end().max(range.end())).unwrap();
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Returns whether `range` is part of the reserved bytes that CXL does not keep, and has no edge of
/// a window inside.
fn could_be_hmem(range: Range, input: &Input) -> bool {
    let reserved = merged(input.reserved.iter().copied());
    let reserved = reserved
        .iter()
        .any(|run| run.start() <= range.start() && range.end() <= run.end());
    let claimed = input
        .regions
        .iter()
        .any(|region| region.range.overlaps(&range));
    let cut = input.windows.iter().any(|window| {
        (range.start() < window.start() && window.start() <= range.end())
            || (range.start() <= window.end() && window.end() < range.end())
    });

    reserved && !claimed && !cut
}

fn pieces(parts: &[Part]) -> Vec<Range> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Piece(range) => Some(*range),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn parts_ascend_and_share_no_byte(input in large()) {
        for pair in input.parts().windows(2) {
            prop_assert!(pair[0].range().end() < pair[1].range().start());
        }
    }

    #[test]
    fn each_reserved_byte_is_in_a_part_and_no_other(input in large()) {
        let parts = input.parts();
        prop_assert_eq!(
            merged(parts.iter().map(Part::range)),
            merged(input.reserved.iter().copied())
        );
    }

    #[test]
    fn cxl_gets_what_its_regions_cover(input in large()) {
        for part in input.parts() {
            match part {
                Part::Cxl { range, region } => {
                    let region = input.regions.iter().find(|r| r.id == region).unwrap();
                    prop_assert!(region.range.contains_range(&range));
                }
                Part::Piece(range) | Part::Trimmed { range, .. } => {
                    prop_assert!(!input.regions.iter().any(|r| r.range.overlaps(&range)));
                }
            }
        }
    }

    #[test]
    fn pieces_are_aligned(input in large()) {
        for piece in pieces(&input.parts()) {
            prop_assert_eq!(piece.start() % input.align, 0);
            prop_assert_eq!((u128::from(piece.end()) + 1) % u128::from(input.align), 0);
        }
    }

    #[test]
    fn pieces_are_free_and_between_window_edges(input in large()) {
        for piece in pieces(&input.parts()) {
            prop_assert!(could_be_hmem(piece, &input));
        }
    }

    #[test]
    fn pieces_are_maximal(input in large()) {
        for piece in pieces(&input.parts()) {
            if let Some(start) = piece.start().checked_sub(input.align) {
                let longer = Range::new(start, piece.end()).unwrap();
                prop_assert!(!could_be_hmem(longer, &input), "{} is free", longer);
            }
            if let Some(end) = piece.end().checked_add(input.align) {
                let longer = Range::new(piece.start(), end).unwrap();
                prop_assert!(!could_be_hmem(longer, &input), "{} is free", longer);
            }
        }
    }

    #[test]
    fn no_whole_unit_is_trimmed(input in large()) {
        for part in input.parts() {
            let Part::Trimmed { range, .. } = part else { continue };
            prop_assert!(range.trim_to(input.align).is_none(), "{} has a unit", range);
        }
    }

    #[test]
    fn order_does_not_matter(
        (input, shuffled) in large().prop_flat_map(|input| {
            let shuffled = (
                Just(input.reserved.clone()).prop_shuffle(),
                Just(input.windows.clone()).prop_shuffle(),
                Just(input.regions.clone()).prop_shuffle(),
                Just(input.align),
            )
                .prop_map(|(reserved, windows, regions, align)| Input {
                    reserved,
                    windows,
                    regions,
                    align,
                });
            (Just(input), shuffled)
        })
    ) {
        prop_assert_eq!(input.parts(), shuffled.parts());
    }

    #[test]
    fn deciding_again_gives_the_same(mut input in large()) {
        let first = input.parts();

        // The slices as the rule leaves them.
        decide(&mut input.reserved, &mut input.windows, &mut input.regions, input.align);
        prop_assert_eq!(input.parts(), first);
    }

    #[test]
    fn totals_count_every_byte(input in large()) {
        let parts = input.parts();
        let mut totals = Totals::default();
        for part in &parts {
            totals.add(part);
        }

        let sum = |counts: fn(&Part) -> bool| {
            parts
                .iter()
                .filter(|part| counts(part))
                .fold(0u64, |sum, part| sum.saturating_add(part.range().len()))
        };
        prop_assert_eq!(totals.cxl, sum(|part| matches!(part, Part::Cxl { .. })));
        prop_assert_eq!(totals.hmem, sum(|part| matches!(part, Part::Piece(_))));
        prop_assert_eq!(totals.trimmed, sum(|part| matches!(part, Part::Trimmed { .. })));

        let reserved: u128 = merged(input.reserved.iter().copied())
            .iter()
            .map(|run| u128::from(run.end()) - u128::from(run.start()) + 1)
            .sum();
        prop_assert_eq!(
            u128::from(totals.reserved()),
            reserved.min(u128::from(u64::MAX))
        );
    }
}
