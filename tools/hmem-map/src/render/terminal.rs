// SPDX-License-Identifier: GPL-2.0

//! The tree for the terminal.

use super::describe;
use super::style::{Paint, Style};
use crate::model::{
    Area, AreaKind, DaxDevice, Map, Note, NoteKind, Owner, Part, SoftReserved, System,
};
use crate::range::Range;
use crate::{text, why};
use std::collections::BTreeSet;

/// One line of the tree, and what hangs below it.
#[derive(Debug, Default)]
struct Item {
    label: String,
    paint: Option<Paint>,
    range: Option<String>,
    size: Option<u64>,
    detail: String,
    why: Option<String>,
    /// A dax device.
    device: bool,
    children: Vec<Item>,
}

/// One line of the tree with its glyphs.
struct Row<'a> {
    lead: String,
    follow: String,
    item: &'a Item,
}

/// The whole map as text, ends with a newline.
pub fn render(map: &Map, style: Style) -> String {
    let mut out = String::new();
    let header = header(&map.system);
    if !header.is_empty() {
        paragraph(&mut out, style, Paint::Faint, "", &header);
    }
    let mut items = items(map);
    let mut seen = BTreeSet::new();
    items.iter_mut().for_each(|item| abridge(item, &mut seen));
    let mut rows = Vec::new();
    for item in &items {
        flatten(item, style, String::new(), String::new(), &mut rows);
    }
    table(&mut out, &rows, style);
    let totals = totals(map);
    if !totals.is_empty() {
        out.push('\n');
        paragraph(&mut out, style, Paint::Heading, "", &totals);
    }
    if !map.notes.is_empty() {
        out.push('\n');
    }
    for note in &map.notes {
        let (paint, lead) = mark(note);
        paragraph(&mut out, style, paint, lead, &note.text);
    }
    out
}

fn mark(note: &Note) -> (Paint, &'static str) {
    match note.kind {
        NoteKind::Warning => (Paint::Bad, "warning: "),
        NoteKind::Unreadable => (Paint::Free, "unreadable: "),
        NoteKind::NeedsRoot => (Paint::Free, "hidden: "),
        NoteKind::Info => (Paint::Plain, "note: "),
    }
}

fn header(system: &System) -> String {
    let mut words = Vec::new();
    words.extend(system.kernel.iter().map(|k| format!("Linux {k}")));
    let drivers = ["hmem_rs", "dax_hmem"]
        .iter()
        .filter(|d| system.modules.iter().any(|m| m == *d));
    words.extend(drivers.map(|d| format!("driver {d}")));
    if system.region_idle == Some(true) {
        words.push("region_idle".into());
    }
    words.extend(
        system
            .memory_block_size
            .map(|b| format!("memory blocks of {}", text::size(b))),
    );
    words.extend(
        system
            .auto_online_blocks
            .iter()
            .map(|p| format!("auto_online_blocks {p}")),
    );
    words.join(", ")
}

/// Bytes of Soft Reserved memory by kind of owner.
fn totals(map: &Map) -> String {
    let areas: Vec<_> = map
        .areas
        .iter()
        .filter(|a| a.kind == AreaKind::SoftReserved)
        .collect();
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for part in areas.iter().flat_map(|a| &a.parts) {
        let kind = match part.owner {
            Owner::Cxl { .. } => "CXL",
            Owner::Hmem { .. } => "hmem",
            Owner::Conflict { .. } => "in conflict",
            Owner::Dax { .. } => "other dax",
            Owner::SystemRam => "System RAM",
            Owner::Other { .. } => "other",
            Owner::Trimmed => "trimmed",
            Owner::Waiting => "waiting",
            Owner::Nobody => "nobody",
            Owner::Unknown => "unknown",
        };
        match sums.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, sum)) => *sum = sum.saturating_add(part.range.size()),
            None => sums.push((kind, part.range.size())),
        }
    }
    if sums.is_empty() {
        return String::new();
    }
    let all = sums
        .iter()
        .fold(0u64, |all, (_, sum)| all.saturating_add(*sum));
    let plural = if areas.len() == 1 { "" } else { "s" };
    let list: Vec<_> = sums
        .iter()
        .map(|(kind, sum)| format!("{kind} {}", text::size(*sum)))
        .collect();
    format!(
        "Soft Reserved {} in {} range{plural}: {}",
        text::size(all),
        areas.len(),
        list.join(", ")
    )
}

