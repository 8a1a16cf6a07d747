// SPDX-License-Identifier: GPL-2.0

//! `/sys/bus/dax`: devices, the regions that they are cut from, and `hmem.N`.

use crate::model::{
    DaxDevice, DaxRegion, HmemDevice, Map, Mapping, MemoryBlock, Mode, Piece, RegionKind,
};
use crate::parse;
use crate::range::Range;
use crate::tree::{base_name, parent, Tree};

const DEVICES: &str = "/sys/bus/dax/devices";

pub(super) fn hmem_devices(tree: &Tree) -> Vec<HmemDevice> {
    let device = |name: String| {
        let path = tree.link(&format!("/sys/bus/platform/devices/{name}"))?;
        Some(HmemDevice {
            id: parse::suffix(&name, "hmem.").and_then(|id| i32::try_from(id).ok()),
            host: base_name(parent(&path)).to_string(),
            driver: tree.link_name(&format!("{path}/driver")),
            range: None,
            numa_node: tree.node(&format!("{path}/numa_node")),
            name,
            path,
        })
    };
    tree.list("/sys/bus/platform/devices", "hmem.")
        .into_iter()
        .filter_map(device)
        .collect()
}

pub(super) fn devices(tree: &Tree) -> Vec<DaxDevice> {
    let device = |name: String| {
        let path = tree.link(&format!("{DEVICES}/{name}"))?;
        let region = parent(&path);
        let file = |name: &str| format!("{path}/{name}");
        let driver = tree.link_name(&file("driver"));
        Some(DaxDevice {
            region: base_name(region).to_string(),
            region_id: tree.node(&format!("{region}/dax_region/id")),
            mappings: mappings(tree, &path),
            size: tree.number(&file("size")),
            align: tree.number(&file("align")),
            mode: mode(driver.as_deref()),
            driver,
            target_node: tree.node(&file("target_node")),
            numa_node: tree.node(&file("numa_node")),
            state: tree.text(&file("state")),
            memmap_on_memory: tree.flag(&file("memmap_on_memory")),
            memory_blocks: Vec::new(),
            name,
            path: path.clone(),
        })
    };
    tree.list(DEVICES, "dax")
        .into_iter()
        .filter_map(device)
        .collect()
}

fn mode(driver: Option<&str>) -> Mode {
    match driver {
        None => Mode::Unbound,
        Some("kmem") => Mode::SystemRam,
        Some("device_dax") => Mode::Devdax,
        Some("fsdev_dax") => Mode::Famfs,
        Some(_) => Mode::Other,
    }
}

/// `mappingN/`, or else `resource` and `size` (before Linux 5.10 there was one range at most).
fn mappings(tree: &Tree, device: &str) -> Vec<Mapping> {
    let mapping = |name: String| {
        let file = |field: &str| format!("{device}/{name}/{field}");
        let range = Range::new(tree.number(&file("start"))?, tree.number(&file("end"))?)?;
        // In pages, in hexadecimal without 0x.
        let page_offset = tree.text(&file("page_offset")).and_then(|t| parse::hex(&t));
        Some(Mapping { range, page_offset })
    };
    let mappings: Vec<_> = tree
        .list(device, "mapping")
        .into_iter()
        .filter_map(mapping)
        .collect();
    if !mappings.is_empty() {
        return mappings;
    }
    let resource = tree.number(&format!("{device}/resource"));
    let size = tree.number(&format!("{device}/size"));
    let range = resource
        .zip(size)
        .and_then(|(start, size)| Range::with_size(start, size));
    range
        .map(|range| Mapping {
            range,
            page_offset: Some(0),
        })
        .into_iter()
        .collect()
}

/// The parents of dax devices, and every device that could be one.
pub(super) fn regions(tree: &Tree, map: &Map) -> Vec<DaxRegion> {
    let mut paths: Vec<String> = map.hmem_devices.iter().map(|d| d.path.clone()).collect();
    paths.retain(|path| tree.text(&format!("{path}/dax_region/id")).is_some());
    let cxl = tree.list("/sys/bus/cxl/devices", "dax_region");
    paths.extend(
        cxl.iter()
            .filter_map(|n| tree.link(&format!("/sys/bus/cxl/devices/{n}"))),
    );
    paths.extend(map.dax_devices.iter().map(|d| parent(&d.path).to_string()));
    paths.sort_by(|a, b| parse::natural(base_name(a), base_name(b)).then_with(|| a.cmp(b)));
    paths.dedup();
    paths
        .into_iter()
        .map(|path| region(tree, map, path))
        .collect()
}

