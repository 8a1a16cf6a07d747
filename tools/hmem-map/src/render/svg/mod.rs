// SPDX-License-Identifier: GPL-2.0

//! The picture: the address space from left to right, a lane for each view of it.

mod boxes;
mod lanes;
mod look;
mod owners;
mod ruler;

use super::axis::{Axis, Stretch};
use super::canvas::{Anchor, Canvas};
use crate::model::{Map, NoteKind, Owner};
use crate::range::Range;
use crate::text;
use look::{PATTERNS, SMALL, SUBTITLE, TITLE};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 124.0;
const RIGHT: f64 = 26.0;
const GAP: f64 = 16.0;

/// The map as an SVG file.
pub fn render(map: &Map) -> String {
    let mut picture = Picture {
        map,
        canvas: Canvas::default(),
        ram: ram(map),
        axis: Axis::new(&[], LEFT, WIDTH - LEFT - RIGHT),
        y: 64.0,
    };
    picture.axis = Axis::new(&picture.stretches(), LEFT, WIDTH - LEFT - RIGHT);
    picture.draw()
}

struct Picture<'a> {
    map: &'a Map,
    canvas: Canvas,
    /// Plain System RAM, without its small holes.
    ram: Vec<Range>,
    axis: Axis,
    /// Top of what comes next.
    y: f64,
}

/// System RAM that no dax device made; holes that are too small to matter here are closed.
fn ram(map: &Map) -> Vec<Range> {
    const HOLE: u64 = 64 << 20;
    let plain = map
        .iomem
        .iter()
        .filter(|e| e.name == "System RAM")
        .map(|e| e.range);
    let firmware = map
        .firmware_map
        .iter()
        .filter(|e| e.kind == "System RAM")
        .map(|e| e.range);
    let mut all: Vec<Range> = if map.iomem.is_empty() {
        firmware.collect()
    } else {
        plain.collect()
    };
    all.sort();
    let mut merged: Vec<Range> = Vec::new();
    for range in all {
        match merged
            .last_mut()
            .filter(|l| range.start() <= l.end().saturating_add(HOLE))
        {
            Some(last) => {
                *last = Range::new(last.start(), last.end().max(range.end())).unwrap_or(*last)
            }
            None => merged.push(range),
        }
    }
    merged.retain(|r| r.size() > HOLE);
    // Where firmware says RAM and something else says Soft Reserved, the latter is right.
    let reserved = map.soft_reserved.iter().map(|s| s.range);
    reserved.fold(merged, |ram, hole| {
        ram.into_iter().flat_map(|r| without(r, hole)).collect()
    })
}

/// What `hole` leaves of `range`.
fn without(range: Range, hole: Range) -> Vec<Range> {
    let Some(hole) = range.intersection(hole) else {
        return vec![range];
    };
    let below = hole
        .start()
        .checked_sub(1)
        .and_then(|end| Range::new(range.start(), end));
    let above = hole
        .end()
        .checked_add(1)
        .and_then(|start| Range::new(start, range.end()));
    below.into_iter().chain(above).collect()
}

impl Picture<'_> {
    /// Everything worth seeing, ascending, with the holes between.
    fn stretches(&self) -> Vec<(Range, Stretch)> {
        let map = self.map;
        let parts = || map.areas.iter().flat_map(|a| &a.parts);
        let mut edges: Vec<u64> = Vec::new();
        let mut cover = |range: Range| {
            edges.push(range.start());
            edges.extend(range.end().checked_add(1));
        };
        parts().for_each(|p| cover(p.range));
        self.ram.iter().for_each(|r| cover(*r));
        map.dax_devices
            .iter()
            .flat_map(|d| &d.mappings)
            .for_each(|m| cover(m.range));
        edges.sort_unstable();
        edges.dedup();
        let mut stretches: Vec<(Range, Stretch)> = Vec::new();
        for (index, start) in edges.iter().enumerate() {
            let end = edges.get(index + 1).map_or(u64::MAX, |next| next - 1);
            let Some(range) = Range::new(*start, end) else {
                continue;
            };
            let part = parts().find(|p| p.range.contains(range));
            let dax = map
                .dax_devices
                .iter()
                .flat_map(|d| &d.mappings)
                .any(|m| m.range.overlaps(range));
            let stretch = match part {
                _ if dax => Stretch::ToScale,
                Some(part) if part.soft_reserved || part.owner != Owner::Nobody => Stretch::ToScale,
                // The rest of a window.
                Some(_) => Stretch::AtMost(150),
                None if self.ram.iter().any(|r| r.contains(range)) => Stretch::AtMost(90),
                // Above the last of all.
                None if index + 1 == edges.len() => continue,
                None => Stretch::Fixed(30),
            };
            stretches.push((range, stretch));
        }
        stretches
    }

    fn draw(mut self) -> String {
        let title = "Soft Reserved memory and CXL windows: who owns what";
        self.canvas.text((20.0, 30.0), Anchor::Start, TITLE, title);
        let subtitle = self.subtitle();
        self.canvas
            .text((20.0, 49.0), Anchor::Start, SUBTITLE, &subtitle);
        if self.axis.segments().is_empty() {
            let text = "There is no Soft Reserved memory and no CXL window on this machine.";
            self.canvas.text((20.0, 86.0), Anchor::Start, SMALL, text);
            return self.canvas.finish(WIDTH, 110.0, title, "");
        }
        // The guides lie below the lanes, but reach as far as those do.
        let (above, top) = (std::mem::take(&mut self.canvas), self.y - 6.0);
        self.firmware();
        self.cxl();
        self.owners();
        self.dax();
        self.system_ram();
        let bottom = self.y - GAP + 6.0;
        let lanes = std::mem::replace(&mut self.canvas, above);
        self.guides(top, bottom);
        self.canvas.append(lanes);
        self.ruler(bottom);
        self.legend();
        let height = self.y;
        self.canvas.finish(WIDTH, height, title, PATTERNS)
    }

    fn subtitle(&self) -> String {
        let system = &self.map.system;
        let mut words = Vec::new();
        words.extend(system.kernel.iter().map(|k| format!("Linux {k}")));
        let drivers = ["hmem_rs", "dax_hmem"].into_iter();
        words.extend(
            drivers
                .filter(|d| system.modules.iter().any(|m| m == d))
                .map(|d| format!("driver {d}")),
        );
        let all = self
            .map
            .soft_reserved
            .iter()
            .fold(0u64, |sum, s| sum.saturating_add(s.range.size()));
        if all > 0 {
            words.push(format!("{} Soft Reserved", text::size(all)));
        }
        if self.map.notes.iter().any(|n| n.kind == NoteKind::NeedsRoot) {
            words.push("some addresses are hidden: run as root to see all".into());
        }
        words.join("  ·  ")
    }
}
