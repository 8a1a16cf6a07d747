// SPDX-License-Identifier: GPL-2.0

//! A tree of sysfs files as hmem-map reads it, from /sys or from a recording, and what it draws of it.
//!
//! The input is text: `@PATH` begins a file whose lines follow, `@PATH -> TARGET` is a link.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use hmem_map::render::style::Style;
use hmem_map::render::{svg, terminal};

pub(super) const WORDS: &[&str] = &[
    "@proc/iomem\n",
    "@sys/bus/dax/devices/dax0.0 -> ",
    "@sys/bus/platform/devices/hmem.0 -> ",
    "@sys/kernel/debug/hmem_rs/ranges\n",
    "@sys/devices/system/memory/block_size_bytes\n8000000\n",
    "@sys/devices/system/memory/memory32/state\n",
    "@sys/bus/cxl/devices/region0 -> ",
    "/mapping1/start\n",
    "/size\n",
    "@sys/module/dax/parameters/policy\n",
    "@hmem-map.denied\n",
    "../../../",
    "100000000-13fffffff : dax0.0\n",
    "@sys/devices/system/node/possible\n0-3\n",
];

/// As many as a small machine has.
const FILES: usize = 256;

pub(super) fn run(input: &[u8]) {
    let dir = super::small_tree();
    plant(&String::from_utf8_lossy(input), dir.path());

    let map = hmem_map::read(dir.path()).expect("the directory is there");
    for area in &map.areas {
        // The parts are disjoint, and together all of it.
        let mut next = Some(area.range.start());
        for part in &area.parts {
            assert_eq!(next, Some(part.range.start()));
            next = part.range.end().checked_add(1);
        }
        assert_eq!(next, area.range.end().checked_add(1));
    }
    for width in [None, Some(1), Some(80)] {
        terminal::render(
            &map,
            Style {
                colour: true,
                ascii: false,
                width,
            },
        );
    }
    assert!(svg::render(&map).contains("</svg>"));
    serde_json::to_string(&map).expect("a map is JSON");
    let _ = hmem_map::policy::check(&map, None, "cxl:none;hmem+0x100000000-0x13fffffff:kmem");
}

/// Makes the files. What the file system refuses is left out.
fn plant(text: &str, dir: &Path) {
    for file in text.split('@').skip(1).take(FILES) {
        let (head, content) = file.split_once('\n').unwrap_or((file, ""));
        let (path, target) = match head.split_once(" -> ") {
            Some((path, target)) => (path, Some(target)),
            None => (head, None),
        };
        let inside = Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.len() > 512 || path.contains('\0') || !inside {
            continue;
        }
        let place = dir.join(path);
        // A link of the tree may lead out of it; nothing is written through one.
        let parents = place
            .ancestors()
            .skip(1)
            .take_while(|parent| *parent != dir);
        if parents.into_iter().any(Path::is_symlink) || place.is_symlink() {
            continue;
        }
        let _ = place.parent().map(fs::create_dir_all);
        let _ = match target {
            Some(target) => symlink(target, &place),
            None => fs::write(&place, content),
        };
    }
}
