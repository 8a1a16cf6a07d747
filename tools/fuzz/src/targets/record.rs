// SPDX-License-Identifier: GPL-2.0

//! graft's record of what it did to a tree. Undo writes and removes what it names.

use std::path::{Component, Path};

pub(super) const WORDS: &[&str] = &[
    "format = 1\n",
    "kernel = \"Linux 7.3.4\"\n",
    "complete = true\n",
    "complete = false\n",
    "dirs = [\"rust/kernel/dax\"]\n",
    "[edited.MAINTAINERS]\n",
    "[edited.\"rust/lib.rs\"]\n",
    "original = \"0a\"\n",
    "mode = 420\n",
    "written = [\"0b\"]\n",
    "[overlay]\n",
    "\"rust/dax.rs\" = [\"0c\"]\n",
    "../",
    "./",
    "/",
    ".git/",
    ".hmem-graft/",
    "\\u0000",
    "\\r",
];

pub(super) fn run(input: &[u8]) {
    let record = match graft::record::parse(&String::from_utf8_lossy(input)) {
        Ok(record) => record,
        Err(why) => return assert!(!why.is_empty()),
    };
    for name in record.names() {
        let name = Path::new(name);
        let inside = |part| matches!(part, Component::Normal(_));
        assert!(name.components().next().is_some(), "the tree itself");
        assert!(name.components().all(inside), "{name:?} is out of the tree");
        assert!(!name.starts_with(graft::record_dir(Path::new(""))));
    }
    assert_eq!(graft::record::parse(&record.to_string()), Ok(record));
}
