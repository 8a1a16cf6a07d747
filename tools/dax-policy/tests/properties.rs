// SPDX-License-Identifier: GPL-2.0

//! What holds for every policy and all memory.

use dax_policy::cases::{BAD, GOOD, NODES};
use dax_policy::cursor::{Reason, MAX_LEN};
use dax_policy::grammar::{actions, strip};
use dax_policy::rule::{Actions, Driver, Match, Online};
use dax_policy::{Memory, Origin, Policy, Range, Refusal, UNIT};
use proptest::prelude::*;

fn read(text: &str) -> Result<Policy, Refusal> {
    Policy::parse(text, |node| node < NODES)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

fn some_actions() -> impl Strategy<Value = Actions> {
    use Driver::*;
    let drivers = prop::option::of(prop::sample::select(vec![
        Kmem, DeviceDax, FsdevDax, Unbound,
    ]));
    let types = prop::option::of(prop::sample::select(vec![
        Online::Unplugged,
        Online::Any,
        Online::Kernel,
        Online::Movable,
    ]));
    (drivers, types, any::<Option<bool>>(), any::<bool>())
        .prop_map(|(driver, online, memmap, never_ram)| Actions {
            driver,
            online,
            memmap,
            never_ram,
        })
        .prop_filter("a rule says something", |actions| {
            *actions != Actions::default()
        })
}

fn matches(ranges: impl Strategy<Value = Range>) -> impl Strategy<Value = Match> {
    (
        prop::option::of(prop::sample::select(vec![Origin::Hmem, Origin::Cxl])),
        prop::option::of(0..NODES),
        prop::option::of(ranges),
    )
        .prop_map(|(origin, node, range)| Match {
            origin,
            node,
            range,
        })
}

/// Ranges of few units, so that they meet; edges lie on, before and behind those of the units.
fn near() -> impl Strategy<Value = Range> {
    let edge = || (0u64..20, -1i64..=1).prop_map(|(n, by)| (n * UNIT).saturating_add_signed(by));
    (edge(), edge()).prop_map(|(a, b)| Range::new(a.min(b), a.max(b)).unwrap())
}

fn anywhere() -> impl Strategy<Value = Range> {
    any::<(u64, u64)>().prop_map(|(a, b)| Range::new(a.min(b), a.max(b)).unwrap())
}

/// The text of a rule, with spaces, in any of the ways to write its range.
fn text_of(matches: &Match, actions: &Actions, spaces: &str, way: u8) -> String {
    let mut terms: Vec<String> = Vec::new();
    match matches.origin {
        Some(Origin::Hmem) => terms.push("hmem".into()),
        Some(Origin::Cxl) => terms.push("cxl".into()),
        _ => (),
    }
    terms.extend(matches.node.map(|node| format!("node{node}")));
    terms.extend(matches.range.map(|range| {
        let size = u128::from(range.end()) - u128::from(range.start()) + 1;
        match (way % 4, u64::try_from(size)) {
            (0, Ok(size)) => format!("{size}{spaces}@{spaces}{:#x}", range.start()),
            (1, Ok(size)) if size % 1024 == 0 => format!("{}K@{}", size / 1024, range.start()),
            (2, _) => format!("{:#x}{spaces}-{spaces}{:#X}", range.start(), range.end())
                .replace("0X", "0x"),
            _ => format!("{}-{}", range.start(), range.end()),
        }
    }));
    if terms.is_empty() {
        terms.push("*".into());
    }
    let actions = actions
        .to_string()
        .replace(',', &format!("{spaces},{spaces}"));
    format!(
        "{spaces}{}{spaces}:{spaces}{actions}{spaces}",
        terms.join(&format!("{spaces}+{spaces}"))
    )
}

type Written = (Match, Actions, String);

fn written(ranges: impl Strategy<Value = Range>) -> impl Strategy<Value = Written> {
    (matches(ranges), some_actions(), "[ \t]{0,2}", any::<u8>()).prop_map(
        |(matches, actions, spaces, way)| {
            let text = text_of(&matches, &actions, &spaces, way);
            (matches, actions, text)
        },
    )
}

/// Texts made of the pieces that policies are made of, and of some that they are not.
fn scrap() -> impl Strategy<Value = String> {
    let words: Vec<String> = [
        "*",
        ":",
        ";",
        ",",
        "+",
        "-",
        "@",
        " ",
        "\t",
        "\n",
        "\0",
        "hmem",
        "cxl",
        "node",
        "node1",
        "node9",
        "0",
        "1",
        "10",
        "0x",
        "0xffffffffffffffff",
        "1G",
        "4K",
        "T",
        "18446744073709551616",
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
        "memmap",
        "=",
        "_",
        "é",
        "%s",
    ]
    .map(String::from)
    .into();
    prop::collection::vec(prop::sample::select(words), 0..24).prop_map(|words| words.concat())
}

/// A policy with a few bytes changed, taken away, or put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let good: Vec<&str> = GOOD
        .iter()
        .copied()
        .chain(BAD.iter().map(|bad| bad.0))
        .collect();
    let damage = (any::<prop::sample::Index>(), any::<u8>(), 0..3u8);
    (
        prop::sample::select(good),
        prop::collection::vec(damage, 1..4),
    )
        .prop_map(|(text, damage)| {
            let mut text = text.as_bytes().to_vec();
            for (at, byte, how) in damage {
                let at = at.index(text.len() + 1);
                match how {
                    0 => text.insert(at, byte),
                    1 if at < text.len() => text[at] = byte,
                    2 if at < text.len() => drop(text.remove(at)),
                    _ => (),
                }
            }
            text
        })
}