fn region(tree: &Tree, map: &Map, path: String) -> DaxRegion {
    let name = base_name(&path).to_string();
    let file = |name: &str| format!("{path}/dax_region/{name}");
    // region0/dax_region0/dax0.0
    let above = base_name(parent(&path));
    let cxl_region = parse::suffix(&name, "dax_region")
        .and_then(|_| parse::suffix(above, "region"))
        .map(|_| above.to_string());
    let kind = if cxl_region.is_some() {
        RegionKind::Cxl
    } else if parse::suffix(&name, "hmem.").is_some() {
        RegionKind::Hmem
    } else {
        RegionKind::Other
    };
    let devices = map.dax_devices.iter().filter(|d| parent(&d.path) == path);
    DaxRegion {
        id: tree.node(&file("id")),
        kind,
        cxl_region,
        driver: tree.link_name(&format!("{path}/driver")),
        range: region_start(tree, map, &path)
            .zip(tree.number(&file("size")))
            .and_then(|(start, size)| Range::with_size(start, size)),
        size: tree.number(&file("size")),
        available_size: tree.number(&file("available_size")),
        policy: tree.text(&file("policy")).and_then(|t| parse::policy(&t)),
        align: tree.number(&file("align")),
        seed: tree.text(&file("seed")).filter(|t| !t.is_empty()),
        devices: devices.map(|d| d.name.clone()).collect(),
        parent: name,
        path,
    }
}

/// Where a dax region begins: no file says so, but an empty device's `resource` does, and so does the
/// lowest mapping of a region that is given out wholly.
fn region_start(tree: &Tree, map: &Map, path: &str) -> Option<u64> {
    let devices = || map.dax_devices.iter().filter(|d| parent(&d.path) == path);
    let empty = devices().find(|d| d.size == Some(0));
    if let Some(start) = empty.and_then(|d| tree.number(&format!("{}/resource", d.path))) {
        return Some(start);
    }
    let given_out = tree.number(&format!("{path}/dax_region/available_size")) == Some(0);
    let starts = devices().flat_map(|d| &d.mappings).map(|m| m.range.start());
    starts.min().filter(|_| given_out)
}

/// Fills in the ranges that another source tells, and the memory blocks of each device.
pub(super) fn place(map: &mut Map) {
    let table = map.hmem_rs.clone().unwrap_or_default();
    let pieces = || table.ranges.iter().flat_map(|r| &r.pieces);
    for region in &mut map.dax_regions {
        let cxl = region.cxl_region.as_deref();
        let of_cxl = map
            .cxl
            .regions
            .iter()
            .find(|r| Some(r.name.as_str()) == cxl);
        region.range = region.range.or_else(|| of_cxl.and_then(|r| r.range));
    }
    for device in &mut map.hmem_devices {
        let in_table = pieces().find_map(|piece| match piece {
            Piece::Hmem {
                range,
                device: Some(name),
                ..
            } => (*name == device.name).then_some(*range),
            _ => None,
        });
        let region = map.dax_regions.iter().find(|r| r.path == device.path);
        // Kernels before 6.3 put the device's range into iomem under its name.
        let line = map.iomem.iter().find(|e| e.name == device.name);
        device.range = in_table
            .or_else(|| region.and_then(|r| r.range))
            .or_else(|| line.map(|e| e.range));
    }
    for region in &mut map.dax_regions {
        let hmem = map.hmem_devices.iter().find(|d| d.path == region.path);
        region.range = region.range.or_else(|| hmem.and_then(|d| d.range));
        region.size = region.size.or_else(|| region.range.map(Range::size));
    }
    for device in &mut map.dax_devices {
        // Root only; but kmem names its lines in iomem after the device.
        if device.mappings.is_empty() && device.size != Some(0) {
            let lines = map.iomem.iter().filter(|e| e.name == device.name);
            device.mappings = lines
                .map(|e| Mapping {
                    range: e.range,
                    page_offset: None,
                })
                .collect();
        }
        // A region that has one device, of its own size, leaves no choice.
        let region = map.dax_regions.iter().find(|r| r.parent == device.region);
        let whole = region
            .filter(|r| r.size == device.size)
            .and_then(|r| r.range);
        if device.mappings.is_empty() && device.size != Some(0) {
            let mapping = |range| Mapping {
                range,
                page_offset: Some(0),
            };
            device.mappings.extend(whole.map(mapping));
        }
        device.memory_blocks = blocks_in(&map.memory_blocks, &device.mappings);
    }
}

fn blocks_in(blocks: &[MemoryBlock], mappings: &[Mapping]) -> Vec<MemoryBlock> {
    let inside = |block: &&MemoryBlock| {
        block
            .range
            .is_some_and(|block| mappings.iter().any(|m| m.range.contains(block)))
    };
    blocks.iter().filter(inside).cloned().collect()
}
