// SPDX-License-Identifier: GPL-2.0

//! Ranges that count each use.

use std::cell::Cell;
use std::cmp::Ordering;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

fn step() {
    STEPS.set(STEPS.get() + 1);
}

/// Returns how often `work` uses ranges.
pub(crate) fn steps_of(work: impl FnOnce()) -> u64 {
    let before = STEPS.get();
    work();
    STEPS.get() - before
}

/// The range of the kernel crate.
#[allow(
    dead_code,
    unreachable_pub,
    unfulfilled_lint_expectations,
    reason = "part of a larger crate elsewhere"
)]
#[path = "../../../../rust/kernel/range.rs"]
mod plain;

/// A range that counts each comparison and each question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range(plain::Range);

impl Range {
    pub(crate) const fn byte(addr: u64) -> Self {
        Self(plain::Range::byte(addr))
    }

    pub(crate) fn from_start_len(start: u64, len: u64) -> Option<Self> {
        plain::Range::from_start_len(start, len).map(Self)
    }

    fn counted(&self) -> &plain::Range {
        step();
        &self.0
    }

    pub(crate) fn start(&self) -> u64 {
        self.counted().start()
    }

    pub(crate) fn end(&self) -> u64 {
        self.counted().end()
    }

    #[allow(clippy::len_without_is_empty)]
    pub(crate) fn len(&self) -> u64 {
        self.counted().len()
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.counted().overlaps(&other.0)
    }

    pub(crate) fn is_adjacent(&self, other: &Self) -> bool {
        self.counted().is_adjacent(&other.0)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        self.counted().intersection(&other.0).map(Self)
    }

    pub(crate) fn span(&self, other: &Self) -> Self {
        Self(self.counted().span(&other.0))
    }

    pub(crate) fn before(&self, addr: u64) -> Option<Self> {
        self.counted().before(addr).map(Self)
    }

    pub(crate) fn after(&self, addr: u64) -> Option<Self> {
        self.counted().after(addr).map(Self)
    }

    pub(crate) fn trim_to(&self, align: u64) -> Option<Self> {
        self.counted().trim_to(align).map(Self)
    }
}

impl Ord for Range {
    fn cmp(&self, other: &Self) -> Ordering {
        self.counted().cmp(&other.0)
    }
}

impl PartialOrd for Range {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
