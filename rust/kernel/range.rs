// SPDX-License-Identifier: GPL-2.0

//! Address ranges.
//!
//! A [`Range`] is a run of bytes in a 64-bit address space, given by its first and its last byte,
//! as firmware tables, the resource tree and the DAX bus give theirs. The last byte is part of it,
//! so that a range may end at the top of the address space; no operation here overflows there.
//!
//! C header: [`include/linux/range.h`](srctree/include/linux/range.h)

use crate::fmt;

/// A range of addresses, in bytes, with both ends included.
///
/// Ranges are ordered by their start, then by their end.
///
/// # Invariants
///
/// `start <= end`: a range holds at least one byte.
///
/// # Examples
///
/// ```
/// # use kernel::prelude::*;
/// use kernel::range::Range;
///
/// let range = Range::new(0x1_0000_0000, 0x1_3fff_ffff).ok_or(EINVAL)?;
///
/// assert_eq!(range.len(), 0x4000_0000);
/// assert!(range.contains(0x1_3fff_ffff));
/// assert!(!range.contains(0x1_4000_0000));
///
/// // There is no empty range.
/// assert_eq!(Range::new(0x2000, 0x1fff), None);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    start: u64,
    end: u64,
}

impl Range {
    /// The whole address space.
    // INVARIANT: Nothing is below zero.
    pub const ALL: Self = Self {
        start: 0,
        end: u64::MAX,
    };

    /// Creates the range of the bytes from `start` to `end`, both included.
    ///
    /// Returns [`None`] if `end` lies below `start`.
    #[inline]
    pub const fn new(start: u64, end: u64) -> Option<Self> {
        if start <= end {
            // INVARIANT: `start <= end` was just checked.
            Some(Self { start, end })
        } else {
            None
        }
    }

    /// Creates the range of the one byte at `addr`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::range::Range;
    ///
    /// assert_eq!(Some(Range::byte(7)), Range::new(7, 7));
    ///
    /// // Two of them make a range that cannot be missing.
    /// assert_eq!(Some(Range::byte(7).span(&Range::byte(9))), Range::new(7, 9));
    /// ```
    #[inline]
    pub const fn byte(addr: u64) -> Self {
        // INVARIANT: Both ends are the same.
        Self {
            start: addr,
            end: addr,
        }
    }

    /// Creates the range of the `len` bytes from `start` on.
    ///
    /// Returns [`None`] if `len` is zero or if the range would leave the 64-bit address space.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::range::Range;
    ///
    /// assert_eq!(Range::from_start_len(0x1000, 0x1000), Range::new(0x1000, 0x1fff));
    /// assert_eq!(Range::from_start_len(0x1000, 0), None);
    ///
    /// // The last byte of the address space can be reached, but not passed.
    /// assert_eq!(Range::from_start_len(u64::MAX, 1), Range::new(u64::MAX, u64::MAX));
    /// assert_eq!(Range::from_start_len(u64::MAX, 2), None);
    /// ```
    #[inline]
    pub const fn from_start_len(start: u64, len: u64) -> Option<Self> {
        match len.checked_sub(1) {
            Some(offset) => match start.checked_add(offset) {
                // INVARIANT: The sum did not overflow, thus it is not below `start`.
                Some(end) => Some(Self { start, end }),
                None => None,
            },
            None => None,
        }
    }

    /// Returns the address of the first byte.
    #[inline]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Returns the address of the last byte.
    #[inline]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Returns the number of bytes, which is never zero.
    ///
    /// The range of the whole address space holds 2^64 bytes, which no [`u64`] can tell: for it
    /// alone the result is one too small, [`u64::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::prelude::*;
    /// use kernel::range::Range;
    ///
    /// assert_eq!(Range::new(7, 7).ok_or(EINVAL)?.len(), 1);
    /// assert_eq!(Range::new(1, u64::MAX).ok_or(EINVAL)?.len(), u64::MAX);
    /// assert_eq!(Range::ALL.len(), u64::MAX);
    /// # Ok::<(), Error>(())
    /// ```
    #[expect(clippy::len_without_is_empty)]
    #[inline]
    pub const fn len(&self) -> u64 {
        // By the invariant this does not wrap, which saves each caller a check that never fails.
        self.end.wrapping_sub(self.start).saturating_add(1)
    }

    /// Returns whether the byte at `addr` is part of the range.
    #[inline]
    pub const fn contains(&self, addr: u64) -> bool {
        self.start <= addr && addr <= self.end
    }

