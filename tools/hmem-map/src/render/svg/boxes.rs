// SPDX-License-Identifier: GPL-2.0

//! Boxes with their labels and break marks.

use super::look::{Look, NAME, SMALL, UPRIGHT};
use super::Picture;
use crate::range::Range;
use crate::render::axis::Segment;
use crate::render::canvas::Anchor;

/// One box.
pub(super) struct Block<'a> {
    pub(super) range: Range,
    /// Top and bottom.
    pub(super) rows: (f64, f64),
    pub(super) look: Look,
    /// First line of the label: the first of these that fits.
    pub(super) name: &'a [&'a str],
    /// Second line.
    pub(super) below: &'a [&'a str],
    /// Shown where one points at the box.
    pub(super) title: String,
}

impl Picture<'_> {
    /// Draws a box with as much of its label as fits; whether the name did.
    pub(super) fn block(&mut self, block: Block<'_>) -> bool {
        let (left, right) = self.axis.span(block.range);
        // Neighbours must not share a line.
        let inner = (left + 0.75, (right - 0.75).max(left + 2.0));
        self.canvas
            .rect(inner, block.rows, &outline(block.look), &block.title);
        self.breaks(block.range, block.rows);
        let (left, right) = self.clear(block.range);
        let room = right - left - 8.0;
        let name = NAME.ink(block.look.ink);
        let small = SMALL.ink(block.look.ink);
        let Some(first) = block.name.iter().find(|l| name.width(l) <= room) else {
            return block.name.is_empty() || self.upright(&block, (left, right));
        };
        let tall = block.rows.1 - block.rows.0 >= 34.0;
        let fitting = block
            .below
            .iter()
            .find(|l| !l.is_empty() && small.width(l) <= room);
        let second = fitting.filter(|_| tall);
        let middle = (left + right) / 2.0;
        let centre = (block.rows.0 + block.rows.1) / 2.0;
        if block.look.is_hatched() {
            let wide = name
                .width(first)
                .max(second.map_or(0.0, |s| small.width(s)))
                / 2.0
                + 3.0;
            let high = if second.is_some() { 16.0 } else { 9.5 };
            let plate = r##"rx="3" fill="#ffffff" fill-opacity="0.92""##;
            let (across, down) = (
                (middle - wide, middle + wide),
                (centre - high, centre + high),
            );
            self.canvas.rect(across, down, plate, "");
        }
        let base = centre + if second.is_some() { -2.5 } else { 4.5 };
        self.canvas
            .text((middle, base), Anchor::Middle, name, first);
        if let Some(second) = second {
            self.canvas
                .text((middle, base + 15.0), Anchor::Middle, small, second);
        }
        true
    }

    /// Turns the shortest name of a narrow box, if it fits so.
    fn upright(&mut self, block: &Block<'_>, (left, right): (f64, f64)) -> bool {
        let font = UPRIGHT.ink(block.look.ink);
        let (top, bottom) = block.rows;
        let Some(name) = block
            .name
            .last()
            .filter(|n| font.width(n) <= bottom - top - 2.0)
        else {
            return false;
        };
        if right - left < 13.0 || block.look.is_hatched() {
            return false;
        }
        self.canvas
            .upright(((left + right) / 2.0, (top + bottom) / 2.0), font, name);
        true
    }

    /// The widest stretch of a box without a break mark: there is room for text.
    pub(super) fn clear(&self, range: Range) -> (f64, f64) {
        let (left, right) = self.axis.span(range);
        let mut gaps = Vec::new();
        let mut at = left;
        for fold in self.folds(range) {
            gaps.push((at, fold - 7.0));
            at = fold + 7.0;
        }
        gaps.push((at, right));
        let wider = |a: &&(f64, f64), b: &&(f64, f64)| (a.1 - a.0).total_cmp(&(b.1 - b.0));
        gaps.iter().max_by(wider).copied().unwrap_or((left, right))
    }

    /// Places of the break marks in `range`.
    fn folds(&self, range: Range) -> Vec<f64> {
        let folded = |s: &&Segment| s.compressed && range.contains(s.range);
        let place = |s: &Segment| s.right - ((s.right - s.left) / 2.0).min(16.0);
        self.axis
            .segments()
            .iter()
            .filter(folded)
            .map(place)
            .collect()
    }

    /// The mark of paper that was folded, over each stretch of a box that is not to scale.
    pub(super) fn breaks(&mut self, range: Range, (top, bottom): (f64, f64)) {
        for x in self.folds(range) {
            self.fold(x, top - 3.0, bottom + 3.0);
        }
    }

    /// One such mark.
    pub(super) fn fold(&mut self, x: f64, top: f64, bottom: f64) {
        let steps = ((bottom - top) / 5.0).ceil() as i32;
        let point = |n: i32| {
            (
                x + if n % 2 == 0 { 2.5 } else { -2.5 },
                top + 5.0 * f64::from(n),
            )
        };
        let points: Vec<(f64, f64)> = (0..=steps).map(point).collect();
        self.canvas
            .line(&points, r##"stroke="#ffffff" stroke-width="6""##);
        for shift in [-3.0, 3.0] {
            let edge: Vec<_> = points.iter().map(|(x, y)| (x + shift, *y)).collect();
            self.canvas
                .line(&edge, r##"stroke="#9aa3af" stroke-width="1""##);
        }
    }
}

/// SVG attributes of a look.
pub(super) fn outline(look: Look) -> String {
    let dash = if look.dashed {
        r#" stroke-dasharray="4 3""#
    } else {
        ""
    };
    format!(
        r#"rx="3" fill="{}" stroke="{}"{dash}"#,
        look.fill, look.line
    )
}
