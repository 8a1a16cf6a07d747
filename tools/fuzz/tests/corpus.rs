// SPDX-License-Identifier: GPL-2.0

//! Every input of the corpus, and each that ever failed, does not fail; and the engine finds what does.

use std::path::PathBuf;
use std::time::Duration;

use fuzz::engine::{self, Limit};
use fuzz::targets::{Target, TARGETS};

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("hmem-fuzz-{}-{name}", std::process::id()))
}

#[test]
fn no_input_of_the_corpus_fails() {
    for target in TARGETS {
        let corpus = engine::corpus(target).unwrap();
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        for (file, input) in corpus {
            engine::once(target, &input)
                .unwrap_or_else(|what| panic!("{}: {what}", file.display()));
        }
    }
}

/// A short run, the same each time: mutated inputs hold as well.
#[test]
fn neither_does_what_is_made_of_them() {
    for target in TARGETS {
        let corpus = engine::corpus(target)
            .unwrap()
            .into_iter()
            .map(|(_, input)| input)
            .collect();
        let last = scratch(target.name);
        let summary = engine::run(target, corpus, 1, Limit::Tries(100), &last).unwrap();
        let _ = std::fs::remove_file(last);
        assert!(summary.tried >= 100 || summary.failed.is_some());
        assert!(
            summary.failed.is_none(),
            "{}: {:?}",
            target.name,
            summary.failed
        );
    }
}

#[test]
fn the_engine_finds_a_fault() {
    const FAULTY: Target = Target {
        name: "faulty",
        words: &["node"],
        run: |input| assert!(!input.ends_with(b"node-1"), "found"),
    };
    let last = scratch("faulty");
    let summary = engine::run(
        &FAULTY,
        vec![b"node0".to_vec()],
        1,
        Limit::Time(Duration::from_secs(60)),
        &last,
    );
    let _ = std::fs::remove_file(last);
    let (input, what) = summary.unwrap().failed.expect("60 s are enough");
    assert!(input.ends_with(b"node-1"));
    assert_eq!(what, "found");
}
