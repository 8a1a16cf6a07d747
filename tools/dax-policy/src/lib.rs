// SPDX-License-Identifier: GPL-2.0

//! The policy of the DAX core, for tools on a host.
//!
//! What the kernel understands, refuses and matches is in `drivers/dax/policy_rs/`; those files are
//! compiled here unchanged. This file only keeps the rules, as `table.rs` does in the kernel.

#[path = "../../../drivers/dax/policy_rs/cases.rs"]
pub mod cases;
#[path = "../../../drivers/dax/policy_rs/cursor.rs"]
pub mod cursor;
#[path = "../../../drivers/dax/policy_rs/grammar.rs"]
pub mod grammar;
#[path = "../../../drivers/dax/policy_rs/rule.rs"]
pub mod rule;

pub use cursor::Refusal;
pub use kernel::range::Range;
pub use rule::{Memory, Origin, Rule, Verdict};

/// What the regions of the DAX core start and end at, in bytes, on x86.
pub const UNIT: u64 = 2 << 20;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    text: String,
    rules: Vec<Rule>,
}

impl Policy {
    /// Reads a policy; `has_node` tells whether the machine can have a node.
    ///
    /// # Errors
    ///
    /// The first fault, as the kernel finds it.
    pub fn parse(text: &str, has_node: impl Fn(u32) -> bool) -> Result<Self, Refusal> {
        let mut rules = Vec::new();

        for rule in grammar::Rules::new(text.as_bytes(), has_node) {
            let rule = rule?;
            grammar::admit(&rules, &rule)?;
            rules.push(rule);
        }
        Ok(Self {
            text: text.to_owned(),
            rules,
        })
    }

    /// Returns the rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the text of a rule, without the spaces around it.
    pub fn text(&self, rule: &Rule) -> &str {
        self.text.get(rule.start..rule.end).unwrap_or_default()
    }

    /// Tells what the rules say about a region.
    pub fn judge(&self, memory: &Memory) -> Verdict {
        rule::judge(&self.rules, memory, UNIT)
    }

    /// Cuts a range that firmware set aside where another rule counts.
    pub fn pieces(&self, node: Option<u32>, range: Range) -> Vec<Range> {
        let mut pieces = Vec::new();
        let mut rest = Some(range);

        while let Some(range) = rest {
            let piece = rule::prefix(&self.rules, node, range, UNIT);
            pieces.push(piece);
            rest = range.after(piece.end());
        }
        pieces
    }
}
