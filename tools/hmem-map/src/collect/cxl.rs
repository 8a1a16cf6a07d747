// SPDX-License-Identifier: GPL-2.0

//! `/sys/bus/cxl`: windows, decoders, regions, memory devices.

use crate::model::{Cxl, CxlDecoder, CxlMemdev, CxlRegion, CxlWindow, IomemEntry};
use crate::parse;
use crate::range::Range;
use crate::tree::{base_name, parent, Tree};

const DEVICES: &str = "/sys/bus/cxl/devices";
const WINDOW: &str = "CXL Window ";

/// One device on the bus.
struct Device<'a> {
    tree: &'a Tree,
    name: String,
    path: String,
}

impl Device<'_> {
    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.tree
            .text(&self.file(name))
            .filter(|t| !t.trim().is_empty())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.tree.number(&self.file(name))
    }

    fn ways(&self) -> Option<u32> {
        self.number("interleave_ways")
            .and_then(|n| u32::try_from(n).ok())
    }

    fn driver(&self) -> Option<String> {
        self.tree.link_name(&self.file("driver"))
    }

    /// `start` and `size` of a decoder, `resource` and `size` of a region.
    fn range(&self, start: &str) -> Option<Range> {
        Range::with_size(self.number(start)?, self.number("size")?)
    }
}

fn devices<'a>(tree: &'a Tree, prefix: &str) -> Vec<Device<'a>> {
    let device = |name: String| {
        let path = tree.link(&format!("{DEVICES}/{name}"))?;
        Some(Device { tree, name, path })
    };
    tree.list(DEVICES, prefix)
        .into_iter()
        .filter_map(device)
        .collect()
}

pub(super) fn read(tree: &Tree, iomem: &[IomemEntry]) -> Cxl {
    let (roots, others): (Vec<_>, Vec<_>) = devices(tree, "decoder").into_iter().partition(is_root);
    let decoders: Vec<CxlDecoder> = others.iter().map(decoder).collect();
    let endpoints = endpoints(tree);
    Cxl {
        windows: windows(&roots, iomem),
        regions: devices(tree, "region")
            .iter()
            .map(|d| region(d, &decoders, &endpoints))
            .collect(),
        memdevs: devices(tree, "mem")
            .iter()
            .map(|d| memdev(d, &endpoints))
            .collect(),
        decoders,
    }
}

/// Root decoders sit right below `rootN`.
fn is_root(device: &Device<'_>) -> bool {
    parse::suffix(base_name(parent(&device.path)), "root").is_some()
}

/// The windows of iomem, each with its root decoder, then the decoders whose address is hidden.
fn windows(roots: &[Device<'_>], iomem: &[IomemEntry]) -> Vec<CxlWindow> {
    let mut windows: Vec<CxlWindow> = roots
        .iter()
        .map(|root| {
            let range = root.range("start");
            let size = root.number("size");
            // iomem has the window's range as firmware gave it; the decoder may lack a cache's share.
            let line = iomem
                .iter()
                .find(|e| e.name.starts_with(WINDOW) && range.is_some_and(|r| e.range.contains(r)));
            CxlWindow {
                name: line.map_or(&root.name, |e| &e.name).clone(),
                decoder: Some(root.name.clone()),
                range: line.map(|e| e.range).or(range),
                size: line.map(|e| e.range.size()).or(size),
                interleave_ways: root.ways(),
                interleave_granularity: root.number("interleave_granularity"),
                targets: root.text("target_list"),
                cap_ram: root.tree.flag(&root.file("cap_ram")),
                cap_pmem: root.tree.flag(&root.file("cap_pmem")),
            }
        })
        .collect();
    for line in iomem.iter().filter(|e| e.name.starts_with(WINDOW)) {
        if !windows.iter().any(|w| w.range == Some(line.range)) {
            windows.push(CxlWindow {
                name: line.name.clone(),
                decoder: None,
                range: Some(line.range),
                size: Some(line.range.size()),
                interleave_ways: None,
                interleave_granularity: None,
                targets: None,
                cap_ram: None,
                cap_pmem: None,
            });
        }
    }
    windows.sort_by(|a, b| {
        a.range
            .cmp(&b.range)
            .then_with(|| parse::natural(&a.name, &b.name))
    });
    windows
}

fn decoder(device: &Device<'_>) -> CxlDecoder {
    CxlDecoder {
        name: device.name.clone(),
        port: base_name(parent(&device.path)).to_string(),
        range: device.range("start"),
        size: device.number("size"),
        region: device.text("region"),
        locked: device.tree.flag(&device.file("locked")),
    }
}

/// Endpoint ports and the memory devices behind them.
fn endpoints(tree: &Tree) -> Vec<(String, String)> {
    let endpoint = |device: Device<'_>| {
        let memdev = tree.link_name(&device.file("uport"))?;
        Some((device.name, memdev))
    };
    devices(tree, "endpoint")
        .into_iter()
        .filter_map(endpoint)
        .collect()
}

fn region(
    device: &Device<'_>,
    decoders: &[CxlDecoder],
    endpoints: &[(String, String)],
) -> CxlRegion {
    let ways = device.ways();
    // A region of no ways yet has no targets; more than 16 there cannot be.
    let targets: Vec<String> = (0..ways.unwrap_or(0).min(16))
        .filter_map(|position| device.text(&format!("target{position}")))
        .collect();
    let memdev = |target: &String| {
        let port = &decoders.iter().find(|d| d.name == *target)?.port;
        endpoints
            .iter()
            .find(|(name, _)| name == port)
            .map(|(_, memdev)| memdev.clone())
    };
    CxlRegion {
        name: device.name.clone(),
        path: device.path.clone(),
        decoder: Some(base_name(parent(&device.path)).to_string())
            .filter(|name| name.starts_with("decoder")),
        range: device.range("resource"),
        size: device.number("size"),
        committed: device.tree.flag(&device.file("commit")),
        mode: device.text("mode"),
        driver: device.driver(),
        interleave_ways: ways,
        interleave_granularity: device.number("interleave_granularity"),
        memdevs: targets.iter().filter_map(memdev).collect(),
        targets,
    }
}

fn memdev(device: &Device<'_>, endpoints: &[(String, String)]) -> CxlMemdev {
    CxlMemdev {
        name: device.name.clone(),
        host: Some(base_name(parent(&device.path)).to_string()),
        driver: device.driver(),
        serial: device.text("serial"),
        ram_size: device.number("ram/size"),
        pmem_size: device.number("pmem/size"),
        numa_node: device.tree.node(&device.file("numa_node")),
        endpoint: endpoints
            .iter()
            .find(|(_, m)| *m == device.name)
            .map(|(name, _)| name.clone()),
    }
}
