// SPDX-License-Identifier: GPL-2.0

//! The lanes of what is given: firmware's view, CXL windows and regions, plain System RAM.

use super::boxes::{outline, Block};
use super::look::{self, FAINT, NAME, RAM, REGION, RESERVED, SMALL};
use super::{without, Picture, GAP, LEFT};
use crate::model::{Area, AreaKind};
use crate::range::Range;
use crate::render::canvas::Anchor;
use crate::render::describe;
use crate::text;

impl Picture<'_> {
    /// A lane's title, in the middle of its height; top and bottom of the lane.
    pub(super) fn lane(&mut self, height: f64, title: &str, below: &str) -> (f64, f64) {
        let (top, bottom) = (self.y, self.y + height);
        let middle = (top + bottom) / 2.0;
        let shift = if below.is_empty() { 4.5 } else { -2.0 };
        self.canvas
            .text((LEFT - 14.0, middle + shift), Anchor::End, NAME, title);
        if !below.is_empty() {
            self.canvas
                .text((LEFT - 14.0, middle + 12.0), Anchor::End, FAINT, below);
        }
        self.y = bottom + GAP;
        (top, bottom)
    }

    pub(super) fn firmware(&mut self) {
        let rows = self.lane(36.0, "Firmware", "");
        self.plain_ram(rows);
        let map = self.map;
        for entry in &map.soft_reserved {
            let size = text::size(entry.range.size());
            self.block(Block {
                range: entry.range,
                rows,
                look: RESERVED,
                name: &["Soft Reserved", &size],
                below: &[&size],
                title: format!("Soft Reserved {} ({size})", entry.range),
            });
        }
    }

    pub(super) fn plain_ram(&mut self, rows: (f64, f64)) {
        for range in self.ram.clone() {
            let size = text::size(range.size());
            self.block(Block {
                range,
                rows,
                look: RAM,
                name: &["System RAM", "RAM"],
                below: &[&size],
                title: format!("System RAM {range} ({size})"),
            });
        }
    }

    pub(super) fn cxl(&mut self) {
        let map = self.map;
        let windows = || map.areas.iter().filter(|a| a.kind == AreaKind::CxlWindow);
        if windows().next().is_none() && map.cxl.regions.iter().all(|r| r.range.is_none()) {
            return;
        }
        let rows = self.lane(50.0, "CXL", "windows, regions");
        for area in windows() {
            self.window(area, rows);
        }
        for region in &map.cxl.regions {
            let Some(range) = region.range else { continue };
            let idle = region.committed == Some(false);
            let size = text::size(range.size());
            self.block(Block {
                range,
                rows: (rows.0 + 6.0, rows.1 - 6.0),
                look: if idle { REGION.hollow() } else { REGION },
                name: &[&region.name],
                below: &[if idle { "not committed" } else { &size }],
                title: format!("{} {range} {}", region.name, describe::region(region)),
            });
        }
    }

    fn window(&mut self, area: &Area, rows: (f64, f64)) {
        let name = area.name.as_deref().unwrap_or("CXL window");
        let size = text::size(area.range.size());
        let title = format!("{name} {} ({size})", area.range);
        let (left, right) = self.axis.span(area.range);
        self.canvas.rect(
            (left + 0.75, right - 0.75),
            rows,
            &outline(look::WINDOW),
            &title,
        );
        self.breaks(area.range, rows);
        // The name goes where no region covers it.
        let regions = self.map.cxl.regions.iter().filter_map(|r| r.range);
        let free: Vec<Range> = regions.fold(vec![area.range], |free, hole| {
            free.into_iter().flat_map(|r| without(r, hole)).collect()
        });
        let gaps = free.into_iter().map(|r| self.clear(r));
        let widest = gaps.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        let font = SMALL.ink(look::WINDOW.ink);
        let full = format!("{name} · {size}");
        let Some((left, right)) = widest else { return };
        let fits = |label: &&&str| font.width(label) < right - left - 10.0;
        if let Some(label) = [full.as_str(), name].iter().find(fits) {
            let at = ((left + right) / 2.0, (rows.0 + rows.1) / 2.0 + 4.0);
            self.canvas.text(at, Anchor::Middle, font, label);
        }
    }
}