/// The areas at the top level, then what lies outside of all of them.
fn items(map: &Map) -> Vec<Item> {
    let windows: Vec<&Area> = map
        .areas
        .iter()
        .filter(|a| a.kind == AreaKind::CxlWindow)
        .collect();
    let mut items: Vec<Item> = Vec::new();
    for area in &map.areas {
        match area.kind {
            AreaKind::CxlWindow => items.push(window(map, area)),
            // Shown inside its window.
            AreaKind::SoftReserved if windows.iter().any(|w| w.range.contains(area.range)) => {}
            AreaKind::SoftReserved => items.push(reserved(map, area)),
        }
    }
    items.extend(elsewhere(map));
    if !map.cxl.memdevs.is_empty() {
        items.push(memdevs(map));
    }
    items
}

fn window(map: &Map, area: &Area) -> Item {
    let known = map.cxl.windows.iter().find(|w| w.range == Some(area.range));
    let mut detail = Vec::new();
    detail.extend(
        known
            .and_then(|w| w.decoder.clone())
            .filter(|d| Some(d) != area.name.as_ref()),
    );
    if let Some(ways) = known.and_then(|w| w.interleave_ways).filter(|w| *w > 1) {
        detail.push(format!("over {ways} host bridges"));
    }
    let inside: Vec<&Area> = map
        .areas
        .iter()
        .filter(|a| a.kind == AreaKind::SoftReserved && area.range.contains(a.range))
        .collect();
    let mut children: Vec<(u64, Item)> = inside
        .iter()
        .map(|a| (a.range.start(), reserved(map, a)))
        .collect();
    for part in &area.parts {
        if !inside.iter().any(|a| a.range.contains(part.range)) {
            children.push((part.range.start(), self::part(map, part)));
        }
    }
    children.sort_by_key(|(start, _)| *start);
    Item {
        label: area.name.clone().unwrap_or_else(|| "CXL window".into()),
        paint: Some(Paint::Heading),
        detail: detail.join(", "),
        children: children.into_iter().map(|(_, item)| item).collect(),
        ..placed(area.range)
    }
}

fn reserved(map: &Map, area: &Area) -> Item {
    let known: Option<&SoftReserved> = map.soft_reserved.iter().find(|s| s.range == area.range);
    let nodes = known.map(|s| s.nodes.as_slice()).unwrap_or_default();
    Item {
        label: "Soft Reserved".into(),
        paint: Some(Paint::Heading),
        detail: nodes
            .iter()
            .map(|n| format!("node {n}"))
            .collect::<Vec<_>>()
            .join(", "),
        children: area.parts.iter().map(|p| part(map, p)).collect(),
        ..placed(area.range)
    }
}

fn part(map: &Map, part: &Part) -> Item {
    let paint = match part.owner {
        Owner::Cxl { .. } => Paint::Cxl,
        Owner::Hmem { .. } | Owner::Dax { .. } => Paint::Hmem,
        Owner::Conflict { .. } => Paint::Bad,
        Owner::SystemRam | Owner::Other { .. } => Paint::Plain,
        Owner::Nobody if !part.soft_reserved => Paint::Faint,
        Owner::Trimmed | Owner::Waiting | Owner::Nobody | Owner::Unknown => Paint::Free,
    };
    let detail = match &part.owner {
        Owner::Cxl { region } | Owner::Conflict { region, .. } => map
            .cxl_region(region)
            .map(describe::region)
            .unwrap_or_default(),
        owner => {
            let region = map
                .dax_regions
                .iter()
                .find(|r| r.parent == owner_device(map, owner));
            let free = region
                .and_then(|r| r.available_size)
                .filter(|free| *free > 0);
            free.map(|free| format!("{} not given out", text::size(free)))
                .unwrap_or_default()
        }
    };
    let detail = [
        Some(detail),
        describe::policy(map, owner_device(map, &part.owner)),
    ]
    .into_iter()
    .flatten()
    .filter(|words| !words.is_empty())
    .collect::<Vec<_>>()
    .join(", ");
    let mut devices: Vec<&DaxDevice> = part.dax.iter().filter_map(|n| map.dax_device(n)).collect();
    devices.extend(
        map.dax_devices_on(owner_device(map, &part.owner))
            .filter(|d| d.mappings.is_empty()),
    );
    Item {
        label: match part.owner {
            // A window is there to be filled; only what firmware set aside can be forgotten.
            Owner::Nobody if !part.soft_reserved => "free".into(),
            _ => describe::owner(&part.owner),
        },
        paint: Some(paint),
        detail,
        why: part.why.clone(),
        children: devices.into_iter().map(|d| dax(map, d)).collect(),
        ..placed(part.range)
    }
}

