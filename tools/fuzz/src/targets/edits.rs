// SPDX-License-Identifier: GPL-2.0

//! The data of graft: edits to kernel files, and the order of the series.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(super) const WORDS: &[&str] = &[
    "[[edit]]\n",
    "[[patch]]\n",
    "file = \"drivers/dax/Kconfig\"\n",
    "file = \"rust/lib.rs\"\n",
    "anchor = \"config DAX_KMEM\"\n",
    "anchor = \"pub mod device;\"\n",
    "place = \"before\"\n",
    "place = \"after\"\n",
    "place = \"replace\"\n",
    "text = \"\"\"\nnew\n\"\"\"\n",
    "text = \"x\"\n",
    "text_file = \"rust/dax.rs\"\n",
    "text_section = \"// dax\"\n",
    "after_line = \"config DAX\"\n",
    "before_line = \"config DAX\"\n",
    "since = \"7.2\"\n",
    "until = \"7.3\"\n",
    "whole_line = true\n",
    "subject = \"x: y\"\n",
    "body = \"z\"\n",
    "files = [\"rust/*\"]\n",
    "edits = [\"dax\"]\n",
    "../",
    "\\t",
];

/// Reading alone, which is fast.
pub(super) fn parse(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let lines = text.lines().count() + 1;
    match graft::edits::parse(text) {
        Ok(edits) => {
            for edit in edits {
                assert!(edit.line >= 1 && edit.line <= lines);
                assert!(!edit.anchor.contains('\n') && !edit.anchor.is_empty());
                let path = Path::new(&edit.file);
                assert!(path.is_relative() && !edit.file.split('/').any(|part| part == ".."));
            }
        }
        Err(error) => assert!(error.line >= 1 && error.line <= lines, "{error:?}"),
    }
    let _ = graft::series::parse(text);
}

/// Puts the edits into a small tree, and takes them out again: what is refused changes nothing, and what is not can be
/// undone to the byte.
pub(super) fn apply(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    if graft::edits::parse(text).is_err() {
        return;
    }
    let dir = super::small_tree();
    let (tree, overlay) = (dir.path().join("linux"), dir.path().join("overlay"));
    for (file, content) in [
        (
            "linux/Makefile",
            "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
        ),
        ("linux/Kbuild", ""),
        ("linux/Kconfig", ""),
        (
            "linux/drivers/dax/Kconfig",
            "config DAX\n\tbool\n\nconfig DAX_KMEM\n\tbool\n",
        ),
        ("linux/rust/lib.rs", "pub mod device;\npub mod device_id;"),
        ("overlay/rust/dax.rs", "// dax\n\n// more\n"),
        ("overlay/tools/graft/edits/dax.toml", text),
    ] {
        let place = dir.path().join(file);
        place
            .parent()
            .map(fs::create_dir_all)
            .expect("it has one")
            .expect("room");
        fs::write(place, content).expect("room");
    }

    let before = files(&tree);
    match graft::apply(&tree, &overlay) {
        Err(_) => assert_eq!(files(&tree), before, "refused, and yet something changed"),
        Ok(_) => {
            graft::undo(&tree, false).expect("what was applied can be undone");
            assert_eq!(files(&tree), before, "undone, and yet something is left");
        }
    }
}

/// Every file with its content.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => todo.push(path),
                false => drop(all.insert(
                    path.display().to_string(),
                    fs::read(&path).unwrap_or_default(),
                )),
            }
        }
    }
    all
}
