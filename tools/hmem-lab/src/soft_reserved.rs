// SPDX-License-Identifier: GPL-2.0

//! Ranges that the command line makes Soft Reserved, as scenarios write them.

use std::str::FromStr;

use anyhow::{ensure, Context, Result};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::size::Size;

/// A size at an address, written `SIZE@ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizedAt {
    /// Bytes.
    pub size: Size,
    /// First byte.
    pub at: u64,
}

impl FromStr for SizedAt {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (size, at) = text
            .split_once('@')
            .with_context(|| format!("{text}: write SIZE@ADDRESS, like 1G@0x100000000"))?;
        Ok(Self {
            size: size.parse()?,
            at: at.parse::<Size>()?.0,
        })
    }
}

/// Ranges, of which several that are alike may be written as one.
pub fn ranges<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<SizedAt>, D::Error> {
    let mut ranges = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        ranges.extend(repeated(&text).map_err(|err| D::Error::custom(format!("{err:#}")))?);
    }
    Ok(ranges)
}

fn repeated(text: &str) -> Result<Vec<SizedAt>> {
    let Some((first, rest)) = text.split_once(" every ") else {
        return Ok(vec![text.parse()?]);
    };
    let first: SizedAt = first.parse()?;
    let (distance, times) = rest
        .strip_suffix(" times")
        .and_then(|rest| rest.split_once(", "))
        .with_context(|| format!("{text}: write SIZE@ADDRESS every DISTANCE, N times"))?;
    let distance: Size = distance.parse()?;
    let times: u64 = times
        .parse()
        .with_context(|| format!("{text}: how many times?"))?;
    ensure!(distance >= first.size, "{text}: the ranges would overlap");
    (0..times)
        .map(|time| {
            let at = time.checked_mul(distance.0);
            let at = at.and_then(|offset| first.at.checked_add(offset));
            let at = at.with_context(|| format!("{text}: there are no such addresses"))?;
            Ok(SizedAt {
                size: first.size,
                at,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes_and_starts(text: &str) -> Vec<(u64, u64)> {
        let ranges = repeated(text).unwrap();
        ranges
            .iter()
            .map(|range| (range.size.0, range.at))
            .collect()
    }

    #[test]
    fn one_and_several() {
        assert_eq!(sizes_and_starts("1K@4K"), [(1024, 4096)]);
        assert_eq!(
            sizes_and_starts("1K@0x1000 every 2K, 3 times"),
            [(1024, 4096), (1024, 6144), (1024, 8192)]
        );
        assert!(sizes_and_starts("1K@4K every 1K, 0 times").is_empty());
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("1K", "1K: write SIZE@ADDRESS, like 1G@0x100000000"),
            (
                "1K@4K every 2K",
                "write SIZE@ADDRESS every DISTANCE, N times",
            ),
            ("1K@4K every 2K, -1 times", "how many times?"),
            ("2K@4K every 1K, 2 times", "the ranges would overlap"),
            (
                "1K@4K every 0x8000000000000000, 3 times",
                "there are no such addresses",
            ),
        ] {
            let error = format!("{:#}", repeated(text).unwrap_err());
            assert!(error.contains(told), "{error}");
        }
    }
}
