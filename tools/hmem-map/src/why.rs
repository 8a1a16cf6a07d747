// SPDX-License-Identifier: GPL-2.0

//! Why things are as they are: the driver's own words where it has some, else what the files imply.

use crate::areas::Claims;
use crate::model::{DaxDevice, Decision, Map, Mode, Owner, Piece, RegionKind};
use crate::range::Range;
use crate::text;

/// Why a part has the owner that it has; `None` where that speaks for itself.
pub(crate) fn part(map: &Map, claims: &Claims<'_>, owner: &Owner, piece: Range) -> Option<String> {
    match owner {
        Owner::Cxl { region } => cxl(map, claims, region),
        Owner::Hmem { device } => hmem(map, claims, device),
        Owner::Conflict { region, device } => Some(format!(
            "{device} was registered over the committed {region}: they keep each other out"
        )),
        Owner::Trimmed => match claims.decided {
            // The driver has one word for it.
            Some(Piece::Trimmed { reason, .. }) if reason == "alignment" => {
                Some("alignment: dax takes whole 2 MiB only".into())
            }
            Some(Piece::Trimmed { reason, .. }) => Some(reason.clone()),
            _ => None,
        },
        Owner::Waiting => Some("hmem_rs decides when the CXL drivers have had their chance".into()),
        Owner::Nobody => nobody(map, claims, piece),
        Owner::Unknown => Some("addresses are hidden; root would see the owner".into()),
        Owner::Dax { .. } | Owner::SystemRam | Owner::Other { .. } => None,
    }
}

fn cxl(map: &Map, claims: &Claims<'_>, region: &str) -> Option<String> {
    if claims.region.is_some_and(|r| r.committed == Some(false)) {
        return Some(format!("{region} is not committed"));
    }
    let dax = map
        .dax_regions
        .iter()
        .find(|r| r.cxl_region.as_deref() == Some(region));
    match dax {
        Some(dax) if dax.driver.is_some() => None,
        Some(dax) if has_module(map, "dax_cxl") => Some(format!(
            "dax_cxl did not bind {}: no dax device (see the kernel log)",
            dax.parent
        )),
        Some(dax) => Some(format!(
            "dax_cxl is not loaded: {} has no dax device",
            dax.parent
        )),
        None if claims.region.is_some_and(|r| r.driver.is_none()) => {
            Some(format!("{region} has no driver: no dax device"))
        }
        None => None,
    }
}

fn hmem(map: &Map, claims: &Claims<'_>, device: &str) -> Option<String> {
    if claims.hmem.is_some_and(|d| d.driver.is_none()) {
        return Some(format!("{device} has no driver: no dax device"));
    }
    if claims.by_size {
        return Some("by its size; where it lies is hidden from this user".into());
    }
    if let Some(region) = claims.region {
        return Some(format!(
            "{} is not committed and lost the range to {device}",
            region.name
        ));
    }
    let region = map
        .dax_regions
        .iter()
        .find(|r| r.kind == RegionKind::Hmem && r.parent == device)?;
    let idle = region.size.is_some() && region.size == region.available_size;
    idle.then(|| match map.system.region_idle {
        Some(true) => "region_idle is set: waits for daxctl create-device".into(),
        _ => "all of it is free: daxctl create-device".into(),
    })
}

fn nobody(map: &Map, claims: &Claims<'_>, piece: Range) -> Option<String> {
    let table = map.hmem_rs.iter().flat_map(|t| &t.ranges);
    let failed = table.filter(|r| r.state == Decision::Failed && r.range.contains(piece));
    if let Some(errno) = failed.filter_map(|r| r.errno).next() {
        let name = text::errno(errno);
        return Some(format!(
            "hmem_rs could not decide: {name}; rebind hmem_platform.0 to try again"
        ));
    }
    if let Some(Piece::Hmem { errno, .. }) = claims.decided {
        if *errno != 0 {
            let name = text::errno(*errno);
            return Some(format!(
                "hmem_rs could not register it: {name} (see the kernel log)"
            ));
        }
    }
    if let Some(Piece::Cxl { regions, .. }) = claims.decided {
        let regions = regions.join(", ");
        return Some(format!(
            "left to CXL for {regions}, which is gone; rebind hmem_platform.0 to decide again"
        ));
    }
    if !map.soft_reserved.iter().any(|s| s.range.contains(piece)) {
        return None;
    }
    let cmdline = map.system.cmdline.as_deref().unwrap_or("");
    if cmdline
        .split_whitespace()
        .any(|w| matches!(w, "device_hmem.disable=1" | "device_hmem.disable=Y"))
    {
        return Some("device_hmem.disable is set on the command line".into());
    }
    if !has_module(map, "hmem_rs") && !has_module(map, "dax_hmem") {
        return match map.system.modules.is_empty() {
            true => None,
            false => Some("neither hmem_rs nor dax_hmem is loaded".into()),
        };
    }
    if has_module(map, "dax_hmem") && !map.soft_reserved.iter().any(|s| is_aligned(s.range, piece))
    {
        return Some("dax_hmem drops a range whose ends are not multiples of 2 MiB".into());
    }
    if let Some(device) = map.hmem_devices.iter().find(|d| d.range.is_none()) {
        return Some(format!(
            "perhaps {}'s, which made no dax region of it",
            device.name
        ));
    }
    if has_module(map, "dax_hmem")
        && map
            .cxl
            .windows
            .iter()
            .any(|w| w.range.is_some_and(|r| r.overlaps(piece)))
    {
        return Some("dax_hmem left it to CXL, and no committed region covers it".into());
    }
    None
}

/// Whether `range` is the one around `piece`, and fit for a dax device.
fn is_aligned(range: Range, piece: Range) -> bool {
    const ALIGN: u64 = 2 << 20;
    range.contains(piece) && range.start() % ALIGN == 0 && range.size() % ALIGN == 0
}

/// Why a dax device has no driver; `None` if it has one, or the reason cannot be told.
pub fn unbound(map: &Map, device: &DaxDevice) -> Option<String> {
    if device.mode != Mode::Unbound || device.size == Some(0) {
        return None;
    }
    let inside = |range: Range| device.mappings.iter().any(|m| m.range.overlaps(range));
    let region = map.cxl.regions.iter().find(|r| {
        let own = device.path.starts_with(&format!("{}/", r.path));
        !own && r.range.is_some_and(inside)
    });
    if let Some(region) = region {
        return Some(format!("overlaps {}", region.name));
    }
    // Blocks that kmem added carry another name.
    if map
        .iomem
        .iter()
        .any(|e| e.name == "System RAM" && inside(e.range))
    {
        return Some("part of it is System RAM already".into());
    }
    let block = map.system.memory_block_size.unwrap_or(0);
    if device.size.is_some_and(|size| size < block) {
        return Some(format!(
            "smaller than a memory block ({})",
            text::size(block)
        ));
    }
    if device.target_node.is_none_or(|n| n < 0) {
        return Some("has no target node".into());
    }
    (!has_module(map, "kmem")).then(|| "kmem is not loaded".into())
}

fn has_module(map: &Map, name: &str) -> bool {
    map.system.modules.iter().any(|m| m == name)
}
