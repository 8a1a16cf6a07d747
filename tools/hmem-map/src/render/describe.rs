// SPDX-License-Identifier: GPL-2.0

//! The words that the terminal and the SVG share.

use crate::model::{CxlRegion, DaxDevice, Map, MemoryBlock, Mode, Owner};

/// The owner as a label.
pub(super) fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Cxl { region } => region.clone(),
        Owner::Hmem { device } | Owner::Dax { device } => device.clone(),
        Owner::Conflict { region, device } => format!("{region} vs {device}"),
        Owner::SystemRam => "System RAM".into(),
        Owner::Other { name } => name.clone(),
        Owner::Trimmed => "trimmed".into(),
        Owner::Waiting => "waiting".into(),
        Owner::Nobody => "nobody".into(),
        Owner::Unknown => "unknown".into(),
    }
}

/// What a dax device is used as.
pub(super) fn mode(device: &DaxDevice) -> String {
    match device.mode {
        Mode::SystemRam => "system-ram".into(),
        Mode::Devdax => "devdax".into(),
        Mode::Famfs => "famfs".into(),
        Mode::Unbound if device.size == Some(0) => "empty".into(),
        Mode::Unbound => "no driver".into(),
        Mode::Other => format!("driver {}", device.driver.as_deref().unwrap_or("?")),
    }
}

/// The memory blocks that a device made. Without kmem there may be some in its range all the same: RAM that
/// was there before. If kmem left some behind, iomem still has them under the device's name.
pub(super) fn own_blocks<'a>(map: &Map, device: &'a DaxDevice) -> &'a [MemoryBlock] {
    let left_behind = || map.iomem.iter().any(|e| e.name == device.name);
    match device.mode == Mode::SystemRam || left_behind() {
        true => &device.memory_blocks,
        false => &[],
    }
}

/// `2 of 8 blocks online (Movable)`; `None` without blocks.
pub(super) fn blocks(blocks: &[MemoryBlock]) -> Option<String> {
    if blocks.is_empty() {
        return None;
    }
    let online: Vec<_> = blocks
        .iter()
        .filter(|b| b.state.as_deref() == Some("online"))
        .collect();
    // An offline block names the zones that it could go to, an online one the zone it is in.
    let mut zones: Vec<&str> = online.iter().filter_map(|b| b.zone.as_deref()).collect();
    zones.sort_unstable();
    zones.dedup();
    let plural = if blocks.len() == 1 { "" } else { "s" };
    let count = match (online.len(), blocks.len()) {
        (0, all) => format!("{all} block{plural} offline"),
        (some, all) if some == all => format!("{all} block{plural} online"),
        (some, all) => format!("{some} of {all} blocks online"),
    };
    Some(match zones.is_empty() {
        true => count,
        false => format!("{count} ({})", zones.join(", ")),
    })
}

/// State of a CXL region: committed or not, kind, devices.
pub(super) fn region(region: &CxlRegion) -> String {
    let mut words = Vec::new();
    match region.committed {
        Some(true) => words.push("committed".to_string()),
        Some(false) => words.push("not committed".to_string()),
        None => {}
    }
    words.extend(region.mode.clone());
    if !region.memdevs.is_empty() {
        words.push(region.memdevs.join("+"));
    }
    if let Some(ways) = region.interleave_ways.filter(|w| *w > 1) {
        words.push(format!("{ways}-way interleave"));
    }
    words.join(", ")
}

/// What the administrator wants of the dax region on device `parent`: `policy kmem (rule 1: hmem:kmem)`.
pub(super) fn policy(map: &Map, parent: &str) -> Option<String> {
    let region = map.dax_regions.iter().find(|r| r.parent == parent)?;
    let policy = region.policy.as_ref()?;

    // Without a rule, and without anything written, there is nothing to tell.
    (policy.source != "no rule").then(|| format!("policy {} ({})", policy.actions, policy.source))
}