/// What holds for any text: it is refused at a place within it, or means the same read again.
fn check(text: &[u8]) -> Result<(), TestCaseError> {
    use dax_policy::grammar::{admit, Rules};

    let mut rules = Vec::new();
    let mut fault = None;
    for rule in Rules::new(text, |node| node < NODES) {
        prop_assert!(fault.is_none(), "nothing comes after a fault");
        match rule {
            Err(refusal) => fault = Some(refusal),
            Ok(rule) => {
                if let Err(refusal) = admit(&rules, &rule) {
                    fault = Some(refusal);
                    break;
                }
                rules.push(rule);
            }
        }
    }

    if let Some(refusal) = fault {
        prop_assert!(refusal.at <= strip(text).len());
        prop_assert!(!refusal.to_string().is_empty());
    } else {
        // Rules follow each other, and each one alone is a policy with the same meaning.
        let mut behind = 0;
        for rule in &rules {
            prop_assert!(behind <= rule.start && rule.start < rule.end && rule.end <= text.len());
            behind = rule.end;

            let alone = std::str::from_utf8(&text[rule.start..rule.end]).unwrap();
            let again = read(alone).unwrap();
            prop_assert_eq!(again.rules().len(), 1);
            prop_assert_eq!(again.rules()[0].matches, rule.matches);
            prop_assert_eq!(again.rules()[0].actions, rule.actions);
            prop_assert_eq!(again.text(&again.rules()[0]), alone);
        }
        prop_assert_eq!(rules.is_empty(), strip(text).is_empty());
    }
    // Must not panic either.
    let _ = actions(text);
    Ok(())
}

