// SPDX-License-Identifier: GPL-2.0

//! The table of rules in force.

use crate::{
    border,
    grammar::{
        self,
        Rules, //
    },
    rule::{
        self,
        Memory,
        Rule,
        Verdict, //
    },
};
use kernel::{
    fmt,
    prelude::*,
    range::Range,
    sync::Arc, //
};

/// What a policy says, and its text.
pub(crate) struct Table {
    text: KVec<u8>,
    rules: KVec<Rule>,
}

impl Table {
    /// Reads a policy. Tells `what` was refused, where and why, if it is.
    fn read(text: &[u8], what: &str) -> Result<Self> {
        let text = grammar::strip(text);
        let mut rules = KVec::new();

        for rule in Rules::new(text, border::has_node) {
            match rule.and_then(|rule| grammar::admit(&rules, &rule).map(|()| rule)) {
                Ok(rule) => rules.push(rule, GFP_KERNEL)?,
                Err(refusal) => {
                    pr_err!("policy: {} refused, {}\n", what, refusal);
                    return Err(EINVAL);
                }
            }
        }

        let mut copy = KVec::new();
        copy.extend_from_slice(text, GFP_KERNEL)?;
        Ok(Self { text: copy, rules })
    }

    /// Tells what the rules say about `memory`.
    pub(crate) fn judge(&self, memory: &Memory) -> Verdict {
        rule::judge(&self.rules, memory, border::UNIT)
    }

    /// Returns a rule, counted from zero.
    pub(crate) fn rule(&self, number: usize) -> Option<&Rule> {
        self.rules.get(number)
    }

    /// Returns what shows a rule, counted from zero, in messages and files.
    pub(crate) fn show(&self, number: usize) -> impl fmt::Display + '_ {
        let text = self
            .rules
            .get(number)
            .and_then(|rule| self.text.get(rule.start..rule.end))
            .and_then(|text| core::str::from_utf8(text).ok());

        ShownRule {
            number: number.saturating_add(1),
            text: text.unwrap_or(""),
        }
    }

    /// Returns the text, as it was set.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

struct ShownRule<'a> {
    number: usize,
    text: &'a str,
}

impl fmt::Display for ShownRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}: {}", self.number, self.text)
    }
}

/// Puts a new table in force, or changes nothing.
///
/// Fails with [`EINVAL`] if the policy is refused, which is logged, and with [`ENOMEM`].
pub(crate) fn set(text: &[u8], what: &str) -> Result {
    let table = Arc::new(Table::read(text, what)?, GFP_KERNEL)?;

    pr_info!("policy: {} rules\n", table.rules.len());
    border::swap_table(table);
    Ok(())
}

/// Returns the table in force. [`None`] if none was set.
pub(crate) fn current() -> Option<Arc<Table>> {
    border::table()
}

/// Returns the first bytes of `range`, which firmware set aside, up to where another rule counts.
pub(crate) fn prefix(node: Option<u32>, range: Range) -> Range {
    current().map_or(range, |table| {
        rule::prefix(&table.rules, node, range, border::UNIT)
    })
}