    /// Returns whether every byte of `other` is part of the range.
    #[inline]
    pub const fn contains_range(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Returns whether the two ranges have a byte in common.
    #[inline]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// Returns whether one range ends right before the other starts.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::prelude::*;
    /// use kernel::range::Range;
    ///
    /// let low = Range::new(0x1000, 0x1fff).ok_or(EINVAL)?;
    /// let high = Range::new(0x2000, 0x2fff).ok_or(EINVAL)?;
    ///
    /// assert!(low.is_adjacent(&high) && high.is_adjacent(&low));
    /// assert!(!low.overlaps(&high));
    ///
    /// // The address space does not wrap around.
    /// let bottom = Range::new(0, 0xfff).ok_or(EINVAL)?;
    /// let top = Range::new(u64::MAX - 0xfff, u64::MAX).ok_or(EINVAL)?;
    /// assert!(!bottom.is_adjacent(&top));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub const fn is_adjacent(&self, other: &Self) -> bool {
        matches!(self.end.checked_add(1), Some(next) if next == other.start)
            || matches!(other.end.checked_add(1), Some(next) if next == self.start)
    }

    /// Returns the bytes that both ranges have in common, or [`None`] if there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::prelude::*;
    /// use kernel::range::Range;
    ///
    /// let range = Range::new(0x1000, 0x2fff).ok_or(EINVAL)?;
    ///
    /// let other = Range::new(0x2000, 0x3fff).ok_or(EINVAL)?;
    /// assert_eq!(range.intersection(&other), Range::new(0x2000, 0x2fff));
    ///
    /// let other = Range::new(0x3000, 0x3fff).ok_or(EINVAL)?;
    /// assert_eq!(range.intersection(&other), None);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Returns the smallest range that contains both ranges, and what lies between them.
    #[inline]
    pub fn span(&self, other: &Self) -> Self {
        // INVARIANT: The start can only become lower and the end can only become higher.
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Returns the part of the range below `addr`, or [`None`] if there is none.
    ///
    /// Together with [`Range::after`] it takes a range away from another one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::prelude::*;
    /// use kernel::range::Range;
    ///
    /// let range = Range::new(0x1000, 0x4fff).ok_or(EINVAL)?;
    /// let taken = Range::new(0x2000, 0x2fff).ok_or(EINVAL)?;
    ///
    /// assert_eq!(range.before(taken.start()), Range::new(0x1000, 0x1fff));
    /// assert_eq!(range.after(taken.end()), Range::new(0x3000, 0x4fff));
    ///
    /// assert_eq!(range.before(0x1000), None);
    /// assert_eq!(range.before(u64::MAX), Some(range));
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn before(&self, addr: u64) -> Option<Self> {
        Self::new(self.start, self.end.min(addr.checked_sub(1)?))
    }

    /// Returns the part of the range above `addr`, or [`None`] if there is none.
    ///
    /// See [`Range::before`] for an example.
    #[inline]
    pub fn after(&self, addr: u64) -> Option<Self> {
        Self::new(self.start.max(addr.checked_add(1)?), self.end)
    }

    /// Returns the largest part of the range that consists of whole units of `align` bytes.
    ///
    /// A unit starts at a multiple of `align`, which must be a power of two. Returns [`None`] if
    /// it is not, or if the range holds no whole unit.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kernel::prelude::*;
    /// use kernel::range::Range;
    ///
    /// let range = Range::new(0x1800, 0x4000).ok_or(EINVAL)?;
    /// assert_eq!(range.trim_to(0x1000), Range::new(0x2000, 0x3fff));
    /// assert_eq!(range.trim_to(1), Some(range));
    ///
    /// // As long as a unit, but without a whole one.
    /// let range = Range::new(0x1800, 0x27ff).ok_or(EINVAL)?;
    /// assert_eq!(range.trim_to(0x1000), None);
    ///
    /// // Both ends of the address space are aligned.
    /// let range = Range::ALL;
    /// assert_eq!(range.trim_to(1 << 63), Some(range));
    ///
    /// assert_eq!(range.trim_to(0x1800), None);
    /// # Ok::<(), Error>(())
    /// ```
    #[inline]
    pub fn trim_to(&self, align: u64) -> Option<Self> {
        if !align.is_power_of_two() {
            return None;
        }

        let mask = align - 1;
        let start = self.start.checked_add(mask)? & !mask;
        // The last byte of a unit has all bits of the mask set. This is computed without the first
        // byte behind the range, which does not exist at the top of the address space.
        let end = if self.end & mask == mask {
            self.end
        } else {
            (self.end & !mask).checked_sub(1)?
        };

        Self::new(start, end)
    }
}

/// Formats the range as `0x100000000-0x13fffffff`, with the last byte included.
///
/// # Examples
///
/// ```
/// # use kernel::prelude::*;
/// use kernel::{
///     fmt,
///     range::Range,
///     str::CString, //
/// };
///
/// let range = Range::new(0x1_0000_0000, 0x1_3fff_ffff).ok_or(EINVAL)?;
/// let text = CString::try_from_fmt(fmt!("{range}"))?;
/// assert_eq!(text.to_bytes(), b"0x100000000-0x13fffffff");
/// # Ok::<(), Error>(())
/// ```
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.start, self.end)
    }
}
