// SPDX-License-Identifier: GPL-2.0

//! Rules: which memory they are about, and what they want to become of it.
//!
//! Nothing in here allocates, keeps state or touches the system, so that KUnit runs it in the
//! kernel and `tools/dax-policy` runs the same file, unchanged, on a host.
//!
//! All ranges are in bytes, with the last byte included.
//!
//! # Which rule counts
//!
//! The first rule that matches. All that a rule names must hold: the origin of the memory, its
//! node, and its range. What a rule does not say stays as it would be without the rule.
//!
//! # Ranges
//!
//! A region that cannot be cut (those of CXL) matches a range if the range covers it whole; a range
//! that covers only a part of it does not match, and is told about.
//!
//! Memory that firmware set aside is cut before it becomes regions. The DAX core wants regions that
//! start and end at multiples of a unit, 2 MiB on most machines. So there, a range stands for each
//! unit that it touches, and [`prefix`] finds out where to cut: as seldom as can be, that is, only
//! where the rule that counts is another one.

use kernel::{
    fmt,
    range::Range, //
};

/// Who made a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The driver of memory that firmware set aside.
    Hmem,
    /// The driver of CXL regions.
    Cxl,
    /// Somebody else, whom no rule can name.
    Other,
}

/// The driver that devices of a region are offered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// System RAM.
    Kmem,
    /// `/dev/daxX.Y`.
    DeviceDax,
    /// File systems.
    FsdevDax,
    /// No driver, until user space binds one.
    Unbound,
}

impl Driver {
    /// Returns the word for the driver.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kmem => "kmem",
            Self::DeviceDax => "device_dax",
            Self::FsdevDax => "fsdev_dax",
            Self::Unbound => "none",
        }
    }
}

/// What kmem does with the memory of a device when it is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Online {
    /// Nothing: there are no memory blocks.
    Unplugged,
    /// Brings it online, in the zone that the system prefers.
    Any,
    /// Brings it online for the kernel.
    Kernel,
    /// Brings it online for what can be moved away again.
    Movable,
}

impl Online {
    /// Returns the word for the online type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unplugged => "unplugged",
            Self::Any => "online",
            Self::Kernel => "online_kernel",
            Self::Movable => "online_movable",
        }
    }
}

/// What shall become of memory, as far as it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// The driver of the devices.
    pub driver: Option<Driver>,
    /// What kmem does with the memory.
    pub online: Option<Online>,
    /// Whether the memory map is to be placed on the memory itself.
    pub memmap: Option<bool>,
    /// Whether the memory must never become System RAM.
    pub never_ram: bool,
}

impl fmt::Display for Actions {
    /// Writes the words for the actions, or `default` if nothing is said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.driver.map(Driver::as_str),
            self.online.map(Online::as_str),
            self.memmap
                .map(|on| if on { "memmap=on" } else { "memmap=off" }),
            self.never_ram.then_some("never-ram"),
        ];
        let mut separator = "";

        for word in words.into_iter().flatten() {
            f.write_str(separator)?;
            f.write_str(word)?;
            separator = ",";
        }
        if separator.is_empty() {
            f.write_str("default")?;
        }
        Ok(())
    }
}

/// Memory that a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Who made the region.
    pub origin: Origin,
    /// The node that the memory belongs to once it is System RAM, if that is known.
    pub node: Option<u32>,
    /// The bytes of the region.
    pub range: Range,
}

/// How much of some memory a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nothing.
    No,
    /// Some bytes only, so that the rule does not match.
    Part,
    /// All of it: the rule matches.
    Whole,
}

/// Which memory a rule is about. All that is there must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Who made the region.
    pub origin: Option<Origin>,
    /// The node.
    pub node: Option<u32>,
    /// The bytes.
    pub range: Option<Range>,
}

impl Match {
    /// Returns whether origin and node hold.
    fn names(&self, origin: Origin, node: Option<u32>) -> bool {
        self.origin.is_none_or(|wanted| wanted == origin)
            && self.node.is_none_or(|wanted| node == Some(wanted))
    }

    /// Tells how much of `memory` this is about. `unit` is what regions start and end at, in bytes;
    /// a power of two.
    pub fn fit(&self, memory: &Memory, unit: u64) -> Fit {
        if !self.names(memory.origin, memory.node) {
            return Fit::No;
        }

        let range = match (self.range, memory.origin) {
            (None, _) => return Fit::Whole,
            (Some(range), Origin::Hmem) => touched(range, unit),
            (Some(range), Origin::Cxl | Origin::Other) => range,
        };
        if range.contains_range(&memory.range) {
            Fit::Whole
        } else if range.overlaps(&memory.range) {
            Fit::Part
        } else {
            Fit::No
        }
    }

