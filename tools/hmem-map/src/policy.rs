// SPDX-License-Identifier: GPL-2.0

//! What a policy would make of a machine.
//!
//! Rules are read, refused and matched by the kernel's own code, which the crate `dax-policy` holds.

use crate::model::{AreaKind, Map, Owner, Part};
use crate::range::Range;
use crate::text;
use crate::tree::Tree;
use dax_policy::rule::{Driver, Online};
use dax_policy::{Memory, Origin, Policy, Refusal};
use serde::Serialize;
use std::fmt;

/// What a policy would make of each range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The ranges, ascending.
    pub ranges: Vec<Outcome>,
    /// What deserves attention.
    pub warnings: Vec<String>,
}

/// What a policy would make of one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The addresses of the region.
    pub range: Range,
    /// Who makes it: `hmem`, or the CXL region.
    pub origin: String,
    /// The node, where known.
    pub node: Option<i32>,
    /// The number of the rule that counts, from 1.
    pub rule: Option<usize>,
    /// The text of that rule.
    pub text: Option<String>,
    /// What it says.
    pub actions: String,
}

/// The nodes that the machine can have, from sysfs or a recording; [`None`] if no file tells.
pub fn nodes(tree: &Tree) -> Option<Vec<u32>> {
    let list = tree.text("/sys/devices/system/node/possible")?;
    let mut nodes = Vec::new();

    for item in list.trim().split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        // No machine has more than a few thousand, whatever a recording says.
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        nodes.extend((first..=last).take(1 << 16));
    }
    Some(nodes)
}

/// Tells what the policy `rules` would make of the machine.
///
/// # Errors
///
/// What the kernel would refuse, in several lines that show the place.
pub fn check(map: &Map, nodes: Option<Vec<u32>>, rules: &str) -> Result<Report, String> {
    let has_node = |node| nodes.as_ref().is_none_or(|nodes| nodes.contains(&node));
    let policy = Policy::parse(rules, has_node).map_err(|refusal| explain(rules, refusal))?;
    let mut report = Report {
        ranges: Vec::new(),
        warnings: Vec::new(),
    };

    for (range, node) in hmem_ranges(map) {
        let wide = node.and_then(|node| u32::try_from(node).ok());
        for piece in policy.pieces(wide, shared(range)) {
            report.add(&policy, "hmem".into(), Origin::Hmem, own(piece), node);
        }
    }
    for region in &map.cxl.regions {
        let node = node_of(map, &region.name);
        match (region.range, region.committed) {
            (Some(range), Some(true)) => {
                report.add(&policy, region.name.clone(), Origin::Cxl, range, node);
            }
            (None, Some(true)) => report.warnings.push(format!(
                "{}: its addresses are hidden from this user; root sees more",
                region.name
            )),
            _ => {}
        }
    }
    report.ranges.sort_by_key(|outcome| outcome.range);
    report.look_at(&policy);
    Ok(report)
}

/// What firmware set aside and CXL does not have, as it would be without a policy.
fn hmem_ranges(map: &Map) -> Vec<(Range, Option<i32>)> {
    let mut ranges: Vec<(Range, Option<i32>, &Part)> = Vec::new();
    let areas = map
        .areas
        .iter()
        .filter(|area| area.kind == AreaKind::SoftReserved);

    for area in areas {
        let parts = area
            .parts
            .iter()
            .filter(|part| matches!(part.owner, Owner::Hmem { .. } | Owner::Waiting));
        for part in parts {
            match ranges.last_mut() {
                // Cut by the policy that is in force now, or by nothing that a policy changes.
                Some((range, node, before))
                    if range.end().checked_add(1) == Some(part.range.start())
                        && *node == part.node
                        && before.window == part.window
                        && area.range.contains(*range) =>
                {
                    *range = Range::new(range.start(), part.range.end()).unwrap_or(*range);
                }
                _ => ranges.push((part.range, part.node, part)),
            }
        }
    }
    ranges
        .into_iter()
        .map(|(range, node, _)| (range, node))
        .collect()
}

