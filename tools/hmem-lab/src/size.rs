// SPDX-License-Identifier: GPL-2.0

//! Sizes and address ranges as people write them: `512M`, `0x100000000`, `0x100000000-0x13fffffff`.

use std::fmt;
use std::str::FromStr;

use anyhow::{bail, Context, Error, Result};
use serde::Deserialize;

/// A number of bytes: plain, hexadecimal, or with K, M, G.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Written")]
pub struct Size(pub u64);

/// A size in TOML may be a number or text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for Size {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        match written {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(hex) = text.strip_prefix("0x") {
            return Ok(Self(
                u64::from_str_radix(hex, 16)
                    .with_context(|| format!("{text}: not a hexadecimal number"))?,
            ));
        }
        let (digits, shift) = match text.as_bytes().last() {
            Some(b'K') => (&text[..text.len() - 1], 10),
            Some(b'M') => (&text[..text.len() - 1], 20),
            Some(b'G') => (&text[..text.len() - 1], 30),
            _ => (text, 0),
        };
        let number: u64 = digits
            .parse()
            .with_context(|| format!("{text}: not a size (like 512M or 0x20000000)"))?;
        match number.checked_mul(1 << shift) {
            Some(bytes) => Ok(Self(bytes)),
            None => bail!("{text}: too large"),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, 'G'), (20, 'M'), (10, 'K')] {
            if self.0 != 0 && self.0 % (1 << shift) == 0 {
                return write!(f, "{}{unit}", self.0 >> shift);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// An address range; both ends are in it, as in /proc/iomem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// Last byte.
    pub end: u64,
}

impl Range {
    /// The range of `size` bytes from `start`; `None` for an empty one or one past the end of addresses.
    pub fn sized(start: u64, size: u64) -> Option<Self> {
        Some(Self {
            start,
            end: start.checked_add(size.checked_sub(1)?)?,
        })
    }

    /// Its bytes.
    pub fn size(&self) -> Size {
        Size((self.end - self.start).saturating_add(1))
    }
}

impl FromStr for Range {
    type Err = Error;

    /// Reads `START-END` with or without `0x`, always hexadecimal.
    fn from_str(text: &str) -> Result<Self> {
        let hex = |part: &str| u64::from_str_radix(part.trim().trim_start_matches("0x"), 16);
        match text
            .split_once('-')
            .map(|(start, end)| (hex(start), hex(end)))
        {
            Some((Ok(start), Ok(end))) if start <= end => Ok(Self { start, end }),
            _ => bail!("{text}: not a range (like 0x100000000-0x13fffffff, both ends in it)"),
        }
    }
}

impl TryFrom<String> for Range {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("512M".parse::<Size>().unwrap().0, 512 << 20);
        assert_eq!("0x20000000".parse::<Size>().unwrap().0, 512 << 20);
        assert_eq!("4G".parse::<Size>().unwrap().to_string(), "4G");
        assert_eq!(Size(4097).to_string(), "4097");
        assert!("12Q".parse::<Size>().is_err());
        assert!("99999999999G".parse::<Size>().is_err());
    }

    #[test]
    fn ranges() {
        let range: Range = "0x100000000-0x13fffffff".parse().unwrap();
        assert_eq!(range, "100000000-13fffffff".parse().unwrap());
        assert_eq!(range.size().to_string(), "1G");
        assert_eq!(Range::sized(0x1_0000_0000, 1 << 30), Some(range));
        assert_eq!(Range::sized(u64::MAX, 2), None);
        assert!("2-1".parse::<Range>().is_err());
    }
}
