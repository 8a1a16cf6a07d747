// SPDX-License-Identifier: GPL-2.0

//! From what was read to what one asks for: the Soft Reserved ranges, and who owns which bytes.

use crate::model::{
    Area, AreaKind, CxlRegion, DaxDevice, Decision, HmemDevice, Map, Owner, Part, Piece,
    RegionKind, SoftReserved, Source,
};
use crate::range::Range;
use crate::why;
use std::collections::BTreeSet;

/// Fills in [`Map::soft_reserved`] and [`Map::areas`].
pub fn derive(map: &mut Map) {
    map.soft_reserved = soft_reserved(map);
    place_regions(map);
    let windows = map
        .cxl
        .windows
        .iter()
        .filter_map(|w| Some((AreaKind::CxlWindow, Some(w.name.clone()), w.range?)));
    let reserved = map
        .soft_reserved
        .iter()
        .map(|s| (AreaKind::SoftReserved, None, s.range));
    let mut areas: Vec<Area> = windows
        .chain(reserved)
        .map(|(kind, name, range)| Area {
            kind,
            name,
            range,
            parts: parts(map, range),
        })
        .collect();
    // A window before the ranges that begin where it does.
    areas.sort_by_key(|a| {
        (
            a.range.start(),
            a.kind == AreaKind::SoftReserved,
            a.range.end(),
        )
    });
    map.areas = areas;
}

/// The Soft Reserved ranges from all sources: those that overlap are one range, neighbours are not.
fn soft_reserved(map: &Map) -> Vec<SoftReserved> {
    let mut found: Vec<(Range, Source)> = Vec::new();
    let is = |name: &str| name.eq_ignore_ascii_case("soft reserved");
    found.extend(
        map.firmware_map
            .iter()
            .filter(|e| is(&e.kind))
            .map(|e| (e.range, Source::Firmware)),
    );
    let cmdline = map.system.cmdline.as_deref().unwrap_or("");
    found.extend(
        crate::parse::command_line_ranges(cmdline)
            .into_iter()
            .map(|r| (r, Source::CommandLine)),
    );
    found.extend(
        map.iomem
            .iter()
            .filter(|e| is(&e.name))
            .map(|e| (e.range, Source::Iomem)),
    );
    // A range of the walk may hold other bytes too; only if it does not is it itself Soft Reserved.
    let walked = map.hmem_rs.iter().flat_map(|t| &t.ranges);
    found.extend(
        walked
            .filter(|r| r.reserved == r.range.size())
            .map(|r| (r.range, Source::HmemRs)),
    );
    // What drivers made of the ranges says little about their ends: taken only where all else is silent.
    for range in map.hmem_devices.iter().filter_map(|d| d.range) {
        if !found.iter().any(|(r, _)| r.overlaps(range)) {
            found.push((range, Source::HmemDevice));
        }
    }
    found.sort();
    let mut merged: Vec<SoftReserved> = Vec::new();
    for (range, source) in found {
        match merged.last_mut().filter(|last| last.range.overlaps(range)) {
            Some(last) => {
                let end = last.range.end().max(range.end());
                last.range = Range::new(last.range.start(), end).unwrap_or(last.range);
                last.sources.push(source);
            }
            None => merged.push(SoftReserved {
                range,
                sources: vec![source],
                nodes: Vec::new(),
            }),
        }
    }
    for entry in &mut merged {
        entry.sources.sort();
        entry.sources.dedup();
        entry.nodes = nodes_in(map, entry.range);
    }
    merged
}

/// Where a dax region lies that is partly given out: no file says it, but only one Soft Reserved range has
/// its size and holds its devices.
fn place_regions(map: &mut Map) {
    for region in map
        .dax_regions
        .iter_mut()
        .filter(|r| r.kind == RegionKind::Hmem)
    {
        let devices = map.dax_devices.iter().filter(|d| d.region == region.parent);
        let mappings: Vec<Range> = devices.flat_map(|d| &d.mappings).map(|m| m.range).collect();
        if region.range.is_some() || mappings.is_empty() {
            continue;
        }
        let fits = |range: &Range| {
            region.size == Some(range.size()) && mappings.iter().all(|m| range.contains(*m))
        };
        region.range = map.soft_reserved.iter().map(|s| s.range).find(fits);
        let device = map.hmem_devices.iter_mut().find(|d| d.path == region.path);
        if let Some(device) = device {
            device.range = device.range.or(region.range);
        }
    }
}

