// SPDX-License-Identifier: GPL-2.0

//! The map of a guest: drawn on the host, by hmem-map's library, from the tree that hmem-map recorded in
//! the guest.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use hmem_map::render::style::Style;
use hmem_map::render::{svg, terminal};
use hmem_map::Map;

use crate::judge::Verdict;
use crate::seen::Seen;

/// Draws the map of the snapshot at the end of a case, and checks that it shows what sysfs showed.
pub fn draw(dir: &Path) -> Verdict {
    let check = "hmem-map shows the guest";
    match write(dir) {
        Ok(map) => agrees(check, &map, dir),
        Err(error) => Verdict::fail(check, "a map", format!("{error:#}")),
    }
}

fn write(dir: &Path) -> Result<Map> {
    let map = read(dir)?;
    fs::write(dir.join("map.svg"), svg::render(&map)).context("cannot write the map")?;
    fs::write(dir.join("map.txt"), text(&map, false)).context("cannot write the map")?;
    fs::write(dir.join("map.json"), serde_json::to_string_pretty(&map)?)
        .context("cannot write the map")?;
    Ok(map)
}

/// Reads the tree that hmem-map recorded in the guest.
pub fn read(dir: &Path) -> Result<Map> {
    let tree = dir.join("end/map");
    let said = fs::read_to_string(dir.join("end/map.log")).unwrap_or_default();
    hmem_map::read(&tree)
        .with_context(|| format!("hmem-map recorded nothing in the guest: {}", said.trim()))
}

/// The map as the terminal shows it.
pub fn text(map: &Map, colour: bool) -> String {
    terminal::render(
        map,
        Style {
            colour,
            ascii: false,
            width: None,
        },
    )
}

/// Each dax device of the guest must be on its map.
fn agrees(check: &str, map: &Map, dir: &Path) -> Verdict {
    let Ok(seen) = Seen::read(&dir.join("end")) else {
        return Verdict::fail(check, "a snapshot to compare with", "none");
    };
    let shown = text(map, false);
    let missing: Vec<&str> = seen
        .dax
        .iter()
        .map(|device| device.name.as_str())
        .filter(|name| !shown.contains(name))
        .collect();
    if missing.is_empty() {
        Verdict::pass(check)
    } else {
        Verdict::fail(check, missing.join(" "), shown)
    }
}
