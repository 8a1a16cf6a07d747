// SPDX-License-Identifier: GPL-2.0

//! Ranges, compared with arithmetic that cannot overflow.

use kernel::range::Range;
use proptest::prelude::*;

/// A range as two numbers: its first byte, and the byte behind the last one.
type Wide = (u128, u128);

fn wide(range: Range) -> Wide {
    (range.start().into(), u128::from(range.end()) + 1)
}

/// Returns the range that is left of `from..to`, if any.
fn narrow((from, to): Wide) -> Option<Range> {
    (from < to).then(|| {
        Range::new(from.try_into().unwrap(), (to - 1).try_into().unwrap()).expect("not empty")
    })
}

/// Addresses near both ends of the space, and some between.
fn point() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        0u64..40,
        (0u64..40).prop_map(|n| u64::MAX - n),
        any::<u64>()
    ]
}

fn range() -> impl Strategy<Value = Range> {
    (point(), point()).prop_map(|(a, b)| Range::new(a.min(b), a.max(b)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn new_takes_ends_in_order(start in point(), end in point()) {
        let range = Range::new(start, end);

        prop_assert_eq!(range.is_some(), start <= end);
        prop_assert!(range.is_none_or(|range| range.start() == start && range.end() == end));
    }

    #[test]
    fn from_start_len_agrees(start in point(), len in point()) {
        let to = u128::from(start) + u128::from(len);
        let expected = if to > 1 << 64 { None } else { narrow((start.into(), to)) };

        prop_assert_eq!(Range::from_start_len(start, len), expected);
    }

    #[test]
    fn len_agrees(range in range()) {
        let (from, to) = wide(range);

        prop_assert_eq!(u128::from(range.len()), (to - from).min(u64::MAX.into()));
    }

    #[test]
    fn contains_agrees(range in range(), addr in point()) {
        let (from, to) = wide(range);

        prop_assert_eq!(range.contains(addr), (from..to).contains(&addr.into()));
    }

    #[test]
    fn pairs_agree(a in range(), b in range()) {
        let ((a_from, a_to), (b_from, b_to)) = (wide(a), wide(b));
        let common = narrow((a_from.max(b_from), a_to.min(b_to)));

        prop_assert_eq!(a.intersection(&b), common);
        prop_assert_eq!(a.overlaps(&b), common.is_some());
        prop_assert_eq!(a.contains_range(&b), common == Some(b));
        prop_assert_eq!(a.is_adjacent(&b), a_to == b_from || b_to == a_from);
        prop_assert_eq!(Some(a.span(&b)), narrow((a_from.min(b_from), a_to.max(b_to))));
        prop_assert_eq!(a.cmp(&b), (a.start(), a.end()).cmp(&(b.start(), b.end())));
    }

    #[test]
    fn before_and_after_agree(range in range(), addr in point()) {
        let (from, to) = wide(range);
        let addr_wide = u128::from(addr);

        prop_assert_eq!(range.before(addr), narrow((from, to.min(addr_wide))));
        prop_assert_eq!(range.after(addr), narrow((from.max(addr_wide + 1), to)));
    }

    #[test]
    fn trim_to_agrees(range in range(), shift in 0u32..64) {
        let (from, to) = wide(range);
        let align = 1u128 << shift;

        prop_assert_eq!(
            range.trim_to(1 << shift),
            narrow((from.div_ceil(align) * align, to / align * align))
        );
    }

    #[test]
    fn trim_to_refuses_other_alignments(range in range(), align in any::<u64>()) {
        prop_assume!(!align.is_power_of_two());
        prop_assert_eq!(range.trim_to(align), None);
    }
}
