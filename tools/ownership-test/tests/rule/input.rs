// SPDX-License-Identifier: GPL-2.0

//! Inputs of the rule, made at random.

use crate::ownership::{decide, Part};
use kernel::cxl::CommittedRegion as Region;
use kernel::range::Range;
use proptest::collection::vec;
use proptest::prelude::*;

/// What the rule is asked.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) reserved: Vec<Range>,
    pub(crate) windows: Vec<Range>,
    pub(crate) regions: Vec<Region>,
    pub(crate) align: u64,
}

impl Input {
    /// Returns what the rule answers.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let mut input = self.clone();

        decide(
            &mut input.reserved,
            &mut input.windows,
            &mut input.regions,
            input.align,
        )
        .expect("the alignment is a power of two")
        .collect()
    }
}

/// Returns how to test: with `cases` inputs, or with as many as `PROPTEST_CASES` says.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };

    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases, ..config },
    }
}

/// Returns ranges of which both ends come from `point`.
fn range(point: impl Strategy<Value = u64> + Clone) -> impl Strategy<Value = Range> {
    (point.clone(), point)
        .prop_map(|(a, b)| Range::new(a.min(b), a.max(b)).expect("the ends are in order"))
}

/// Returns inputs of which all addresses come from `point`.
fn input(
    point: impl Strategy<Value = u64> + Clone,
    align: impl Strategy<Value = u64>,
) -> impl Strategy<Value = Input> {
    (
        vec(range(point.clone()), 0..6),
        vec(range(point.clone()), 0..5),
        vec(range(point), 0..6),
        align,
    )
        .prop_map(|(reserved, windows, regions, align)| Input {
            reserved,
            windows,
            regions: (0..)
                .zip(regions)
                .map(|(id, range)| Region { range, id })
                .collect(),
            align,
        })
}

/// How many bytes a space has that is small enough to look at each of them.
pub(crate) const SPACE: u64 = 96;

/// A small space: its first byte, and an input inside it.
pub(crate) fn small() -> impl Strategy<Value = (u64, Input)> {
    let base = prop_oneof![Just(0), Just(0x1_0000_0000), Just(u64::MAX - (SPACE - 1))];
    let align = (0u32..6).prop_map(|shift| 1 << shift);

    base.prop_flat_map(move |base| {
        input(
            (0..SPACE).prop_map(move |offset| base + offset),
            align.clone(),
        )
        .prop_map(move |input| (base, input))
    })
}

/// Returns addresses of the whole 64-bit space: at, and a few bytes beside, multiples of 1 MiB at
/// the bottom, in the middle and at the top.
fn point() -> impl Strategy<Value = u64> + Clone {
    let base = prop_oneof![
        Just(0),
        Just(0x1_0000_0000),
        Just(0u64.wrapping_sub(32 << 20))
    ];

    (base, 0u64..32, -2i64..3)
        .prop_map(|(base, mib, beside)| base.wrapping_add(mib << 20).wrapping_add_signed(beside))
}

/// An input like that of a machine, and beyond, anywhere in the 64-bit space.
pub(crate) fn large() -> impl Strategy<Value = Input> {
    let align = prop_oneof![
        4 => Just(2 << 20),
        1 => (0u32..64).prop_map(|shift| 1 << shift),
    ];

    input(point(), align)
}
