// SPDX-License-Identifier: GPL-2.0

//! Who owns which byte of Soft Reserved memory: the rule.
//!
//! This file decides and does nothing else. It knows address ranges only, allocates nothing and
//! keeps no state, so that KUnit runs it in the kernel and `tools/ownership-test` runs the same
//! file, unchanged, on a host. What is decided here is carried out by the driver.
//!
//! # What goes in
//!
//! All ranges are in bytes, with the last byte included.
//!
//! - *Reserved*: the Soft Reserved bytes of one range of the hmem walk. Bytes of that range which
//!   are not Soft Reserved (RAM, holes) do not take part in anything.
//! - *Windows*: the CXL windows, that is what platform firmware routes to CXL (`CXL Window N` in
//!   `/proc/iomem`).
//! - *Regions*: the committed CXL regions, each with its number.
//! - The alignment, a power of two: what the DAX core wants a device to start and end at.
//!
//! # The rule
//!
//! 1. A range of which no reserved byte lies in a window is decided at once. Any other waits until
//!    the CXL stack had its chance to commit regions. The driver asks the resource tree about that.
//! 2. CXL keeps every reserved byte that a committed region covers: [`Part::Cxl`].
//! 3. hmem gets the rest, as the fewest pieces that obey two limits. A piece never crosses the edge
//!    of a window, because memory on both sides of one need not have anything in common. And a
//!    piece is trimmed inwards until both its ends are aligned: [`Part::Piece`].
//! 4. What trimming takes away is nobody's, and is reported with the reason: [`Part::Trimmed`].
//!
//! Every reserved byte is in exactly one part. Nothing here depends on the order of what goes in,
//! on earlier decisions or on time: the same memory, windows and regions give the same parts after
//! a rebind, after a reload, and whoever was first.
//!
//! # An example
//!
//! One column is an eighth of an aligned unit.
//!
//! ```text
//!   unit      0       1       2       3       4
//!   window    wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww
//!   reserved     sssssssssssssssssssssssssssssssss
//!   region                    rrrrrrrr
//!
//!   parts        tttttppppppppccccccccpppppppptttt
//! ```
//!
//! CXL keeps the bytes under `c`, hmem gets the two pieces under `p`, the bytes under `t` are
//! trimmed.
//!
//! # Inputs that should not be
//!
//! Reserved ranges that overlap or follow each other without a gap count as one. Windows may
//! overlap: each edge of each of them cuts. Committed regions do not overlap, since each owns its
//! addresses alone; should two do, the bytes go to the one that starts first and are counted once.
//!
//! # Cost
//!
//! Sorting the three slices, then one pass over them. Windows that overlap cost a step for each of
//! those that cover the place looked at; the resource tree does not let windows overlap.

use core::mem::swap;
use kernel::{
    cxl::CommittedRegion,
    range::Range, //
};

/// Why bytes are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The bytes lie between the end of a piece and what limits it.
    Alignment,
    /// The bytes between two limits hold no whole aligned unit, thus there is no piece at all.
    TooSmall,
}

impl Reason {
    /// Returns the word for it that user space knows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::Alignment => "alignment",
            Reason::TooSmall => "too-small",
        }
    }
}

/// A run of reserved bytes that share one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// CXL keeps the bytes: a committed region covers them.
    Cxl {
        /// The reserved bytes, which may be fewer than the region has.
        range: Range,
        /// The number of the region, from [`CommittedRegion::id`].
        region: u32,
    },
    /// hmem gets the bytes, as one device.
    Piece(Range),
    /// Nobody gets the bytes.
    Trimmed {
        /// The bytes given up.
        range: Range,
        /// Why they are.
        reason: Reason,
    },
}

impl Part {
    /// Returns the bytes of the part.
    pub(crate) fn range(&self) -> Range {
        match *self {
            Part::Cxl { range, .. } | Part::Piece(range) | Part::Trimmed { range, .. } => range,
        }
    }
}

/// How many bytes have which fate.
///
/// The reserved bytes are the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Bytes that CXL keeps.
    pub(crate) cxl: u64,
    /// Bytes in pieces.
    pub(crate) hmem: u64,
    /// Bytes given up.
    pub(crate) trimmed: u64,
}