    /// Returns whether this and `other` are about ranges of which each has bytes that the other one
    /// has too and bytes that it has not, of memory that origin and node do not tell apart.
    pub fn crosses(&self, other: &Self) -> bool {
        fn apart<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_some() && other.is_some() && one != other
        }

        match (self.range, other.range) {
            (Some(mine), Some(theirs)) => {
                !apart(self.origin, other.origin)
                    && !apart(self.node, other.node)
                    && mine.overlaps(&theirs)
                    && !mine.contains_range(&theirs)
                    && !theirs.contains_range(&mine)
            }
            _ => false,
        }
    }
}

/// Returns all units of which `range` has a byte.
fn touched(range: Range, unit: u64) -> Range {
    let offset = unit.wrapping_sub(1);

    // The start becomes no greater and the end no smaller, so there is such a range.
    Range::new(range.start() & !offset, range.end() | offset).unwrap_or(range)
}

/// A rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Which memory it is about.
    pub matches: Match,
    /// What shall become of it.
    pub actions: Actions,
    /// Where the rule starts in the text that it was read from, in bytes.
    pub start: usize,
    /// Where it ends there: the byte behind its last one.
    pub end: usize,
}

/// What a list of rules says about some memory. Rules are counted from zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The rule that counts: the first one that matches.
    pub rule: Option<usize>,
    /// The first rule before that one which is about a part of the memory only.
    pub partly: Option<usize>,
}

/// Tells what `rules` say about `memory`. For `unit`, see [`Match::fit`].
pub fn judge(rules: &[Rule], memory: &Memory, unit: u64) -> Verdict {
    let mut verdict = Verdict::default();

    for (number, rule) in rules.iter().enumerate() {
        match rule.matches.fit(memory, unit) {
            Fit::No => (),
            Fit::Part => {
                verdict.partly.get_or_insert(number);
            }
            Fit::Whole => {
                verdict.rule = Some(number);
                break;
            }
        }
    }

    verdict
}

/// Returns the first bytes of `range`, which firmware set aside, up to where another rule counts.
///
/// The result ends at the end of `range`, or right before a multiple of `unit`. If `range` starts
/// at such a multiple, then no rule that comes before the one that counts is about a part of it.
pub fn prefix(rules: &[Rule], node: Option<u32>, range: Range, unit: u64) -> Range {
    let named = || {
        rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.matches.names(Origin::Hmem, node))
            .map(|(number, rule)| (number, rule.matches.range.map(|r| touched(r, unit))))
    };
    let counts_at = |addr| {
        named()
            .find(|(_, range)| range.is_none_or(|r| r.contains(addr)))
            .map(|(number, _)| number)
    };

    let rule = counts_at(range.start());
    let mut from = range.start();
    loop {
        let edge = named()
            .filter_map(|(_, range)| range)
            .flat_map(|r| [Some(r.start()), r.end().checked_add(1)])
            .flatten()
            .filter(|&edge| from < edge && edge <= range.end())
            .min();

        match edge {
            Some(edge) if counts_at(edge) == rule => from = edge,
            // The edge lies above the start: there are bytes before it.
            Some(edge) => return range.before(edge).unwrap_or(range),
            None => return range,
        }
    }
}

