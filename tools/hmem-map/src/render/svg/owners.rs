// SPDX-License-Identifier: GPL-2.0

//! The lanes of what became of it: owners, dax devices, memory blocks.

use super::boxes::Block;
use super::look::{self, FAINT, SMALL};
use super::{Picture, GAP, LEFT, RIGHT, WIDTH};
use crate::model::{DaxDevice, MemoryBlock, Mode, Owner, Part, RegionKind};
use crate::range::Range;
use crate::render::canvas::Anchor;
use crate::render::describe;
use crate::render::labels::Labels;
use crate::{text, why};

/// A text that found no room in its box, or must not be overlooked.
struct Callout {
    range: Range,
    name: String,
    why: Option<String>,
    ink: &'static str,
}

impl Callout {
    /// A reason that many have in common is given once.
    fn grouped(callouts: Vec<Callout>) -> Vec<(Callout, usize)> {
        let mut groups: Vec<(Callout, usize)> = Vec::new();
        let common = |why: &Option<String>| callouts.iter().filter(|c| c.why == *why).count() > 2;
        let common: Vec<bool> = callouts
            .iter()
            .map(|c| c.why.is_some() && common(&c.why))
            .collect();
        for (callout, common) in callouts.into_iter().zip(common) {
            let same = |(first, _): &&mut (Callout, usize)| common && first.why == callout.why;
            match groups.iter_mut().find(same) {
                Some((_, more)) => *more += 1,
                None => groups.push((callout, 0)),
            }
        }
        groups
    }
}