/// A dax device that lies in several parts is described in the first of them.
fn abridge(item: &mut Item, seen: &mut BTreeSet<String>) {
    if item.device && !seen.insert(item.label.clone()) {
        (item.detail, item.why) = ("see above".into(), None);
        item.children.clear();
    }
    item.children
        .iter_mut()
        .for_each(|child| abridge(child, seen));
}

/// Name of the device that the owner's dax region hangs on.
fn owner_device<'a>(map: &'a Map, owner: &'a Owner) -> &'a str {
    match owner {
        Owner::Hmem { device } | Owner::Dax { device } => device,
        Owner::Cxl { region } => {
            let on = map
                .dax_regions
                .iter()
                .find(|r| r.cxl_region.as_ref() == Some(region));
            on.map_or("", |r| &r.parent)
        }
        _ => "",
    }
}

fn dax(map: &Map, device: &DaxDevice) -> Item {
    let mut detail = vec![describe::mode(device)];
    detail.extend(device.state.clone().filter(|_| device.driver.is_some()));
    detail.extend(device.target_node.map(|n| format!("node {n}")));
    detail.extend(describe::blocks(describe::own_blocks(map, device)));
    let several = device.mappings.len() > 1;
    let children = device.mappings.iter().filter(|_| several).enumerate();
    Item {
        label: device.name.clone(),
        device: true,
        range: match device.mappings.as_slice() {
            [] => None,
            [only] => Some(only.range.to_string()),
            all => Some(format!("{} ranges", all.len())),
        },
        size: device.size,
        detail: detail.join(", "),
        why: why::unbound(map, device),
        children: children
            .map(|(n, m)| Item {
                label: format!("mapping{n}"),
                ..placed(m.range)
            })
            .collect(),
        ..Item::default()
    }
}

/// Devices that no area shows: their addresses are hidden, or they are of another kind.
fn elsewhere(map: &Map) -> Option<Item> {
    let shown: BTreeSet<&str> = map
        .areas
        .iter()
        .flat_map(|a| &a.parts)
        .flat_map(|p| &p.dax)
        .map(String::as_str)
        .collect();
    let owners: BTreeSet<&str> = map
        .areas
        .iter()
        .flat_map(|a| &a.parts)
        .map(|p| owner_device(map, &p.owner))
        .collect();
    let mut children: Vec<Item> = Vec::new();
    for region in map
        .dax_regions
        .iter()
        .filter(|r| !owners.contains(r.parent.as_str()))
    {
        let devices = map
            .dax_devices_on(&region.parent)
            .filter(|d| !shown.contains(d.name.as_str()));
        let devices: Vec<Item> = devices.map(|d| dax(map, d)).collect();
        // A CXL region shows what is to be said of it where it lies.
        if devices.is_empty() && (region.cxl_region.is_some() || !region.devices.is_empty()) {
            continue;
        }
        children.push(Item {
            label: region
                .cxl_region
                .clone()
                .unwrap_or_else(|| region.parent.clone()),
            paint: Some(if region.cxl_region.is_some() {
                Paint::Cxl
            } else {
                Paint::Hmem
            }),
            range: region.range.map(|r| r.to_string()),
            size: region.size,
            children: devices,
            ..Item::default()
        });
    }
    for device in map.hmem_devices.iter().filter(|d| d.range.is_none()) {
        if !map.dax_regions.iter().any(|r| r.path == device.path) {
            let driver = device.driver.as_deref();
            children.push(Item {
                label: device.name.clone(),
                paint: Some(Paint::Hmem),
                detail: driver.map_or("no driver, no dax region".into(), |d| format!("driver {d}")),
                ..Item::default()
            });
        }
    }
    (!children.is_empty()).then(|| Item {
        label: if map.areas.is_empty() {
            "dax"
        } else {
            "Not placed"
        }
        .into(),
        paint: Some(Paint::Heading),
        children,
        ..Item::default()
    })
}