/// Nodes of what lies in `range`.
fn nodes_in(map: &Map, range: Range) -> Vec<i32> {
    let dax = map
        .dax_devices
        .iter()
        .filter(|d| touches(d, range))
        .filter_map(|d| d.target_node);
    let table = map.hmem_rs.iter().flat_map(|t| &t.ranges);
    let walked = table.filter(|r| r.range.overlaps(range)).map(|r| r.node);
    let mut nodes: BTreeSet<i32> = dax.chain(walked).filter(|n| *n >= 0).collect();
    if nodes.is_empty() {
        let blocks = map.memory_blocks.iter();
        let inside = blocks.filter(|b| b.range.is_some_and(|b| range.contains(b)));
        nodes.extend(inside.filter_map(|b| b.node));
    }
    nodes.into_iter().collect()
}

/// Whether a dax device has bytes in `range`.
pub(crate) fn touches(device: &DaxDevice, range: Range) -> bool {
    device.mappings.iter().any(|m| m.range.overlaps(range))
}

/// Divides `range` among the owners.
fn parts(map: &Map, range: Range) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for piece in cut(range, &edges(map)) {
        let claims = Claims::on(map, piece);
        let owner = claims.owner();
        let part = Part {
            range: piece,
            why: why::part(map, &claims, &owner, piece),
            owner,
            soft_reserved: map.soft_reserved.iter().any(|s| s.range.contains(piece)),
            window: window_of(map, piece),
            node: None,
            dax: Vec::new(),
        };
        match parts.last_mut().filter(|last| same(last, &part)) {
            Some(last) => {
                last.range = Range::new(last.range.start(), piece.end()).unwrap_or(last.range)
            }
            None => parts.push(part),
        }
    }
    for part in &mut parts {
        let inside = map.dax_devices.iter().filter(|d| touches(d, part.range));
        part.dax = inside.map(|d| d.name.clone()).collect();
        part.node = Some(nodes_in(map, part.range))
            .filter(|n| n.len() == 1)
            .map(|n| n[0]);
    }
    parts
}

/// Whether two neighbouring pieces are one part.
fn same(a: &Part, b: &Part) -> bool {
    (&a.owner, a.soft_reserved, &a.window, &a.why) == (&b.owner, b.soft_reserved, &b.window, &b.why)
}

fn window_of(map: &Map, piece: Range) -> Option<String> {
    let around = map
        .cxl
        .windows
        .iter()
        .find(|w| w.range.is_some_and(|r| r.contains(piece)));
    around.map(|w| w.name.clone())
}

/// Every address at which the owner can change: first bytes of pieces.
fn edges(map: &Map) -> Vec<u64> {
    let mut ranges: Vec<Range> = Vec::new();
    ranges.extend(map.soft_reserved.iter().map(|s| s.range));
    ranges.extend(map.cxl.windows.iter().filter_map(|w| w.range));
    ranges.extend(map.cxl.regions.iter().filter_map(|r| r.range));
    ranges.extend(map.hmem_devices.iter().filter_map(|d| d.range));
    ranges.extend(map.dax_regions.iter().filter_map(|d| d.range));
    ranges.extend(
        map.dax_devices
            .iter()
            .flat_map(|d| &d.mappings)
            .map(|m| m.range),
    );
    ranges.extend(map.iomem.iter().map(|e| e.range));
    for decision in map.hmem_rs.iter().flat_map(|t| &t.ranges) {
        ranges.push(decision.range);
        ranges.extend(decision.pieces.iter().map(Piece::range));
    }
    let mut edges: Vec<u64> = ranges
        .iter()
        .flat_map(|r| [Some(r.start()), r.end().checked_add(1)])
        .flatten()
        .collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Cuts `range` before each of the (ascending) `edges`.
fn cut(range: Range, edges: &[u64]) -> Vec<Range> {
    let mut pieces = Vec::new();
    let mut start = range.start();
    for &edge in edges
        .iter()
        .filter(|e| **e > range.start() && **e <= range.end())
    {
        pieces.extend(Range::new(start, edge - 1));
        start = edge;
    }
    pieces.extend(Range::new(start, range.end()));
    pieces
}

/// Everything that lays claim to a piece.
pub(crate) struct Claims<'a> {
    pub(crate) region: Option<&'a CxlRegion>,
    pub(crate) hmem: Option<&'a HmemDevice>,
    /// `hmem` is told by its size alone.
    pub(crate) by_size: bool,
    /// dax region of another origin.
    pub(crate) other_dax: Option<&'a str>,
    pub(crate) decided: Option<&'a Piece>,
    pub(crate) state: Option<Decision>,
    /// Innermost line of iomem that is neither a CXL line nor one of a dax device.
    pub(crate) iomem: Option<&'a str>,
    pub(crate) hidden: bool,
}

