// SPDX-License-Identifier: GPL-2.0

//! Facts from the tree of sysfs and debugfs files that hmem-map recorded in the guest.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::facts::{self, Facts};
use super::names::Names;
use crate::size::Range;

const KIND: &str = "sysfs";

/// Adds what the tree below `root` holds. A guest without one has none to compare, which is an error: half a comparison
/// would look like a whole one.
pub(super) fn read(root: &Path, names: &Names, facts: &mut Facts) -> Result<()> {
    let sys = root.join("sys");
    list(&sys).context("hmem-map recorded nothing")?;
    for entry in list(&sys.join("devices")).unwrap_or_default() {
        if entry != "system" && entry != ".empty" {
            walk(&sys.join("devices").join(&entry), &entry, names, facts)?;
        }
    }
    for module in list(&sys.join("module")).unwrap_or_default() {
        let parameters = sys.join("module").join(&module).join("parameters");
        for parameter in list(&parameters).unwrap_or_default() {
            let object = format!("module {}", facts::driver(&module));
            facts.add(
                KIND,
                &object,
                &parameter,
                &value(&parameters.join(&parameter)),
            );
        }
    }
    // Its contents are the other half of the sysfs files, in a form of its own: that there is one says it.
    for directory in list(&sys.join("kernel/debug")).unwrap_or_default() {
        for file in list(&sys.join("kernel/debug").join(&directory))? {
            facts.add(KIND, &format!("debugfs {directory}"), &file, "there");
        }
    }
    blocks(&sys.join("devices/system"), facts)
}

/// Files below a device are its attributes; a device is a directory that has a number in its name.
fn walk(dir: &Path, object: &str, names: &Names, facts: &mut Facts) -> Result<()> {
    for name in list(dir)? {
        let path = dir.join(&name);
        let stable = names.apply(&name);
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(&path)?;
            let target = target.file_name().unwrap_or_default().to_string_lossy();
            facts.add(KIND, object, &stable, &names.apply(&target));
        } else if kind.is_file() {
            // The number that dax devices are named after
            if name != "id" {
                facts.add(KIND, object, &stable, &names.apply(&value(&path)));
            }
        } else if is_device(&name) {
            walk(&path, &stable, names, facts)?;
            // A directory may be there only because of others below it.
            if facts.knows(KIND, &stable) {
                facts.add(KIND, &stable, "in", object);
            }
        } else {
            attributes(&path, &name, object, names, facts)?;
        }
    }
    Ok(())
}

fn is_device(name: &str) -> bool {
    !name.starts_with("mapping") && name.contains(|c: char| c.is_ascii_digit())
}

/// A directory that only groups attributes.
fn attributes(
    dir: &Path,
    group: &str,
    object: &str,
    names: &Names,
    facts: &mut Facts,
) -> Result<()> {
    for name in list(dir)? {
        let path = dir.join(&name);
        if path.is_file() && name != "id" {
            facts.add(
                KIND,
                object,
                &format!("{group}/{name}"),
                &names.apply(&value(&path)),
            );
        }
    }
    Ok(())
}

/// Memory blocks, joined while they are alike.
fn blocks(system: &Path, facts: &mut Facts) -> Result<()> {
    let memory = system.join("memory");
    let size = value(&memory.join("block_size_bytes"));
    let Ok(size) = u64::from_str_radix(&size, 16) else {
        return Ok(());
    };
    facts.add(
        KIND,
        "memory",
        "auto_online_blocks",
        &value(&memory.join("auto_online_blocks")),
    );
    let mut nodes = BTreeMap::new();
    for node in list(&system.join("node")).unwrap_or_default() {
        for block in list(&system.join("node").join(&node)).unwrap_or_default() {
            nodes.insert(block, node.clone());
        }
    }
    let mut found: Vec<(u64, [String; 3])> = Vec::new();
    for name in list(&memory)? {
        let Some(number) = name
            .strip_prefix("memory")
            .and_then(|text| text.parse::<u64>().ok())
        else {
            continue;
        };
        let dir = memory.join(&name);
        let node = nodes.get(&name).cloned().unwrap_or_default();
        found.push((
            number,
            [
                node,
                value(&dir.join("state")),
                value(&dir.join("valid_zones")),
            ],
        ));
    }
    found.sort();
    for run in found.chunk_by(|(a, like), (b, other)| a + 1 == *b && like == other) {
        let (first, [node, state, zones]) = &run[0];
        if let Some(range) = Range::sized(first * size, run.len() as u64 * size) {
            let object = format!("memory {range}");
            facts.add(KIND, &object, "node", node);
            facts.add(KIND, &object, "state", state);
            facts.add(KIND, &object, "zones", zones);
        }
    }
    Ok(())
}

fn value(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default())
        .trim()
        .to_string()
}

fn list(dir: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
