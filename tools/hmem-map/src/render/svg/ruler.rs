// SPDX-License-Identifier: GPL-2.0

//! What lies around the lanes: guides, addresses, legend, scale.

use super::boxes::outline;
use super::look::{self, Look, FAINT, REGION, RESERVED, RULE, SMALL};
use super::{Picture, LEFT, RIGHT, WIDTH};
use crate::model::{AreaKind, Owner, Part};
use crate::range::Range;
use crate::render::canvas::Anchor;
use crate::render::labels::Labels;
use crate::text;
use std::collections::BTreeSet;

impl Picture<'_> {
    /// Thin lines down through all lanes, at the ends of the Soft Reserved ranges.
    pub(super) fn guides(&mut self, top: f64, bottom: f64) {
        let style = r##"stroke="#e3c77a" stroke-width="1" stroke-dasharray="2 3""##;
        for entry in &self.map.soft_reserved {
            let (left, right) = self.axis.span(entry.range);
            self.canvas.line(&[(left, top), (left, bottom)], style);
            self.canvas.line(&[(right, top), (right, bottom)], style);
        }
    }

    /// Addresses below the lanes.
    pub(super) fn ruler(&mut self, top: f64) {
        self.y = top + 6.0;
        self.canvas
            .line(&[(LEFT, self.y), (WIDTH - RIGHT, self.y)], RULE);
        let folded = self.axis.segments().iter().filter(|s| s.compressed);
        let holes: Vec<f64> = folded.map(|s| (s.left + s.right) / 2.0).collect();
        for x in holes {
            self.fold(x, self.y - 5.0, self.y + 5.0);
        }
        let mut labels = Labels::new(LEFT - 44.0, WIDTH - 6.0, 3);
        let mut deepest = 0;
        for (address, x) in self.marks() {
            let hex = format!("{address:#x}");
            let human = if address == 0 {
                "0".into()
            } else {
                text::size(address)
            };
            let width = SMALL.width(&hex).max(FAINT.width(&human));
            let Some((row, left)) = labels.place(x, width) else {
                continue;
            };
            deepest = deepest.max(row);
            let base = self.y + 18.0 + 31.0 * row as f64;
            self.canvas.line(&[(x, self.y), (x, base - 11.0)], RULE);
            let middle = left + width / 2.0;
            self.canvas
                .text((middle, base), Anchor::Middle, SMALL, &hex);
            self.canvas
                .text((middle, base + 13.0), Anchor::Middle, FAINT, &human);
        }
        self.y += 18.0 + 31.0 * deepest as f64 + 13.0;
    }

    /// Addresses worth a label, the most important first: where there is no room, the last give way.
    fn marks(&self) -> Vec<(u64, f64)> {
        let areas = &self.map.areas;
        let of = |kind| {
            areas
                .iter()
                .filter(move |a| a.kind == kind)
                .map(|a| a.range)
        };
        let mut ranges: Vec<Range> = of(AreaKind::SoftReserved).collect();
        ranges.extend(of(AreaKind::CxlWindow));
        ranges.extend(areas.iter().flat_map(|a| &a.parts).map(|p| p.range));
        ranges.extend(&self.ram);
        let mut marks: Vec<(u64, f64)> = Vec::new();
        for range in ranges {
            let (left, right) = self.axis.span(range);
            marks.push((range.start(), left));
            marks.extend(range.end().checked_add(1).map(|end| (end, right)));
        }
        let mut seen = BTreeSet::new();
        marks.retain(|(address, _)| seen.insert(*address));
        marks
    }

    /// Only what occurs, then the scale.
    pub(super) fn legend(&mut self) {
        let (mut x, mut y) = (LEFT, self.y + 20.0);
        for (name, look) in self.keys() {
            let width = 24.0 + SMALL.width(name) + 14.0;
            if x + width > WIDTH - RIGHT {
                (x, y) = (LEFT, y + 22.0);
            }
            self.canvas
                .rect((x, x + 18.0), (y, y + 13.0), &outline(look), "");
            self.canvas
                .text((x + 24.0, y + 11.0), Anchor::Start, SMALL, name);
            x += width;
        }
        self.scale_bar(y + 24.0);
        self.y = y + 54.0;
    }

    fn keys(&self) -> Vec<(&'static str, Look)> {
        type Pick = fn(&Part) -> bool;
        const KEYS: [(&str, Pick); 8] = [
            ("CXL region", |p| matches!(p.owner, Owner::Cxl { .. })),
            ("hmem", |p| matches!(p.owner, Owner::Hmem { .. })),
            ("other dax", |p| matches!(p.owner, Owner::Dax { .. })),
            ("claimed twice", |p| {
                matches!(p.owner, Owner::Conflict { .. })
            }),
            ("trimmed", |p| p.owner == Owner::Trimmed),
            ("waiting for CXL", |p| p.owner == Owner::Waiting),
            ("Soft Reserved, but nobody's", |p| {
                p.owner == Owner::Nobody && p.soft_reserved
            }),
            ("hidden", |p| p.owner == Owner::Unknown),
        ];
        let parts = self.parts();
        let reserved = (!self.map.soft_reserved.is_empty()).then_some(("Soft Reserved", RESERVED));
        let found = KEYS.iter().filter_map(|(name, pick)| {
            let part = parts.iter().find(|p| pick(p))?;
            Some((*name, look::owner(&part.owner, part.soft_reserved)))
        });
        let mut keys: Vec<_> = reserved.into_iter().chain(found).collect();
        if self.map.cxl.regions.iter().any(|r| r.range.is_some()) {
            keys.retain(|(name, _)| *name != KEYS[0].0);
            keys.insert(1.min(keys.len()), (KEYS[0].0, REGION));
        }
        keys
    }

    /// A bar of a round number of bytes, and what the break mark means.
    fn scale_bar(&mut self, y: f64) {
        let scale = self.axis.scale();
        // The largest power of two that is not too long; none if nothing is to scale.
        let bytes = (12..60)
            .rev()
            .map(|n| 1u64 << n)
            .find(|b| *b as f64 * scale <= 160.0);
        let mut x = LEFT;
        let bar = bytes
            .map(|b| (b, b as f64 * scale))
            .filter(|(_, width)| *width >= 8.0);
        if let Some((bytes, width)) = bar {
            let ends = [(x, y), (x, y + 10.0), (x + width, y + 10.0), (x + width, y)];
            self.canvas
                .line(&ends, r##"stroke="#1f2630" stroke-width="1.2""##);
            let label = text::size(bytes);
            self.canvas
                .text((x + width + 8.0, y + 10.0), Anchor::Start, SMALL, &label);
            x += width + 8.0 + SMALL.width(&label) + 24.0;
        }
        if self.axis.segments().iter().any(|s| s.compressed) {
            self.fold(x + 4.0, y - 2.0, y + 13.0);
            let text = "shortened, not to scale";
            self.canvas
                .text((x + 20.0, y + 10.0), Anchor::Start, SMALL, text);
        }
    }
}
