// SPDX-License-Identifier: GPL-2.0

//! Reads a [`Tree`] into a [`Map`]: one file for each part of sysfs.

mod cxl;
mod dax;
mod memory;
mod system;

use crate::model::{Map, Note, NoteKind, SCHEMA};
use crate::parse::Listing;
use crate::tree::Tree;
use crate::{areas, notes, parse};

/// Everything that the tree tells. Never fails: what is missing is missing in the map too.
pub fn read(tree: &Tree) -> Map {
    let mut map = Map {
        schema: SCHEMA,
        tool: crate::TOOL.to_string(),
        ..Map::default()
    };
    map.system = system::read(tree);
    let iomem = take(
        &mut map,
        "/proc/iomem",
        tree.text("/proc/iomem").map(|t| parse::iomem(&t)),
    );
    let iomem = iomem.unwrap_or_default();
    map.system.addresses_hidden = parse::iomem_is_hidden(&iomem);
    if !map.system.addresses_hidden {
        map.iomem = iomem;
    }
    map.firmware_map = memory::firmware_map(tree);
    map.memory_blocks = memory::blocks(tree, map.system.memory_block_size);
    map.nodes = memory::nodes(tree);
    memory::assign_nodes(&mut map.memory_blocks, &map.nodes);
    map.cxl = cxl::read(tree, &map.iomem);
    map.hmem_devices = dax::hmem_devices(tree);
    map.dax_devices = dax::devices(tree);
    map.dax_regions = dax::regions(tree, &map);
    let table = tree
        .text(HMEM_RS_RANGES)
        .map(|text| parse::hmem_rs_ranges(&text));
    map.hmem_rs =
        take(&mut map, HMEM_RS_RANGES, table).map(|ranges| crate::model::HmemRs { ranges });
    dax::place(&mut map);
    areas::derive(&mut map);
    notes::add(&mut map, tree);
    map
}

/// debugfs table of hmem_rs.
pub(crate) const HMEM_RS_RANGES: &str = "/sys/kernel/debug/hmem_rs/ranges";

/// The entries of a listing; what was rejected becomes a note.
fn take<T>(map: &mut Map, path: &str, listing: Option<Listing<T>>) -> Option<Vec<T>> {
    let listing = listing?;
    if let Some((line, count)) = listing.rejected {
        let text =
            format!("{path}: {count} line(s) not understood and left out, the first: '{line}'");
        map.notes.push(Note {
            kind: NoteKind::Unreadable,
            text,
        });
    }
    Some(listing.entries)
}
