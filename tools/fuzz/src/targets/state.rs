// SPDX-License-Identifier: GPL-2.0

//! What is written to the files `state` and `set_state` of kmem.

use crate::command::{Command, Selector};
use crate::state::State;

pub(super) const WORDS: &[&str] = &[
    "unplugged",
    "online",
    "online_kernel",
    "online_movable",
    "offline",
    "all",
    "node",
    "region",
    "dax",
    ".",
    " ",
    "0",
    "4294967295",
    "dax0.0",
    "node1",
];

pub(super) fn run(input: &[u8]) {
    if let Ok(state) = State::requested(input) {
        assert_eq!(state.as_str().as_bytes(), input);
        assert_ne!(input, b"offline");
    }
    let Ok(command) = Command::parse(input) else {
        return;
    };
    // Said in its own words it is the same command.
    let mut text = command.wanted.as_str().as_bytes().to_vec();
    for selector in command.selectors.iter() {
        text.push(b' ');
        match selector {
            Selector::All => text.extend(b"all"),
            Selector::Node(node) => text.extend(format!("node{node}").bytes()),
            Selector::Region(number) => text.extend([b"region", *number].concat()),
            Selector::Device(name) => {
                assert!(
                    name.starts_with(b"dax")
                        && name.iter().filter(|byte| **byte == b'.').count() == 1
                );
                text.extend(*name);
            }
        }
    }
    let words = |text: &[u8]| -> Vec<Vec<u8>> {
        let words = text
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        words.map(<[u8]>::to_vec).collect()
    };
    assert_eq!(words(&text), words(input));
}