/// What the rules say about the unit at `at`, found the slow way.
fn winner(policy: &Policy, node: Option<u32>, at: u64) -> Option<usize> {
    policy.rules().iter().position(|rule| {
        let m = rule.matches;
        m.origin.is_none_or(|origin| origin == Origin::Hmem)
            && m.node.is_none_or(|wanted| Some(wanted) == node)
            && m.range
                .is_none_or(|r| r.start() / UNIT <= at / UNIT && at / UNIT <= r.end() / UNIT)
    })
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn no_scrap_breaks_the_parser(text in scrap()) {
        check(text.as_bytes())?;
    }

    #[test]
    fn no_damage_breaks_the_parser(text in damaged()) {
        check(&text)?;
    }

    #[test]
    fn no_bytes_break_the_parser(text in prop::collection::vec(any::<u8>(), 0..64)) {
        check(&text)?;
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn long_texts_are_refused(text in "[ -~]{2048,6000}x") {
        check(text.as_bytes())?;
        prop_assert!(read(&text).is_err());
    }

    #[test]
    fn long_lists_are_refused_for_their_length(length in 2048 / 6..1000usize) {
        let text = "*:none;".repeat(length) + "*:none";

        prop_assert_eq!(read(&text), Err(Refusal { at: MAX_LEN, reason: Reason::TooLong }));
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn what_is_written_is_understood((matches, actions, text) in written(anywhere())) {
        let policy = read(&text).unwrap();

        prop_assert_eq!(policy.rules().len(), 1);
        prop_assert_eq!(policy.rules()[0].matches, matches);
        prop_assert_eq!(policy.rules()[0].actions, actions);
        prop_assert_eq!(policy.text(&policy.rules()[0]), text.trim());
    }

    #[test]
    fn lists_are_understood_unless_ranges_cross(rules in prop::collection::vec(written(near()), 1..6)) {
        let text: Vec<&str> = rules.iter().map(|rule| rule.2.as_str()).collect();
        let crosses = rules.iter().enumerate().any(|(i, a)| {
            rules[..i].iter().any(|b| {
                let same = |x: Option<u32>, y: Option<u32>| x.is_none() || y.is_none() || x == y;
                let bytes = |r: Range| (r.start(), r.end());
                let (Some(x), Some(y)) = (a.0.range, b.0.range) else { return false };
                let (x, y) = (bytes(x).min(bytes(y)), bytes(x).max(bytes(y)));
                same(a.0.node, b.0.node)
                    && same(a.0.origin.map(|o| o as u32), b.0.origin.map(|o| o as u32))
                    && x.0 < y.0 && y.0 <= x.1 && x.1 < y.1
            })
        });

        prop_assert_eq!(read(&text.join(";")).is_err(), crosses);
    }

    #[test]
    fn pieces_are_the_fewest_of_one_rule_each(
        rules in prop::collection::vec(written(near()), 0..6),
        node in prop::option::of(0..NODES),
        (from, len) in (0u64..20, 1u64..20),
    ) {
        let text: Vec<&str> = rules.iter().map(|rule| rule.2.as_str()).collect();
        let Ok(policy) = read(&text.join(";")) else { return Ok(()) };
        let range = Range::from_start_len(from * UNIT, len * UNIT).unwrap();

        let pieces = policy.pieces(node, range);

        // Together they are the range.
        prop_assert_eq!(pieces.first().unwrap().start(), range.start());
        prop_assert_eq!(pieces.last().unwrap().end(), range.end());
        prop_assert!(pieces.windows(2).all(|w| w[0].end() + 1 == w[1].start()));
        let mut before = None;
        for piece in &pieces {
            prop_assert!(piece.start() % UNIT == 0 && (piece.end() + 1) % UNIT == 0);

            let verdict = policy.judge(&Memory { origin: Origin::Hmem, node, range: *piece });
            prop_assert_eq!(verdict.partly, None);
            for at in (piece.start()..=piece.end()).step_by(UNIT as usize) {
                prop_assert_eq!(winner(&policy, node, at), verdict.rule);
            }
            prop_assert_ne!(before, Some(verdict.rule));
            before = Some(verdict.rule);
        }
    }

    #[test]
    fn the_first_whole_match_counts(
        rules in prop::collection::vec(written(near()), 0..6),
        node in prop::option::of(0..NODES),
        range in near(),
    ) {
        let text: Vec<&str> = rules.iter().map(|rule| rule.2.as_str()).collect();
        let Ok(policy) = read(&text.join(";")) else { return Ok(()) };
        let names = |m: &Match| m.origin.is_none_or(|o| o == Origin::Cxl)
            && m.node.is_none_or(|n| Some(n) == node);
        let covers = |m: &Match| m.range.is_none_or(|r| r.start() <= range.start() && range.end() <= r.end());

        let verdict = policy.judge(&Memory { origin: Origin::Cxl, node, range });

        prop_assert_eq!(verdict.rule, rules.iter().position(|r| names(&r.0) && covers(&r.0)));
        let upto = verdict.rule.unwrap_or(rules.len());
        prop_assert_eq!(verdict.partly, rules[..upto].iter().position(|r| {
            names(&r.0) && r.0.range.is_some_and(|r| r.start() <= range.end() && range.start() <= r.end())
        }));
    }

    #[test]
    fn actions_are_read_as_they_are_shown(some in some_actions()) {
        prop_assert_eq!(actions(some.to_string().as_bytes()), Ok(some));
    }
}
