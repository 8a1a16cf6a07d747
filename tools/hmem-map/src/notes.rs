// SPDX-License-Identifier: GPL-2.0

//! What the reader of the map should know beside it.

use crate::collect::HMEM_RS_RANGES;
use crate::model::{AreaKind, Map, Note, NoteKind, Owner, Part};
use crate::tree::Tree;
use crate::{text, why};

/// Adds the notes to a map that is otherwise complete.
pub(crate) fn add(map: &mut Map, tree: &Tree) {
    let mut notes = std::mem::take(&mut map.notes);
    let mut add = |kind, text: String| notes.push(Note { kind, text });
    for (kind, text) in unused(map) {
        add(kind, text);
    }
    if map.areas.is_empty() {
        let text = match tree.has_directory("/sys/devices") {
            true => "no Soft Reserved memory and no CXL window on this machine".to_string(),
            false => {
                "the tree has no sys/devices: is it one that 'hmem-map snapshot DIR' made?".into()
            }
        };
        add(NoteKind::Info, text);
    }
    if map
        .system
        .cmdline
        .as_deref()
        .is_some_and(|c| c.contains("efi=") && c.contains("nosoftreserve"))
    {
        add(
            NoteKind::Info,
            "efi=nosoftreserve: Soft Reserved memory of the firmware is plain System RAM".into(),
        );
    }
    for (kind, text) in hidden(map, tree) {
        add(kind, text);
    }
    map.notes = notes;
}

/// Soft Reserved bytes that nobody can use.
fn unused(map: &Map) -> Vec<(NoteKind, String)> {
    let reserved = || {
        let areas = map
            .areas
            .iter()
            .filter(|a| a.kind == AreaKind::SoftReserved);
        areas.flat_map(|a| &a.parts)
    };
    let total = |pick: fn(&&Part) -> bool| -> u64 {
        reserved()
            .filter(pick)
            .fold(0, |sum, p| sum.saturating_add(p.range.size()))
    };
    let nobody = total(|p| p.owner == Owner::Nobody);
    let conflict = total(|p| matches!(p.owner, Owner::Conflict { .. }));
    let mut lines = Vec::new();
    if nobody > 0 {
        let text = format!(
            "{} of Soft Reserved memory belong to nobody",
            text::size(nobody)
        );
        lines.push((NoteKind::Warning, text));
    }
    if conflict > 0 {
        let text = format!(
            "{} of Soft Reserved memory are claimed by a CXL region and by an hmem device at once",
            text::size(conflict)
        );
        lines.push((NoteKind::Warning, text));
    }
    let stuck = map
        .dax_devices
        .iter()
        .filter(|d| why::unbound(map, d).is_some());
    let (count, bytes) = stuck.fold((0, 0u64), |(count, bytes), device| {
        (count + 1, bytes.saturating_add(device.size.unwrap_or(0)))
    });
    if count > 0 {
        let size = text::size(bytes);
        let text = match count {
            1 => format!("a dax device of {size} could not be bound to a driver"),
            _ => format!("{count} dax devices of {size} in all could not be bound to a driver"),
        };
        lines.push((NoteKind::Warning, text));
    }
    lines
}

/// What this user cannot see.
fn hidden(map: &Map, tree: &Tree) -> Vec<(NoteKind, String)> {
    let denied = tree.denied();
    let mut lines = Vec::new();
    let mut missing = Vec::new();
    if map.system.addresses_hidden {
        missing.push("the addresses in /proc/iomem");
    }
    if denied
        .iter()
        .any(|p| p.contains("/dax") && (p.ends_with("/resource") || p.contains("/mapping")))
    {
        missing.push("where dax devices lie");
    }
    if denied
        .iter()
        .any(|p| p.contains("/decoder") && p.ends_with("/start"))
    {
        missing.push("where CXL windows and decoders lie");
    }
    let loaded = map.system.modules.iter().any(|m| m == "hmem_rs");
    let closed = denied.iter().any(|p| p.starts_with("/sys/kernel/debug"));
    if loaded && closed {
        missing.push("the decisions of hmem_rs (debugfs)");
    }
    if !missing.is_empty() {
        let what = match tree.is_live() {
            true => "run as root to see also",
            false => "not recorded, because the snapshot was not taken as root",
        };
        lines.push((
            NoteKind::NeedsRoot,
            format!("{what}: {}", missing.join(", ")),
        ));
    }
    if loaded && !closed && map.hmem_rs.is_none() {
        let text = format!(
            "hmem_rs is loaded, but {HMEM_RS_RANGES} is not there: mount -t debugfs none /sys/kernel/debug"
        );
        lines.push((NoteKind::Info, text));
    }
    lines
}