impl Picture<'_> {
    /// The parts of the areas, each once.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = self
            .map
            .areas
            .iter()
            .flat_map(|a| a.parts.clone())
            .collect();
        parts.sort_by_key(|p| p.range);
        parts.dedup_by_key(|p| p.range);
        parts
    }

    pub(super) fn owners(&mut self) {
        let rows = self.lane(52.0, "Owner", "");
        let mut callouts = Vec::new();
        for part in self.parts() {
            let quiet = part.owner == Owner::Nobody && !part.soft_reserved;
            let look = look::owner(&part.owner, part.soft_reserved);
            let size = text::size(part.range.size());
            let owner = describe::owner(&part.owner);
            let name = if quiet { "free" } else { &owner };
            let fits = self.block(Block {
                range: part.range,
                rows,
                look,
                name: &[name],
                below: &[&size],
                title: titled(
                    &format!("{owner} {} ({size})", part.range),
                    part.why.as_deref(),
                ),
            });
            let why = part.why.as_deref().filter(|_| is_alarming(&part));
            if !quiet && (!fits || why.is_some()) {
                callouts.push(Callout {
                    range: part.range,
                    name: format!("{name} {size}"),
                    why: why.map(str::to_string),
                    ink: look.beside(),
                });
            }
        }
        self.callouts(rows.1, callouts);
    }

    pub(super) fn dax(&mut self) {
        let rows = self.lane(52.0, "dax devices", "");
        let map = self.map;
        let mut callouts = Vec::new();
        for device in &map.dax_devices {
            let bound = device.mode != Mode::Unbound;
            let look = look::made_by(&self.owner_of(device));
            let look = if bound { look } else { look.hollow() };
            let mode = describe::mode(device);
            let node = device
                .target_node
                .map(|n| format!(", node {n}"))
                .unwrap_or_default();
            let why = why::unbound(map, device);
            for mapping in &device.mappings {
                let title = format!("{} {} {mode}{node}", device.name, mapping.range);
                let fits = self.block(Block {
                    range: mapping.range,
                    rows,
                    look,
                    name: &[&device.name],
                    below: &[&format!("{mode}{node}"), &mode],
                    title: titled(&title, why.as_deref()),
                });
                if !fits || why.is_some() {
                    callouts.push(Callout {
                        range: mapping.range,
                        name: format!("{} {mode}", device.name),
                        why: why.clone(),
                        ink: look.beside(),
                    });
                }
            }
        }
        if map.dax_devices.iter().all(|d| d.mappings.is_empty()) {
            let some = map.dax_devices.iter().any(|d| d.size != Some(0));
            let text = if some {
                "where they lie is hidden: run as root"
            } else {
                "none"
            };
            let at = (LEFT + 4.0, (rows.0 + rows.1) / 2.0 + 4.0);
            self.canvas.text(at, Anchor::Start, FAINT, text);
        }
        self.callouts(rows.1, callouts);
    }

    pub(super) fn system_ram(&mut self) {
        let rows = self.lane(40.0, "System RAM", "memory blocks");
        self.plain_ram(rows);
        let map = self.map;
        for device in &map.dax_devices {
            let look = look::made_by(&self.owner_of(device));
            for run in runs(describe::own_blocks(map, device)) {
                let state = if run.online { "online" } else { "offline" };
                let plural = if run.count == 1 { "" } else { "s" };
                let zone = run.zone.map(|z| format!(", {z}")).unwrap_or_default();
                let count = format!("{} block{plural}", run.count);
                self.block(Block {
                    range: run.range,
                    rows,
                    look: if run.online { look } else { look.hollow() },
                    name: &[state],
                    below: &[&format!("{count}{zone}"), &count],
                    title: format!("{} {}: {count} {state}{zone}", device.name, run.range),
                });
                self.ticks(run.range, rows, run.count, look.line);
            }
        }
    }

    /// Owner of the dax region that a device is cut from.
    fn owner_of(&self, device: &DaxDevice) -> Owner {
        let parent = device.region.clone();
        let region = self.map.dax_regions.iter().find(|r| r.parent == parent);
        match region.map(|r| (r.kind, r.cxl_region.clone())) {
            Some((RegionKind::Cxl, Some(region))) => Owner::Cxl { region },
            Some((RegionKind::Hmem, _)) => Owner::Hmem { device: parent },
            _ => Owner::Dax { device: parent },
        }
    }

    /// Texts below a lane, each with a line to its place; as many as there is room for.
    fn callouts(&mut self, top: f64, callouts: Vec<Callout>) {
        const ROWS: usize = 4;
        let mut labels = Labels::new(20.0, WIDTH - RIGHT + 10.0, ROWS);
        let mut depth = None;
        for (callout, more) in Callout::grouped(callouts) {
            let text = match more {
                0 => titled(&callout.name, callout.why.as_deref()),
                _ => titled(
                    &format!("{} and {more} more", callout.name),
                    callout.why.as_deref(),
                ),
            };
            let font = SMALL.ink(callout.ink);
            let (left, right) = self.axis.span(callout.range);
            let x = (left + right) / 2.0;
            let Some(text) = font.shorten(&text, WIDTH - LEFT - RIGHT) else {
                continue;
            };
            let Some((row, left)) = labels.place(x, font.width(&text)) else {
                continue;
            };
            depth = depth.max(Some(row));
            let base = top + 19.0 + 15.0 * row as f64;
            let style = format!(r#"stroke="{}" stroke-width="1""#, callout.ink);
            self.canvas
                .line(&[(x, top + 1.0), (x, base - 10.0)], &style);
            self.canvas.text((left, base), Anchor::Start, font, &text);
        }
        if let Some(row) = depth {
            self.y = top + 26.0 + 15.0 * row as f64 + GAP / 2.0;
        }
    }

    /// Marks between the blocks of a run, where there is room for them.
    fn ticks(&mut self, range: Range, rows: (f64, f64), count: usize, line: &str) {
        let (left, right) = self.axis.span(range);
        let step = (right - left) / count as f64;
        if step < 5.0 {
            return;
        }
        let style = format!(r#"stroke="{line}" stroke-width="1""#);
        for index in 1..count {
            let x = left + step * index as f64;
            self.canvas.line(&[(x, rows.1 - 5.0), (x, rows.1)], &style);
        }
    }
}

/// What a person must not overlook gets a line of text of its own.
fn is_alarming(part: &Part) -> bool {
    let lost = matches!(
        part.owner,
        Owner::Trimmed | Owner::Nobody | Owner::Conflict { .. }
    );
    lost && part.soft_reserved
}

fn titled(text: &str, why: Option<&str>) -> String {
    match why {
        Some(why) => format!("{text}: {why}"),
        None => text.to_string(),
    }
}

/// Neighbouring blocks of a device in the same state.
struct Run {
    range: Range,
    online: bool,
    zone: Option<String>,
    count: usize,
}

fn runs(blocks: &[MemoryBlock]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for block in blocks {
        let Some(range) = block.range else { continue };
        let online = block.state.as_deref() == Some("online");
        let zone = block.zone.clone().filter(|_| online);
        let next_to = |run: &Run| run.range.end().checked_add(1) == Some(range.start());
        match runs.last_mut() {
            Some(run) if (run.online, &run.zone) == (online, &zone) && next_to(run) => {
                run.range = Range::new(run.range.start(), range.end()).unwrap_or(run.range);
                run.count += 1;
            }
            _ => runs.push(Run {
                range,
                online,
                zone,
                count: 1,
            }),
        }
    }
    runs
}
