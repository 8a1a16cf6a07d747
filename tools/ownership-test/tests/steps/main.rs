// SPDX-License-Identifier: GPL-2.0

//! How much work the rule does, counted instead of timed.
//!
//! The rule is compiled against a range that counts each use of it: comparisons while sorting, and
//! whatever else is asked afterwards.

extern crate self as kernel;

#[allow(dead_code, reason = "no driver uses the rule here")]
#[path = "../../../../drivers/dax/hmem_rs/ownership.rs"]
mod ownership;

/// In place of the kernel crate's module: ranges that count.
mod range;

mod fmt {
    pub(crate) use std::fmt::*;
}

/// Of the CXL abstractions, what a region is.
mod cxl {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct CommittedRegion {
        pub(crate) range: crate::range::Range,
        pub(crate) id: u32,
    }
}

use cxl::CommittedRegion as Region;
use ownership::{decide, Part};
use range::{steps_of, Range};

/// A simple generator, so that each run counts the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's MMIX constants.
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    fn shuffle<T>(&mut self, slice: &mut [T]) {
        for i in (1..slice.len()).rev() {
            slice.swap(i, usize::try_from(self.below(i as u64 + 1)).unwrap());
        }
    }
}

const UNIT: u64 = 2 << 20;

/// Returns `count` ranges of `len` units, one every `every` units, from unit `first` on.
fn comb(count: u64, first: u64, every: u64, len: u64) -> Vec<Range> {
    (0..count)
        .map(|i| Range::from_start_len((first + i * every) * UNIT, len * UNIT).unwrap())
        .collect()
}

/// The three inputs of the rule.
struct Input(Vec<Range>, Vec<Range>, Vec<Region>);

impl Input {
    fn new(reserved: Vec<Range>, windows: Vec<Range>, regions: Vec<Range>) -> Self {
        let regions = (0..).zip(regions).map(|(id, range)| Region { range, id });
        let mut input = Self(reserved, windows, regions.collect());

        let mut random = Random(1);
        random.shuffle(&mut input.0);
        random.shuffle(&mut input.1);
        random.shuffle(&mut input.2);
        input
    }

    fn lens(&self) -> [u64; 3] {
        [self.0.len(), self.1.len(), self.2.len()].map(|len| len as u64)
    }

    fn is_sorted(&self) -> bool {
        self.0.is_sorted() && self.1.is_sorted() && self.2.is_sorted()
    }

    /// Counts the steps of the rule, and its parts.
    fn decide(&mut self) -> (u64, u64) {
        let mut parts: Vec<Part> = Vec::new();
        let steps = steps_of(|| {
            parts.extend(decide(&mut self.0, &mut self.1, &mut self.2, UNIT).unwrap());
        });
        (steps, parts.len() as u64)
    }
}

/// Arrangements with `n` ranges of each kind.
fn arrangements(n: u64) -> Vec<(&'static str, Input)> {
    vec![
        (
            "a region in each range, a window around each",
            Input::new(comb(n, 1, 8, 5), comb(n, 0, 8, 8), comb(n, 2, 8, 2)),
        ),
        (
            "one range over all windows and regions",
            Input::new(comb(1, 0, 1, 8 * n), comb(n, 0, 8, 6), comb(n, 2, 8, 2)),
        ),
        (
            "one region over all ranges",
            Input::new(comb(n, 1, 8, 5), comb(n, 0, 8, 8), comb(1, 0, 1, 8 * n)),
        ),
        (
            "nothing touches anything",
            Input::new(comb(n, 0, 4, 2), comb(n, 4 * n, 4, 2), comb(n, 8 * n, 4, 2)),
        ),
        (
            "adjacent ranges that hang together",
            Input::new(comb(n, 0, 1, 1), comb(n, 0, 2, 1), comb(n, 1, 2, 1)),
        ),
        (
            "regions that overlap",
            Input::new(comb(n, 0, 8, 5), comb(n, 0, 8, 8), comb(n, 0, 2, 64)),
        ),
    ]
}

/// What a good sort may cost: four comparisons for each item and each time that their number can be
/// halved. A heapsort needs up to that.
fn sorting(len: u64) -> u64 {
    2 * 2 * len * u64::from(len.max(1).ilog2() + 1)
}

/// What the pass over the sorted slices may cost for each range that goes in and each part that
/// comes out. It does not grow with their number.
const PER_ITEM: u64 = 16;

#[test]
fn the_rule_costs_sorting_and_one_pass() {
    for n in [1, 64, 1024] {
        for (name, mut input) in arrangements(n) {
            let lens = input.lens();
            let (steps, parts) = input.decide();
            let sorting: u64 = lens.into_iter().map(sorting).sum();
            let limit = sorting + PER_ITEM * (lens.iter().sum::<u64>() + parts);

            assert!(
                steps <= limit,
                "{name}, {n} of each: {steps} steps instead of {limit}"
            );
            assert!(input.is_sorted(), "{name}, {n} of each: not sorted");
        }
    }
}