impl Totals {
    /// Counts the bytes of `part`.
    pub(crate) fn add(&mut self, part: &Part) {
        let sum = match part {
            Part::Cxl { .. } => &mut self.cxl,
            Part::Piece(_) => &mut self.hmem,
            Part::Trimmed { .. } => &mut self.trimmed,
        };

        *sum = sum.saturating_add(part.range().len());
    }

    /// Returns the number of reserved bytes.
    #[cfg(any(test, CONFIG_DEV_DAX_HMEM_RUST_KUNIT_TEST))]
    pub(crate) fn reserved(&self) -> u64 {
        self.cxl
            .saturating_add(self.hmem)
            .saturating_add(self.trimmed)
    }
}

/// Decides about the `reserved` bytes, by the rule in the [module documentation](self).
///
/// Returns the parts in ascending order of address, or [`None`] if `align` is not a power of two.
/// Sorts the three slices.
pub(crate) fn decide<'a>(
    reserved: &'a mut [Range],
    windows: &'a mut [Range],
    regions: &'a mut [CommittedRegion],
    align: u64,
) -> Option<Parts<'a>> {
    if !align.is_power_of_two() {
        return None;
    }

    sort(reserved);
    sort(windows);
    sort(regions);

    Some(Parts {
        reserved,
        windows,
        regions,
        align,
        rest: None,
        decided: [None; 2],
    })
}

/// Sorts in place, in ascending order (Shell sort with odd gaps).
///
/// The sort of the core library is several times the size of this driver, and can panic.
fn sort<T: Ord>(items: &mut [T]) {
    let mut gap = items.len();

    while gap > 1 {
        gap = (gap / 2) | 1;
        for end in gap..items.len() {
            let mut at = end;

            // What is `gap` apart below `end` is in order: move the last one down to its place.
            while let Some(below) = at.checked_sub(gap) {
                let Some([low, .., high]) = items.get_mut(below..=at) else {
                    break;
                };
                if low <= high {
                    break;
                }
                swap(low, high);
                at = below;
            }
        }
    }
}

/// The parts of the reserved bytes, in ascending order of address.
///
/// Created by [`decide`].
pub(crate) struct Parts<'a> {
    /// What is left of each input, in ascending order.
    reserved: &'a [Range],
    windows: &'a [Range],
    regions: &'a [CommittedRegion],
    align: u64,
    /// The undecided rest of the reserved bytes that hang together. It starts at the lowest byte
    /// not decided yet, thus what ends below it in `windows` and `regions` is of no more use.
    rest: Option<Range>,
    /// Parts below `rest` that were decided together with one already given out.
    decided: [Option<Part>; 2],
}

impl Parts<'_> {
    /// Takes the next reserved bytes that hang together.
    fn take_run(&mut self) -> Option<Range> {
        let (first, rest) = self.reserved.split_first()?;
        let mut run = *first;
        self.reserved = rest;

        while let [next, rest @ ..] = self.reserved {
            if !run.overlaps(next) && !run.is_adjacent(next) {
                break;
            }
            run = run.span(next);
            self.reserved = rest;
        }

        Some(run)
    }

    /// Returns the lowest region that reaches `addr` or lies above it.
    fn region_from(&mut self, addr: u64) -> Option<CommittedRegion> {
        while let [region, rest @ ..] = self.regions {
            if region.range.end() >= addr {
                return Some(*region);
            }
            self.regions = rest;
        }

        None
    }

    /// Returns the first bytes of `free` up to the next edge of a window.
    fn cut(&mut self, free: Range) -> Range {
        while let [window, rest @ ..] = self.windows {
            if window.end() >= free.start() {
                break;
            }
            self.windows = rest;
        }

        let mut segment = free;
        for window in self.windows {
            if let Some(head) = segment.before(window.start()) {
                // This window starts above the start of the segment, and so does each later one:
                // none of them can cut the segment shorter than this.
                segment = head;
                break;
            }
            if let Some(inside) = segment.intersection(window) {
                segment = inside;
            }
        }

        segment
    }

    /// Decides about bytes between two limits, which CXL does not keep: trims them to a piece.
    ///
    /// Returns the lowest part and leaves the others in `decided`.
    fn trim(&mut self, segment: Range) -> Part {
        let Some(piece) = segment.trim_to(self.align) else {
            return Part::Trimmed {
                range: segment,
                reason: Reason::TooSmall,
            };
        };
        let trimmed = |range| Part::Trimmed {
            range,
            reason: Reason::Alignment,
        };

        let tail = segment.after(piece.end()).map(trimmed);
        match segment.before(piece.start()).map(trimmed) {
            Some(head) => {
                self.decided = [Some(Part::Piece(piece)), tail];
                head
            }
            None => {
                self.decided = [tail, None];
                Part::Piece(piece)
            }
        }
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if let Some(part) = self.decided.iter_mut().find_map(Option::take) {
            return Some(part);
        }

        let rest = match self.rest {
            Some(rest) => rest,
            None => self.take_run()?,
        };

        // A region found reaches the first byte of `rest` or lies above it. If it starts at or
        // below that byte it covers it, otherwise it leaves bytes below itself: neither the
        // intersection nor the bytes before it can be missing.
        let free = match self.region_from(rest.start()) {
            Some(CommittedRegion { range, id }) if range.start() <= rest.start() => {
                let kept = rest.intersection(&range)?;
                self.rest = rest.after(kept.end());
                return Some(Part::Cxl {
                    range: kept,
                    region: id,
                });
            }
            Some(above) => rest.before(above.range.start())?,
            None => rest,
        };
        let segment = self.cut(free);

        self.rest = rest.after(segment.end());
        Some(self.trim(segment))
    }
}

