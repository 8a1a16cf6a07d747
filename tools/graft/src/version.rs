// SPDX-License-Identifier: GPL-2.0
//! Kernel versions as far as the edits care: major and minor.

use std::fmt;
use std::str::FromStr;

/// A kernel version such as 7.3; patch level and -rc do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The 7 of 7.3.
    pub major: u32,
    /// The 3 of 7.3.
    pub minor: u32,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no kernel version: write it like \"7.3\"");
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |digits: &str| {
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong());
            }
            digits.parse().map_err(|_| wrong())
        };
        Ok(Version {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The versions something is meant for; both ends inclusive, an open end is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// First version.
    pub since: Option<Version>,
    /// Last version.
    pub until: Option<Version>,
}

impl Bounds {
    /// Reads the two optional words of the data.
    pub(crate) fn parse(since: Option<&str>, until: Option<&str>) -> Result<Self, String> {
        let bounds = Bounds {
            since: since.map(str::parse).transpose()?,
            until: until.map(str::parse).transpose()?,
        };
        match (bounds.since, bounds.until) {
            (Some(since), Some(until)) if since > until => {
                Err(format!("since {since} is later than until {until}"))
            }
            _ => Ok(bounds),
        }
    }

    /// Whether `version` lies within.
    pub fn hold(&self, version: Version) -> bool {
        self.since.is_none_or(|since| since <= version)
            && self.until.is_none_or(|until| version <= until)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.since, self.until) {
            (Some(since), Some(until)) => write!(f, "{since} to {until}"),
            (Some(since), None) => write!(f, "{since} and later"),
            (None, Some(until)) => write!(f, "up to {until}"),
            (None, None) => write!(f, "any version"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(v("7.10") > v("7.9"));
        assert!(v("8.0") > v("7.10"));
        for wrong in [
            "",
            "7",
            "7.",
            ".3",
            "7.3.1",
            "7.x",
            "+7.3",
            "7.3-rc1",
            "99999999999.1",
        ] {
            assert!(wrong.parse::<Version>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let only = Bounds::parse(Some("7.2"), Some("7.3")).unwrap();
        for (version, inside) in [("7.1", false), ("7.2", true), ("7.3", true), ("7.4", false)] {
            assert_eq!(only.hold(v(version)), inside, "{version}");
        }
        assert!(Bounds::default().hold(v("0.0")));
        assert!(Bounds::parse(Some("7.3"), Some("7.2")).is_err());
    }
}
