// SPDX-License-Identifier: GPL-2.0

//! The policy of the DAX core: its grammar, and what its rules say about memory.

use dax_policy::cases::NODES;
use dax_policy::grammar::{actions, strip};
use dax_policy::{Memory, Origin, Policy, Range, UNIT};

pub(super) const WORDS: &[&str] = &[
    "*",
    ":",
    ";",
    ",",
    "+",
    "-",
    "@",
    "hmem",
    "cxl",
    "node0",
    "node3",
    "kmem",
    "device_dax",
    "fsdev_dax",
    "none",
    "unplugged",
    "online",
    "online_kernel",
    "online_movable",
    "memmap=on",
    "memmap=off",
    "never-ram",
    "0x100000000",
    "1G@4G",
    "0x100000000-0x13fffffff",
    "2M",
    "T",
];

pub(super) fn run(input: &[u8]) {
    let stripped = strip(input);
    assert!(stripped.len() <= input.len());
    match actions(stripped) {
        Ok(said) => assert_eq!(actions(said.to_string().as_bytes()), Ok(said)),
        Err(refusal) => assert!(refusal.at <= stripped.len()),
    }
    let Ok(text) = std::str::from_utf8(stripped) else {
        return;
    };
    let policy = match Policy::parse(text, |node| node < NODES) {
        Ok(policy) => policy,
        Err(refusal) => {
            assert!(refusal.at <= text.len(), "{refusal}");
            assert!(!refusal.to_string().is_empty());
            return;
        }
    };

    // What is read is what is shown: the rules' own texts make the same policy.
    let rules: Vec<&str> = policy
        .rules()
        .iter()
        .map(|rule| policy.text(rule))
        .collect();
    let again = Policy::parse(&rules.join(";"), |node| node < NODES).expect("its own text");
    assert_eq!(again.rules().len(), policy.rules().len());

    for start in [0, 1 << 32, 0x1_1000_0000] {
        let range = Range::from_start_len(start, 64 * UNIT).expect("it is not empty");
        let mut next = range.start();
        for piece in policy.pieces(Some(1), range) {
            assert_eq!(piece.start(), next);
            let memory = Memory {
                origin: Origin::Hmem,
                node: Some(1),
                range: piece,
            };
            assert_eq!(policy.judge(&memory).partly, None);
            next = piece.end() + 1;
        }
        assert_eq!(next, range.end() + 1);
    }
}