#[cfg(any(test, CONFIG_DEV_DAX_HMEM_RUST_KUNIT_TEST))]
#[cfg_attr(
    CONFIG_DEV_DAX_HMEM_RUST_KUNIT_TEST,
    kernel::prelude::kunit_tests(hmem_rs_ownership)
)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const PMD: u64 = 2 * MIB;

    /// The range of the mebibytes from `start` up to, but without, `end`.
    fn mib(start: u64, end: u64) -> Range {
        range(start * MIB, end * MIB - 1)
    }

    fn range(start: u64, end: u64) -> Range {
        Range::byte(start).span(&Range::byte(end))
    }

    fn region(id: u32, range: Range) -> CommittedRegion {
        CommittedRegion { range, id }
    }

    fn cxl(region: u32, range: Range) -> Part {
        Part::Cxl { range, region }
    }

    fn trimmed(range: Range, reason: Reason) -> Part {
        Part::Trimmed { range, reason }
    }

    /// Returns whether the rule gives `expected`, and the same sums of bytes.
    fn gives(
        reserved: &mut [Range],
        windows: &mut [Range],
        regions: &mut [CommittedRegion],
        expected: &[Part],
    ) -> bool {
        let mut count = 0;
        let mut totals = Totals::default();
        let Some(parts) = decide(reserved, windows, regions, PMD) else {
            return false;
        };

        for part in parts {
            if expected.get(count) != Some(&part) {
                return false;
            }
            count += 1;
            totals.add(&part);
        }

        let bytes = expected
            .iter()
            .fold(0u64, |sum, part| sum.saturating_add(part.range().len()));
        count == expected.len() && totals.reserved() == bytes
    }

    #[test]
    fn region_covers_the_range() {
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(7, mib(1024, 2048))],
            &[cxl(7, mib(1024, 2048))],
        ));
        // Also one that is larger than the range: only reserved bytes are told about.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(7, mib(512, 4096))],
            &[cxl(7, mib(1024, 2048))],
        ));
    }

    #[test]
    fn no_region() {
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [],
            &[Part::Piece(mib(1024, 2048))],
        ));
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [],
            &mut [],
            &[Part::Piece(mib(1024, 2048))],
        ));
        assert!(gives(
            &mut [],
            &mut [mib(0, 1)],
            &mut [region(0, mib(0, 1))],
            &[]
        ));
    }

    #[test]
    fn region_smaller_than_the_range() {
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1024, 1280))],
            &[cxl(0, mib(1024, 1280)), Part::Piece(mib(1280, 2048))],
        ));
    }

    #[test]
    fn region_in_the_middle() {
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1280, 1536))],
            &[
                Part::Piece(mib(1024, 1280)),
                cxl(0, mib(1280, 1536)),
                Part::Piece(mib(1536, 2048)),
            ],
        ));
    }

    #[test]
    fn one_range_over_two_regions() {
        // Without a gap, given in the wrong order.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1536, 2048)), region(1, mib(1024, 1536))],
            &[cxl(1, mib(1024, 1536)), cxl(0, mib(1536, 2048))],
        ));
        // With a gap.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1536, 2048)), region(1, mib(1024, 1280))],
            &[
                cxl(1, mib(1024, 1280)),
                Part::Piece(mib(1280, 1536)),
                cxl(0, mib(1536, 2048)),
            ],
        ));
    }

    #[test]
    fn two_ranges_in_one_window() {
        // The hmem walk has two ranges here, and each is decided by itself.
        assert!(gives(
            &mut [mib(1024, 1280)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1024, 1280))],
            &[cxl(0, mib(1024, 1280))],
        ));
        assert!(gives(
            &mut [mib(1536, 2048)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1024, 1280))],
            &[Part::Piece(mib(1536, 2048))],
        ));
    }

    #[test]
    fn range_crosses_window_edges() {
        // Half inside a window, which starts off the alignment.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1537, 4096)],
            &mut [],
            &[
                Part::Piece(mib(1024, 1536)),
                trimmed(mib(1536, 1537), Reason::Alignment),
                trimmed(mib(1537, 1538), Reason::Alignment),
                Part::Piece(mib(1538, 2048)),
            ],
        ));
        // Two windows side by side.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(1536, 4096), mib(512, 1536)],
            &mut [],
            &[Part::Piece(mib(1024, 1536)), Part::Piece(mib(1536, 2048)),],
        ));
        // A small window inside a large one.
        assert!(gives(
            &mut [mib(1024, 2048)],
            &mut [mib(0, 4096), mib(1280, 1536)],
            &mut [],
            &[
                Part::Piece(mib(1024, 1280)),
                Part::Piece(mib(1280, 1536)),
                Part::Piece(mib(1536, 2048)),
            ],
        ));
    }

    #[test]
    fn leftovers_too_small() {
        assert!(gives(
            &mut [mib(1024, 1281)],
            &mut [mib(1024, 4096)],
            &mut [region(0, mib(1024, 1280))],
            &[
                cxl(0, mib(1024, 1280)),
                trimmed(mib(1280, 1281), Reason::TooSmall),
            ],
        ));
        // As long as a piece has to be, but not where one can be.
        assert!(gives(
            &mut [mib(1025, 1027)],
            &mut [],
            &mut [],
            &[trimmed(mib(1025, 1027), Reason::TooSmall)],
        ));
    }

    #[test]
    fn reserved_parts_hang_together() {
        assert!(gives(
            &mut [mib(1025, 2048), mib(1024, 1025), mib(1030, 1040)],
            &mut [],
            &mut [],
            &[Part::Piece(mib(1024, 2048))],
        ));
        // A hole is nobody's business.
        assert!(gives(
            &mut [mib(1030, 2048), mib(1024, 1029)],
            &mut [],
            &mut [],
            &[
                Part::Piece(mib(1024, 1028)),
                trimmed(mib(1028, 1029), Reason::Alignment),
                Part::Piece(mib(1030, 2048)),
            ],
        ));
    }

    #[test]
    fn ends_of_the_address_space() {
        let all = range(0, u64::MAX);

        assert!(gives(&mut [all], &mut [all], &mut [], &[Part::Piece(all)]));
        assert!(gives(
            &mut [all],
            &mut [],
            &mut [region(1, range(u64::MAX, u64::MAX)), region(0, range(0, 0))],
            &[
                cxl(0, range(0, 0)),
                trimmed(range(1, PMD - 1), Reason::Alignment),
                Part::Piece(range(PMD, u64::MAX - PMD)),
                trimmed(range(u64::MAX - PMD + 1, u64::MAX - 1), Reason::Alignment),
                cxl(1, range(u64::MAX, u64::MAX)),
            ],
        ));
    }

    #[test]
    fn alignment_has_to_be_a_power_of_two() {
        assert!(decide(&mut [], &mut [], &mut [], 0).is_none());
        assert!(decide(&mut [], &mut [], &mut [], PMD + 1).is_none());
    }
}
