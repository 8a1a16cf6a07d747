// SPDX-License-Identifier: GPL-2.0

//! Memory blocks, nodes, and the map that firmware handed over.

use crate::model::{FirmwareEntry, MemoryBlock, Node};
use crate::parse;
use crate::range::Range;
use crate::tree::Tree;
use std::collections::BTreeMap;

pub(super) fn firmware_map(tree: &Tree) -> Vec<FirmwareEntry> {
    let base = "/sys/firmware/memmap";
    let entry = |name: &String| {
        let field = |field: &str| tree.text(&format!("{base}/{name}/{field}"));
        let range = Range::new(parse::hex(&field("start")?)?, parse::hex(&field("end")?)?)?;
        Some(FirmwareEntry {
            range,
            kind: field("type")?,
        })
    };
    let mut entries: Vec<_> = tree.list(base, "").iter().filter_map(entry).collect();
    entries.sort_by_key(|e| e.range);
    entries
}

pub(super) fn blocks(tree: &Tree, block_size: Option<u64>) -> Vec<MemoryBlock> {
    let base = "/sys/devices/system/memory";
    let block = |name: &String| {
        let id = parse::suffix(name, "memory")?;
        let start = block_size.and_then(|size| id.checked_mul(size));
        Some(MemoryBlock {
            id,
            range: start.and_then(|start| Range::with_size(start, block_size?)),
            state: tree.text(&format!("{base}/{name}/state")),
            zone: tree.text(&format!("{base}/{name}/valid_zones")),
            node: None,
        })
    };
    tree.list(base, "memory").iter().filter_map(block).collect()
}

pub(super) fn nodes(tree: &Tree) -> Vec<Node> {
    let base = "/sys/devices/system/node";
    let node = |name: &String| {
        let directory = format!("{base}/{name}");
        let blocks = tree.list(&directory, "memory");
        Some(Node {
            id: i32::try_from(parse::suffix(name, "node")?).ok()?,
            cpus: tree.text(&format!("{directory}/cpulist")),
            mem_total: tree
                .text(&format!("{directory}/meminfo"))
                .and_then(|t| parse::node_mem_total(&t)),
            memory_blocks: blocks
                .iter()
                .filter_map(|b| parse::suffix(b, "memory"))
                .collect(),
        })
    };
    tree.list(base, "node").iter().filter_map(node).collect()
}

/// Tells each block its node: only the node's directory knows.
pub(super) fn assign_nodes(blocks: &mut [MemoryBlock], nodes: &[Node]) {
    let of = |node: &Node| {
        node.memory_blocks
            .iter()
            .map(|id| (*id, node.id))
            .collect::<Vec<_>>()
    };
    let nodes: BTreeMap<u64, i32> = nodes.iter().flat_map(of).collect();
    for block in blocks {
        block.node = nodes.get(&block.id).copied();
    }
}