#[cfg(any(test, CONFIG_DEV_DAX_POLICY_KUNIT_TEST))]
#[cfg_attr(
    CONFIG_DEV_DAX_POLICY_KUNIT_TEST,
    kernel::prelude::kunit_tests(dax_policy_rule)
)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const UNIT: u64 = 2 * MIB;

    /// The range of the mebibytes from `start` up to, but without, `end`.
    fn mib(start: u64, end: u64) -> Range {
        range(start * MIB, end * MIB - 1)
    }

    fn range(start: u64, end: u64) -> Range {
        Range::byte(start).span(&Range::byte(end))
    }

    fn rule(range: Option<Range>) -> Rule {
        Rule {
            matches: Match {
                range,
                ..Match::default()
            },
            ..Rule::default()
        }
    }

    fn memory(origin: Origin, range: Range) -> Memory {
        Memory {
            origin,
            node: Some(1),
            range,
        }
    }

    #[test]
    fn origin_and_node() {
        let hmem = memory(Origin::Hmem, mib(1024, 2048));
        let mut matches = Match {
            origin: Some(Origin::Hmem),
            node: Some(1),
            range: None,
        };

        assert_eq!(matches.fit(&hmem, UNIT), Fit::Whole);
        assert_eq!(matches.fit(&Memory { node: None, ..hmem }, UNIT), Fit::No);
        matches.node = Some(2);
        assert_eq!(matches.fit(&hmem, UNIT), Fit::No);
        matches.node = None;
        matches.origin = Some(Origin::Cxl);
        assert_eq!(matches.fit(&hmem, UNIT), Fit::No);
        matches.origin = None;
        assert_eq!(matches.fit(&hmem, UNIT), Fit::Whole);
    }

    #[test]
    fn what_cannot_be_cut_is_covered_whole_or_not_matched() {
        let cxl = memory(Origin::Cxl, mib(1024, 2048));
        let fit = |range| {
            Match {
                range: Some(range),
                ..Match::default()
            }
            .fit(&cxl, UNIT)
        };

        assert_eq!(fit(mib(1024, 2048)), Fit::Whole);
        assert_eq!(fit(mib(0, 4096)), Fit::Whole);
        assert_eq!(fit(mib(1024, 2047)), Fit::Part);
        // Not rounded: a byte less is less.
        assert_eq!(fit(range(1024 * MIB + 1, 2048 * MIB - 1)), Fit::Part);
        assert_eq!(fit(mib(2048, 4096)), Fit::No);
    }

    #[test]
    fn the_first_that_matches_counts() {
        let rules = [rule(Some(mib(1024, 1536))), rule(None), rule(None)];

        assert_eq!(
            judge(&rules, &memory(Origin::Hmem, mib(1024, 1030)), UNIT),
            Verdict {
                rule: Some(0),
                partly: None
            }
        );
        assert_eq!(
            judge(&rules, &memory(Origin::Cxl, mib(1024, 2048)), UNIT),
            Verdict {
                rule: Some(1),
                partly: Some(0)
            }
        );
        assert_eq!(
            judge(&[], &memory(Origin::Cxl, mib(1024, 2048)), UNIT),
            Verdict::default()
        );
    }

    #[test]
    fn cut_at_an_edge() {
        let rules = [rule(Some(mib(1024, 1536))), rule(None)];

        assert_eq!(prefix(&rules, None, mib(1024, 2048), UNIT), mib(1024, 1536));
        assert_eq!(prefix(&rules, None, mib(1536, 2048), UNIT), mib(1536, 2048));
        assert_eq!(prefix(&rules, None, mib(512, 2048), UNIT), mib(512, 1024));
        assert_eq!(prefix(&[], None, mib(512, 2048), UNIT), mib(512, 2048));
    }

    #[test]
    fn edges_are_rounded_outwards() {
        let rules = [rule(Some(range(1025 * MIB, 1537 * MIB)))];

        assert_eq!(prefix(&rules, None, mib(512, 2048), UNIT), mib(512, 1024));
        assert_eq!(prefix(&rules, None, mib(1024, 2048), UNIT), mib(1024, 1538));
        assert_eq!(
            rules[0]
                .matches
                .fit(&memory(Origin::Hmem, mib(1024, 1538)), UNIT),
            Fit::Whole
        );
    }

    #[test]
    fn no_cut_where_the_same_rule_counts() {
        // The edge of the second rule lies inside of the first one.
        let rules = [rule(Some(mib(0, 2048))), rule(Some(mib(1024, 4096)))];

        assert_eq!(prefix(&rules, None, mib(512, 2048), UNIT), mib(512, 2048));
        assert_eq!(prefix(&rules, None, mib(512, 4096), UNIT), mib(512, 2048));

        // Rules about other memory do not cut.
        let mut other = rule(Some(mib(1024, 1536)));
        other.matches.node = Some(3);
        assert_eq!(
            prefix(&[other], Some(1), mib(512, 4096), UNIT),
            mib(512, 4096)
        );
        assert_eq!(
            prefix(&[other], Some(3), mib(512, 4096), UNIT),
            mib(512, 1024)
        );
    }

    #[test]
    fn the_top_of_the_address_space() {
        let top = range(u64::MAX - 4 * MIB + 1, u64::MAX);
        let rules = [rule(Some(range(u64::MAX - 1, u64::MAX)))];

        assert_eq!(prefix(&rules, None, top, UNIT).end(), u64::MAX - UNIT);
        assert_eq!(
            prefix(&rules, None, range(u64::MAX - UNIT + 1, u64::MAX), UNIT).end(),
            u64::MAX
        );
    }

    #[test]
    fn crossing() {
        let of = |range| Match {
            range: Some(range),
            ..Match::default()
        };
        let (low, high) = (of(mib(0, 20)), of(mib(10, 30)));

        assert!(low.crosses(&high) && high.crosses(&low));
        assert!(!low.crosses(&of(mib(4, 8))) && !of(mib(4, 8)).crosses(&low));
        assert!(!low.crosses(&of(mib(20, 30))));
        assert!(!low.crosses(&low) && !low.crosses(&Match::default()));

        let node = |node, matches| Match {
            node: Some(node),
            ..matches
        };
        assert!(!node(1, low).crosses(&node(2, high)));
        assert!(node(1, low).crosses(&high));
    }
}
