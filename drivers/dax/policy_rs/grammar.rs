// SPDX-License-Identifier: GPL-2.0

//! The words of the policy: from text to rules.
//!
//! Nothing in here allocates, keeps state or touches the system: see [`rule`](crate::rule).
//!
//! ```text
//! policy := rule { ";" rule }              first match wins; spaces around tokens are allowed
//! rule   := match ":" action { "," action }
//! match  := "*" | term { "+" term }        all terms must hold
//! term   := "hmem" | "cxl" | "node" N | START "-" END | SIZE "@" START
//! action := "kmem" | "device_dax" | "fsdev_dax" | "none"
//!         | "unplugged" | "online" | "online_kernel" | "online_movable"
//!         | "memmap=on" | "memmap=off" | "never-ram"
//! ```
//!
//! Addresses and sizes are in bytes: decimal, or hexadecimal after `0x`, then `K`, `M`, `G` or `T`
//! if wanted. `END` is the last byte. `N` is decimal. A tab counts as a space, and what follows the
//! policy at the end, spaces, newlines, carriage returns and NUL bytes, is ignored. No rule at all
//! is a policy too.
//!
//! What is refused although the grammar allows it, since nobody can mean it:
//!
//! - a match that no memory can fulfil: `hmem+cxl`, two nodes, ranges without a common byte;
//! - two actions of one rule for the same thing: `kmem,none`, `online,online`;
//! - a node that the machine cannot have;
//! - ranges of two rules that overlap, neither within the other: whether the one or the other is
//!   meant for what they share would be left to their order. A range within one of a later rule is
//!   an exception to that rule.

use crate::{
    cursor::{
        Cursor,
        Reason,
        Refusal,
        MAX_LEN, //
    },
    rule::{
        Actions,
        Driver,
        Match,
        Online,
        Origin,
        Rule, //
    },
};
use kernel::range::Range;

/// Returns `text` without what is ignored at its end.
pub fn strip(text: &[u8]) -> &[u8] {
    let is_ignored = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0);
    let mut text = text;

    while let [rest @ .., last] = text {
        if !is_ignored(last) {
            break;
        }
        text = rest;
    }
    text
}

/// Reads actions alone, as in `kmem,unplugged`. Nothing, and `default`, are no actions.
pub fn actions(text: &[u8]) -> Result<Actions, Refusal> {
    let mut cursor = Cursor::new(strip(text));

    if cursor.is_at_end() || cursor.rest() == b"default" {
        return Ok(Actions::default());
    }
    let actions = cursor.actions()?;
    if !cursor.is_at_end() {
        return Err(cursor.refuse(Reason::NoSeparator));
    }
    Ok(actions)
}

/// Refuses `rule` if its range [crosses](Match::crosses) that of an earlier rule.
pub fn admit(earlier: &[Rule], rule: &Rule) -> Result<(), Refusal> {
    match earlier
        .iter()
        .position(|other| other.matches.crosses(&rule.matches))
    {
        None => Ok(()),
        Some(number) => Err(Refusal {
            at: rule.start,
            reason: Reason::Overlap(number.saturating_add(1)),
        }),
    }
}

/// The rules of a policy, one after the other, up to the first fault.
///
/// Whoever collects them [admits](admit) each.
pub struct Rules<'a, N> {
    cursor: Cursor<'a>,
    has_node: N,
    over: bool,
}

impl<'a, N: Fn(u32) -> bool> Rules<'a, N> {
    /// Begins to read `text`. `has_node` tells whether the machine can have a node.
    pub fn new(text: &'a [u8], has_node: N) -> Self {
        let cursor = Cursor::new(strip(text));

        Self {
            over: cursor.is_at_end(),
            cursor,
            has_node,
        }
    }
}

impl<N: Fn(u32) -> bool> Iterator for Rules<'_, N> {
    type Item = Result<Rule, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        if self.cursor.text.len() > MAX_LEN {
            self.over = true;
            return Some(Err(Refusal {
                at: MAX_LEN,
                reason: Reason::TooLong,
            }));
        }

        let rule = self.cursor.rule(&self.has_node);
        self.over = rule.is_err() || self.cursor.is_at_end();
        if !self.over && !self.cursor.take(b';') {
            self.over = true;
            return Some(Err(self.cursor.refuse(Reason::NoSeparator)));
        }
        Some(rule)
    }
}

