// SPDX-License-Identifier: GPL-2.0

//! Inclusive physical address ranges.

use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A range of physical addresses, both ends included, never empty.
///
/// # Invariants
///
/// `start <= end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    start: u64,
    end: u64,
}

impl Range {
    /// The range from `start` to `end` inclusive; `None` when it would be empty.
    pub fn new(start: u64, end: u64) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// The range of `size` bytes at `start`; `None` when empty or past the end of the address space.
    pub fn with_size(start: u64, size: u64) -> Option<Self> {
        Self::new(start, start.checked_add(size.checked_sub(1)?)?)
    }

    /// First byte.
    pub fn start(self) -> u64 {
        self.start
    }

    /// Last byte.
    pub fn end(self) -> u64 {
        self.end
    }

    /// Bytes in the range. The whole address space, which does not fit, counts one byte less.
    pub fn size(self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }

    /// Whether every byte of `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The bytes in both.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }
}

/// `0x100000000-0x13fffffff`, as everywhere in the kernel's own listings.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:#x}-{:#x}", self.start, self.end))
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The shape in JSON: the ends as text, because a double cannot hold every address.
#[derive(Serialize, Deserialize)]
struct Json {
    start: String,
    end: String,
    #[serde(default)]
    size: u64,
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Json {
            start: format!("{:#x}", self.start),
            end: format!("{:#x}", self.end),
            size: self.size(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let end_of = |text: &str| {
            crate::parse::hex(text)
                .ok_or_else(|| D::Error::custom(format!("'{text}' is not a hexadecimal address")))
        };
        let (start, end) = (end_of(&json.start)?, end_of(&json.end)?);
        Self::new(start, end).ok_or_else(|| {
            D::Error::custom(format!("range {start:#x}-{end:#x} ends before it starts"))
        })
    }
}