/// The node of a CXL region, as a dax device or the map of who owns what tells it.
fn node_of(map: &Map, region: &str) -> Option<i32> {
    let on = map
        .dax_regions
        .iter()
        .find(|r| r.cxl_region.as_deref() == Some(region));
    let device = on.and_then(|r| map.dax_devices_on(&r.parent).find_map(|d| d.target_node));
    device.or_else(|| {
        map.areas
            .iter()
            .flat_map(|area| &area.parts)
            .find(|part| matches!(&part.owner, Owner::Cxl { region: name } if name == region))?
            .node
    })
}

fn shared(range: Range) -> dax_policy::Range {
    // Neither type has an empty range.
    dax_policy::Range::new(range.start(), range.end()).expect("not empty")
}

fn own(range: dax_policy::Range) -> Range {
    Range::new(range.start(), range.end()).expect("not empty")
}

/// The refusal, and the place under the rules.
fn explain(rules: &str, refusal: Refusal) -> String {
    let shown: String = rules
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let column = rules.get(..refusal.at).unwrap_or(rules).chars().count();
    format!("{refusal}\n  {shown}\n  {:column$}^", "")
}

impl Report {
    fn add(
        &mut self,
        policy: &Policy,
        origin: String,
        from: Origin,
        range: Range,
        node: Option<i32>,
    ) {
        let verdict = policy.judge(&Memory {
            origin: from,
            node: node.and_then(|node| u32::try_from(node).ok()),
            range: shared(range),
        });
        let rule = verdict.rule.and_then(|number| policy.rules().get(number));

        if let Some(number) = verdict.partly {
            self.warnings.push(format!(
                "rule {}: covers only a part of {origin}, {range}, which cannot be cut: it does not count there",
                number + 1
            ));
        }
        self.ranges.push(Outcome {
            range,
            origin,
            node,
            rule: verdict.rule.map(|number| number + 1),
            text: rule.map(|rule| policy.text(rule).to_string()),
            actions: rule.map_or_else(|| "default".into(), |rule| rule.actions.to_string()),
        });
    }

    /// Warns of rules that are allowed, but can hardly be meant.
    fn look_at(&mut self, policy: &Policy) {
        for (number, rule) in policy.rules().iter().enumerate() {
            let actions = &rule.actions;
            let mut warn = |text: &str| {
                self.warnings.push(format!("rule {}: {text}", number + 1));
            };

            if !self.ranges.iter().any(|r| r.rule == Some(number + 1)) {
                warn("counts for no memory that is there now");
            }
            if actions.never_ram
                && (actions.driver == Some(Driver::Kmem) || actions.online.is_some())
            {
                warn("never-ram: kmem will refuse the memory, whatever else the rule says");
            }
            if actions.driver.is_some_and(|d| d != Driver::Kmem)
                && actions.online.is_some_and(|o| o != Online::Unplugged)
            {
                warn("the online type counts once kmem is bound by hand, it is not by the rule");
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: fn(&Outcome) -> String| {
            self.ranges
                .iter()
                .map(|r| column(r).chars().count())
                .max()
                .unwrap_or(0)
        };
        let node = |r: &Outcome| {
            r.node
                .filter(|n| *n >= 0)
                .map_or_else(|| "no node".into(), |n| format!("node {n}"))
        };
        let columns: [fn(&Outcome) -> String; 4] = [
            |r| r.range.to_string(),
            |r| text::size(r.range.size()),
            |r| r.origin.clone(),
            |r| r.actions.clone(),
        ];
        let [range, size, origin, actions] = columns.map(width);

        for r in &self.ranges {
            let rule = match (r.rule, &r.text) {
                (Some(number), Some(text)) => format!("rule {number}: {text}"),
                _ => "no rule".into(),
            };
            writeln!(
                f,
                "{:range$}  {:>size$}  {:origin$}  {:8}  {:actions$}  {rule}",
                r.range,
                text::size(r.range.size()),
                r.origin,
                node(r),
                r.actions,
            )?;
        }
        if self.ranges.is_empty() {
            writeln!(
                f,
                "no memory that a policy is about, or none that this user may see"
            )?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}