fn memdevs(map: &Map) -> Item {
    let child = |device: &crate::model::CxlMemdev| {
        let mut detail = Vec::new();
        detail.extend(device.host.clone());
        detail.extend(
            device
                .pmem_size
                .filter(|s| *s > 0)
                .map(|s| format!("{} persistent", text::size(s))),
        );
        if device.driver.is_none() {
            detail.push("no driver".into());
        } else if device.endpoint.is_none() {
            detail.push("not connected to a CXL port".into());
        }
        let regions = map
            .cxl
            .regions
            .iter()
            .filter(|r| r.memdevs.contains(&device.name));
        detail.extend(regions.map(|r| r.name.clone()));
        Item {
            label: device.name.clone(),
            size: device.ram_size,
            detail: detail.join(", "),
            ..Item::default()
        }
    };
    Item {
        label: "CXL memory devices".into(),
        paint: Some(Paint::Heading),
        children: map.cxl.memdevs.iter().map(child).collect(),
        ..Item::default()
    }
}

fn placed(range: Range) -> Item {
    Item {
        range: Some(range.to_string()),
        size: Some(range.size()),
        ..Item::default()
    }
}

fn flatten<'a>(
    item: &'a Item,
    style: Style,
    lead: String,
    follow: String,
    rows: &mut Vec<Row<'a>>,
) {
    rows.push(Row {
        lead,
        follow: follow.clone(),
        item,
    });
    let count = item.children.len();
    for (index, child) in item.children.iter().enumerate() {
        let (own, below) = style.branch(index + 1 == count);
        flatten(
            child,
            style,
            format!("{follow}{own}"),
            format!("{follow}{below}"),
            rows,
        );
    }
}

/// The rows in columns: label, range, size, detail.
fn table(out: &mut String, rows: &[Row<'_>], style: Style) {
    let length = |text: &str| text.chars().count();
    let widest = |width: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(width).max().unwrap_or(0);
    let label = widest(&|r| length(&r.lead) + length(&r.item.label));
    let range = widest(&|r| r.item.range.as_deref().map_or(0, length));
    let size = widest(&|r| r.item.size.map_or(0, |s| length(&text::size(s))));
    let detail_at = label + 2 + range + 2 + size + 2;
    for row in rows {
        // A blank line, or the trunk of nothing, before each area.
        if row.lead.is_empty() && !out.is_empty() {
            out.push('\n');
        }
        let item = row.item;
        let pad = " ".repeat(label - length(&row.lead) - length(&item.label));
        let place = item.range.as_deref().unwrap_or("");
        let bytes = item.size.map(text::size).unwrap_or_default();
        let mut line = format!(
            "{}{}{pad}  {place:<range$}  {bytes:>size$}",
            style.paint(Paint::Faint, &row.lead),
            style.paint(item.paint.unwrap_or(Paint::Plain), &item.label),
        );
        // Below the item, but left of the trunk of its children.
        let trunk = if item.children.is_empty() {
            "   "
        } else {
            style.branch(false).1
        };
        let below = format!("{}{trunk}", row.follow);
        let mut rest = Vec::new();
        let room = style.width.map(|w| w.saturating_sub(detail_at));
        if length(&item.detail) <= room.unwrap_or(usize::MAX) {
            line = format!("{line}  {}", item.detail);
        } else {
            rest.push((Paint::Plain, item.detail.as_str()));
        }
        rest.extend(item.why.as_deref().map(|why| (Paint::Free, why)));
        out.push_str(line.trim_end());
        out.push('\n');
        for (paint, text) in rest {
            let room = style
                .width
                .map(|w| w.saturating_sub(length(&below)).max(24));
            for line in wrap(text, room) {
                out.push_str(&style.paint(Paint::Faint, &below));
                out.push_str(&style.paint(paint, &line));
                out.push('\n');
            }
        }
    }
}

/// `lead` and `text`, wrapped, following lines indented.
fn paragraph(out: &mut String, style: Style, paint: Paint, lead: &str, text: &str) {
    let room = style.width.map(|w| w.saturating_sub(lead.len()).max(24));
    for (index, line) in wrap(text, room).iter().enumerate() {
        match index {
            0 => out.push_str(&style.paint(paint, &format!("{lead}{line}"))),
            _ => {
                out.push_str(&" ".repeat(lead.len()));
                out.push_str(&style.paint(paint, line));
            }
        }
        out.push('\n');
    }
}

/// Lines of at most `room` characters, cut at spaces; a longer word has a line to itself.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else {
        return vec![text.to_string()];
    };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}
