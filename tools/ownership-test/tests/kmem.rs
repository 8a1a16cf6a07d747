// SPDX-License-Identifier: GPL-2.0

//! What may be written to the files `state` and `set_state` of kmem, and that nothing else may.

#[path = "../../../drivers/dax/kmem_rs/command.rs"]
mod command;
#[path = "../../../drivers/dax/kmem_rs/state.rs"]
mod state;

use command::{Command, Selector};
use kernel::memory_hotplug::{Census, OnlineType};
use kernel::prelude::{Result, EINVAL};
use proptest::collection::vec;
use proptest::prelude::*;
use state::State;

const TYPES: [OnlineType; 4] = [
    OnlineType::Offline,
    OnlineType::Online,
    OnlineType::Kernel,
    OnlineType::Movable,
];

/// The states that may be asked for.
const STATES: [&str; 4] = ["unplugged", "online", "online_kernel", "online_movable"];

/// Reads a command, and says it in its own words.
fn said(text: &[u8]) -> Result<String> {
    let command = Command::parse(text)?;
    let mut said = command.wanted.as_str().to_owned();

    for selector in command.selectors.iter() {
        said += &match *selector {
            Selector::All => " all".into(),
            Selector::Node(node) => format!(" node{node}"),
            Selector::Region(number) => format!(" region{}", String::from_utf8_lossy(number)),
            Selector::Device(name) => format!(" {}", String::from_utf8_lossy(name)),
        };
    }
    Ok(said)
}

/// Small numbers, and those near the end of 32 bits.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..12u32, u32::MAX - 2..=u32::MAX, any::<u32>()]
}

fn selector() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("all".to_owned()),
        number().prop_map(|node| format!("node{node}")),
        number().prop_map(|region| format!("region{region}")),
        (number(), number()).prop_map(|(region, id)| format!("dax{region}.{id}")),
    ]
}

/// A command with one space between words, and with more of them in more places.
fn command() -> impl Strategy<Value = (String, String)> {
    (
        prop::sample::select(&STATES[..]),
        vec((" {1,2}", selector()), 1..5),
        (" {0,2}", " {0,2}"),
    )
        .prop_map(|(state, selectors, (before, behind))| {
            let (mut plain, mut spaced) = (state.to_owned(), before + state);
            for (space, selector) in selectors {
                plain += &format!(" {selector}");
                spaced += &(space + &selector);
            }
            (plain, spaced + &behind)
        })
}

/// A command of which some bytes, or none, were changed, taken away or put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        prop::sample::select(&b" .0129-+_adlnx\n\0"[..]),
        any::<u8>()
    ];
    let damage = (any::<prop::sample::Index>(), byte, 0..3u8);

    (command(), vec(damage, 0..3)).prop_map(|((_, text), damage)| {
        let mut text = text.into_bytes();
        for (at, byte, how) in damage {
            let at = at.index(text.len());
            match how {
                0 => text.insert(at, byte),
                1 => text[at] = byte,
                _ => drop(text.remove(at)),
            }
        }
        text
    })
}

/// Whether `word` is a selector, found in another way than the parser does.
fn selects(word: &str) -> bool {
    let number = |text: &str| text.parse().is_ok_and(|n: u32| n.to_string() == text);
    let device = |text: &str| {
        text.split_once('.')
            .is_some_and(|(region, id)| number(region) && number(id))
    };

    word == "all"
        || word.strip_prefix("node").is_some_and(number)
        || word.strip_prefix("region").is_some_and(number)
        || word.strip_prefix("dax").is_some_and(device)
}

/// What holds for any text: it is understood if it is a state or a command, and else refused.
fn check(text: &[u8]) -> Result<(), TestCaseError> {
    // All words are ASCII.
    let string = std::str::from_utf8(text).unwrap_or_default();
    let state = State::requested(text).map(State::as_str);
    prop_assert_eq!(
        state,
        STATES.into_iter().find(|s| *s == string).ok_or(EINVAL)
    );

    let words: Vec<&str> = string.split(' ').filter(|word| !word.is_empty()).collect();
    let is_command = match &words[..] {
        [state, selectors @ ..] => {
            STATES.contains(state)
                && !selectors.is_empty()
                && selectors.iter().all(|word| selects(word))
        }
        [] => false,
    };
    let expected = is_command.then(|| words.join(" ")).ok_or(EINVAL);
    prop_assert_eq!(said(text), expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn what_is_shown_may_be_written(
        (offline, kernel, movable) in (0..3u64, 0..3u64, 0..3u64),
        asked in prop::sample::select(&TYPES[..]),
    ) {
        let shown = State::observed(Census { offline, kernel, movable }, asked);
        // All but `offline`, which is of no use to ask for.
        let expected = match shown {
            State::Plugged(OnlineType::Offline) => Err(EINVAL),
            state => Ok(state),
        };

        prop_assert_eq!(State::requested(shown.as_str().as_bytes()), expected);
    }

    #[test]
    fn what_is_written_is_understood((plain, spaced) in command()) {
        prop_assert_eq!(said(spaced.as_bytes()), Ok(plain));
    }

    #[test]
    fn what_is_damaged_is_refused(text in damaged()) {
        check(&text)?;
    }

    #[test]
    fn other_words_are_refused(text in "(un|off|on)?(plugged|line)(_(kernel|movable))?[ -~]{0,2}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn other_bytes_are_refused(text in vec(any::<u8>(), 0..32)) {
        check(&text)?;
    }
}
