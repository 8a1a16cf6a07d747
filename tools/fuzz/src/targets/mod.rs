// SPDX-License-Identifier: GPL-2.0

//! The targets: each parser with what must hold of all that it returns.

mod edits;
mod listing;
mod policy;
mod record;
mod state;
mod tree;

use std::path::Path;

/// A parser to be tried.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its directory in `corpus/`.
    pub name: &'static str,
    /// What its format is made of.
    pub words: &'static [&'static str],
    /// Tries one input; panics if something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "edits",
        words: edits::WORDS,
        run: edits::parse,
    },
    Target {
        name: "graft",
        words: edits::WORDS,
        run: edits::apply,
    },
    Target {
        name: "listing",
        words: listing::WORDS,
        run: listing::run,
    },
    Target {
        name: "policy",
        words: policy::WORDS,
        run: policy::run,
    },
    Target {
        name: "record",
        words: record::WORDS,
        run: record::run,
    },
    Target {
        name: "state",
        words: state::WORDS,
        run: state::run,
    },
    Target {
        name: "tree",
        words: tree::WORDS,
        run: tree::run,
    },
];

/// A place for a small tree: in memory, where there is some, as thousands are made.
fn small_tree() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    let dir = if shm.is_dir() {
        tempfile::tempdir_in(shm)
    } else {
        tempfile::tempdir()
    };
    dir.expect("room for a small tree")
}