impl<'a> Claims<'a> {
    fn on(map: &'a Map, piece: Range) -> Self {
        let here = |r: Option<Range>| r.is_some_and(|r| r.contains(piece));
        let mut regions: Vec<_> = map.cxl.regions.iter().filter(|r| here(r.range)).collect();
        regions.sort_by_key(|r| r.committed == Some(false));
        let table = map.hmem_rs.iter().flat_map(|t| &t.ranges);
        let decision = table.clone().find(|r| r.range.contains(piece));
        let other = map
            .dax_regions
            .iter()
            .filter(|r| r.kind == RegionKind::Other);
        let mapped = |d: &HmemDevice| {
            let mut devices = map.dax_devices.iter().filter(|x| x.region == d.name);
            devices.any(|x| x.mappings.iter().any(|m| m.range.contains(piece)))
        };
        let mut devices = map.hmem_devices.iter();
        let hmem = devices.find(|d| here(d.range) || (d.range.is_none() && mapped(d)));
        let by_size = hmem_by_size(map, piece).filter(|_| hmem.is_none());
        Self {
            region: regions.first().copied(),
            hmem: hmem.or(by_size),
            by_size: by_size.is_some(),
            other_dax: other
                .clone()
                .find(|r| here(r.range))
                .map(|r| r.parent.as_str()),
            decided: decision.and_then(|d| d.pieces.iter().find(|p| p.range().contains(piece))),
            state: decision.map(|d| d.state),
            iomem: iomem_owner(map, piece),
            // Without iomem and with a device somewhere, nobody can say that these bytes are free.
            hidden: map.system.addresses_hidden
                && map.hmem_devices.iter().any(|d| d.range.is_none()),
        }
    }

    fn owner(&self) -> Owner {
        let committed = self.region.filter(|r| r.committed != Some(false));
        match (committed, self.hmem) {
            (Some(region), Some(hmem)) => {
                return Owner::Conflict {
                    region: region.name.clone(),
                    device: hmem.name.clone(),
                }
            }
            (Some(region), None) => {
                return Owner::Cxl {
                    region: region.name.clone(),
                }
            }
            (None, Some(hmem)) => {
                return Owner::Hmem {
                    device: hmem.name.clone(),
                }
            }
            (None, None) => {}
        }
        if let Some(device) = self.other_dax {
            return Owner::Dax {
                device: device.to_string(),
            };
        }
        match self.decided {
            Some(Piece::Trimmed { .. }) => return Owner::Trimmed,
            Some(Piece::Hmem { .. } | Piece::Cxl { .. }) | None => {}
        }
        if self.state == Some(Decision::Waiting) {
            return Owner::Waiting;
        }
        if let Some(name) = self.iomem {
            return match name {
                "System RAM" => Owner::SystemRam,
                _ => Owner::Other {
                    name: name.to_string(),
                },
            };
        }
        // An idle region still holds its address range.
        if let Some(region) = self.region {
            return Owner::Cxl {
                region: region.name.clone(),
            };
        }
        match self.hidden {
            true => Owner::Unknown,
            false => Owner::Nobody,
        }
    }
}

/// Where the addresses are hidden: the device that must be it, because of all devices and ranges only this
/// one and the range around `piece` have their size.
fn hmem_by_size(map: &Map, piece: Range) -> Option<&HmemDevice> {
    if !map.system.addresses_hidden {
        return None;
    }
    let around = map
        .soft_reserved
        .iter()
        .find(|s| s.range.contains(piece))?
        .range;
    let taken = |r: &CxlRegion| r.range.is_none_or(|r| r.overlaps(around));
    let alike = map
        .soft_reserved
        .iter()
        .filter(|s| s.range.size() == around.size())
        .count();
    if alike != 1 || map.cxl.regions.iter().any(taken) {
        return None;
    }
    let size = |d: &HmemDevice| map.dax_regions.iter().find(|r| r.path == d.path)?.size;
    let mut fitting = map
        .hmem_devices
        .iter()
        .filter(|d| size(d) == Some(around.size()));
    fitting
        .next()
        .filter(|d| d.range.is_none() && fitting.next().is_none())
}

/// The innermost line over all of `piece` that names an owner of its own.
fn iomem_owner(map: &Map, piece: Range) -> Option<&str> {
    let lines = map.iomem.iter().filter(|e| e.range.contains(piece));
    let owners = lines.filter(|e| {
        let describes = [
            "CXL Window ",
            "region",
            "dax",
            "hmem.",
            "dax_region",
            "System RAM (kmem)",
        ];
        // firmware's word for the bytes, or a line of a device that is looked up in sysfs.
        !e.name.eq_ignore_ascii_case("soft reserved")
            && !e.name.eq_ignore_ascii_case("reserved")
            // Padding up to the next large boundary.
            && e.name != "RAM buffer"
            && !describes.iter().any(|prefix| e.name.starts_with(prefix))
    });
    owners.max_by_key(|e| e.depth).map(|e| e.name.as_str())
}