impl Cursor<'_> {
    fn rule(&mut self, has_node: impl Fn(u32) -> bool) -> Result<Rule, Refusal> {
        let start = self.at;
        let matches = self.matches(has_node)?;

        if !self.take(b':') {
            return Err(self.refuse(Reason::NoColon));
        }
        let actions = self.actions()?;
        let end = start.saturating_add(strip(self.text.get(start..self.at).unwrap_or(&[])).len());
        Ok(Rule {
            matches,
            actions,
            start,
            end,
        })
    }

    fn matches(&mut self, has_node: impl Fn(u32) -> bool) -> Result<Match, Refusal> {
        let mut matches = Match::default();

        if self.take(b'*') {
            return Ok(matches);
        }
        loop {
            self.term(&mut matches, &has_node)?;
            if !self.take(b'+') {
                return Ok(matches);
            }
        }
    }

    /// Adds a term to `matches`.
    fn term(&mut self, matches: &mut Match, has_node: impl Fn(u32) -> bool) -> Result<(), Refusal> {
        let start = self.at;
        let refuse = |reason| Err(Refusal { at: start, reason });

        match self.peek() {
            Some(byte) if byte.is_ascii_digit() => {
                let range = self.range()?;
                let common = matches
                    .range
                    .map_or(Some(range), |before| before.intersection(&range));
                if common.is_none() {
                    return refuse(Reason::Contradiction);
                }
                matches.range = common;
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                match self.run(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
                    b"hmem" if matches.origin.is_none_or(|o| o == Origin::Hmem) => {
                        matches.origin = Some(Origin::Hmem);
                    }
                    b"cxl" if matches.origin.is_none_or(|o| o == Origin::Cxl) => {
                        matches.origin = Some(Origin::Cxl);
                    }
                    b"hmem" | b"cxl" => return refuse(Reason::Contradiction),
                    b"node" => {
                        let node = self.node(has_node)?;
                        if matches.node.is_some_and(|before| before != node) {
                            return refuse(Reason::Contradiction);
                        }
                        matches.node = Some(node);
                    }
                    _ => return refuse(Reason::UnknownTerm),
                }
                self.skip_spaces();
            }
            _ => return refuse(Reason::NoMatch),
        }
        Ok(())
    }

    /// Takes the number of a node.
    fn node(&mut self, has_node: impl Fn(u32) -> bool) -> Result<u32, Refusal> {
        self.skip_spaces();

        let start = self.at;
        let node = self.digits(10)?;
        if self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            return Err(self.refuse(Reason::BadNumber));
        }
        let refuse = |reason| Refusal { at: start, reason };
        let node = u32::try_from(node).map_err(|_| refuse(Reason::TooBig))?;
        if !has_node(node) {
            return Err(refuse(Reason::NoSuchNode));
        }
        Ok(node)
    }

    /// Takes `START-END` or `SIZE@START`.
    fn range(&mut self) -> Result<Range, Refusal> {
        let start = self.at;
        let refuse = |reason| Refusal { at: start, reason };
        let first = self.number()?;

        if self.take(b'-') {
            let last = self.number()?;
            Range::new(first, last).ok_or(refuse(Reason::EmptyRange))
        } else if self.take(b'@') {
            let at = self.number()?;
            if first == 0 {
                return Err(refuse(Reason::EmptyRange));
            }
            Range::from_start_len(at, first).ok_or(refuse(Reason::BeyondTop))
        } else {
            Err(self.refuse(Reason::NoRange))
        }
    }

    fn actions(&mut self) -> Result<Actions, Refusal> {
        let mut actions = Actions::default();

        loop {
            self.action(&mut actions)?;
            if !self.take(b',') {
                return Ok(actions);
            }
        }
    }

    /// Adds an action to `actions`.
    fn action(&mut self, actions: &mut Actions) -> Result<(), Refusal> {
        let start = self.at;
        let refuse = |reason| Refusal { at: start, reason };
        let word = self.run(|byte| byte.is_ascii_alphanumeric() || b"_=-".contains(&byte));

        let before = match word {
            b"kmem" => actions.driver.replace(Driver::Kmem).is_some(),
            b"device_dax" => actions.driver.replace(Driver::DeviceDax).is_some(),
            b"fsdev_dax" => actions.driver.replace(Driver::FsdevDax).is_some(),
            b"none" => actions.driver.replace(Driver::Unbound).is_some(),
            b"unplugged" => actions.online.replace(Online::Unplugged).is_some(),
            b"online" => actions.online.replace(Online::Any).is_some(),
            b"online_kernel" => actions.online.replace(Online::Kernel).is_some(),
            b"online_movable" => actions.online.replace(Online::Movable).is_some(),
            b"memmap=on" => actions.memmap.replace(true).is_some(),
            b"memmap=off" => actions.memmap.replace(false).is_some(),
            b"never-ram" => core::mem::replace(&mut actions.never_ram, true),
            b"" => return Err(refuse(Reason::NoAction)),
            _ => return Err(refuse(Reason::UnknownAction)),
        };
        if before {
            return Err(refuse(Reason::SaidTwice));
        }
        self.skip_spaces();
        Ok(())
    }
}
