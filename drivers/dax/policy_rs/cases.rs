// SPDX-License-Identifier: GPL-2.0

//! Policies that are understood, and policies that are refused, for the tests.

use crate::cursor::Reason::{
    self,
    *, //
};

/// The number of the nodes of the machine that the cases are for.
pub const NODES: u32 = 4;

/// Policies with a fault: the text, the byte that is refused, and the reason.
pub const BAD: &[(&str, usize, Reason)] = &[
    // The rule as a whole
    (";", 0, NoMatch),
    (":", 0, NoMatch),
    (":kmem", 0, NoMatch),
    ("*", 1, NoColon),
    ("* kmem", 2, NoColon),
    ("*=kmem", 1, NoColon),
    ("*:kmem;", 7, NoMatch),
    ("*:kmem;;cxl:none", 7, NoMatch),
    ("*:kmem cxl:none", 7, NoSeparator),
    ("*:kmem\ncxl:none", 6, NoSeparator),
    ("*:kmem|none", 6, NoSeparator),
    ("*:kmem:none", 6, NoSeparator),
    // Terms
    ("kmem:*", 0, UnknownTerm),
    ("hmemm:none", 0, UnknownTerm),
    ("HMEM:none", 0, UnknownTerm),
    ("pmem:none", 0, UnknownTerm),
    ("hmem0:none", 4, NoColon),
    ("cxl hmem:none", 4, NoColon),
    ("cxl,hmem:none", 3, NoColon),
    ("*+cxl:none", 1, NoColon),
    ("cxl+*:none", 4, NoMatch),
    ("cxl+:none", 4, NoMatch),
    ("+cxl:none", 0, NoMatch),
    ("cxl++node1:none", 4, NoMatch),
    ("hmem+cxl:none", 5, Contradiction),
    ("node1+node2:none", 6, Contradiction),
    ("0-9+10-19:none", 4, Contradiction),
    // Nodes
    ("node:none", 4, NoNumber),
    ("node-1:none", 4, NoNumber),
    ("node0x1:none", 5, BadNumber),
    ("node1K:none", 5, BadNumber),
    ("node4:none", 4, NoSuchNode),
    ("node4294967295:none", 4, NoSuchNode),
    ("node4294967296:none", 4, TooBig),
    ("node99999999999999999999:none", 4, TooBig),
    // Ranges
    ("4G:none", 2, NoRange),
    ("4G-:none", 3, NoNumber),
    ("4G@:none", 3, NoNumber),
    ("-4G:none", 0, NoMatch),
    ("@4G:none", 0, NoMatch),
    ("4G--5G:none", 3, NoNumber),
    ("1G@4G@5G:none", 5, NoColon),
    ("8G-4G:none", 0, EmptyRange),
    ("0@4G:none", 0, EmptyRange),
    ("0x1-0x0:none", 0, EmptyRange),
    ("2@0xffffffffffffffff:none", 0, BeyondTop),
    ("0x:none", 2, NoNumber),
    ("0xg-1:none", 2, NoNumber),
    ("0x10000000000000000-1:none", 2, TooBig),
    ("18446744073709551616-1:none", 0, TooBig),
    ("16777216T@0:none", 0, TooBig),
    ("1g@4G:none", 1, BadNumber),
    ("1GB@4G:none", 2, BadNumber),
    ("1 G@4G:none", 2, NoRange),
    ("0X1-2:none", 1, BadNumber),
    ("1.5G@4G:none", 1, NoRange),
    ("0-9:none;5-14:kmem", 9, Overlap(1)),
    ("cxl:none;0-9:none;hmem+5-14:kmem", 18, Overlap(2)),
    // Actions
    ("*:", 2, NoAction),
    ("*: ,kmem", 3, NoAction),
    ("*:kmem,", 7, NoAction),
    ("*:kmem,,none", 7, NoAction),
    ("*:*", 2, NoAction),
    ("*:default", 2, UnknownAction),
    ("*:offline", 2, UnknownAction),
    ("*:Kmem", 2, UnknownAction),
    ("*:kmem2", 2, UnknownAction),
    ("*:system-ram", 2, UnknownAction),
    ("*:devdax", 2, UnknownAction),
    ("*:never_ram", 2, UnknownAction),
    ("*:memmap", 2, UnknownAction),
    ("*:memmap=", 2, UnknownAction),
    ("*:memmap=1", 2, UnknownAction),
    ("*:memmap = on", 2, UnknownAction),
    ("*:kmem,device_dax", 7, SaidTwice),
    ("*:kmem,kmem", 7, SaidTwice),
    ("*:online,unplugged", 9, SaidTwice),
    ("*:memmap=on,memmap=off", 12, SaidTwice),
    ("*:never-ram,never-ram", 12, SaidTwice),
    // Bytes that have no business here
    ("\0*:kmem", 0, NoMatch),
    ("*:kmem\0;cxl:none", 6, NoSeparator),
    ("\n*:kmem", 0, NoMatch),
    ("*:kmem\u{e9}", 6, NoSeparator),
    ("\u{ff0a}:kmem", 0, NoMatch),
    ("\"*:kmem\"", 0, NoMatch),
    ("%s%n:kmem", 0, NoMatch),
];

/// Policies without a fault.
pub const GOOD: &[&str] = &[
    "",
    " \t\n",
    "*:kmem",
    "*:kmem\n",
    "*:kmem\0",
    " * : kmem , unplugged ; cxl : none ",
    "\t*\t:\tkmem\t",
    "hmem:device_dax",
    "cxl+node2:kmem,online_movable;0x850000000-0x284fffffff:device_dax,never-ram;*:kmem,unplugged",
    "hmem+hmem+node 3+node3+1G@4G+4G-8G:fsdev_dax,memmap=on,online",
    "cxl:none;hmem:kmem,online_kernel,memmap=off,never-ram",
    "0 - 0xFfFfFfFfFfFfFfFf:none",
    "1@0xffffffffffffffff:none",
    "0K-15T:none",
    "00010-0x00ff:none",
    "0x10M@0x1G:none",
    // Exceptions first, in whole ranges; the other way round they never count, but are no fault.
    "2-3:none;0-9:kmem",
    "0-9:kmem;2-3:none",
    "0-9:kmem;0-9:none",
    // Ranges that have bytes in common, but not memory
    "cxl+0-9:none;hmem+5-14:kmem",
    "node0+0-9:none;node1+5-14:kmem",
    "*:kmem;*:none",
];

#[cfg(any(test, CONFIG_DEV_DAX_POLICY_KUNIT_TEST))]
#[cfg_attr(
    CONFIG_DEV_DAX_POLICY_KUNIT_TEST,
    kernel::prelude::kunit_tests(dax_policy_grammar)
)]
mod tests {
    use super::*;
    use crate::{
        cursor::{
            Refusal,
            MAX_LEN, //
        },
        grammar::{
            self,
            admit,
            Rules, //
        },
        rule::{
            Actions,
            Driver,
            Online,
            Rule, //
        },
    };

    /// Reads a policy of at most four rules.
    fn fault(text: &[u8]) -> Option<Refusal> {
        let mut known = [Rule::default(); 4];

        for (count, rule) in Rules::new(text, |node| node < NODES).enumerate() {
            let rule = match rule {
                Ok(rule) => rule,
                Err(refusal) => return Some(refusal),
            };
            if let Err(refusal) = admit(known.get(..count).unwrap_or(&[]), &rule) {
                return Some(refusal);
            }
            if let Some(slot) = known.get_mut(count) {
                *slot = rule;
            }
        }
        None
    }

    #[test]
    fn faults_are_found_where_they_are() {
        assert!(BAD.len() >= 50);
        for &(text, at, reason) in BAD {
            assert_eq!(fault(text.as_bytes()), Some(Refusal { at, reason }));
        }
    }

    #[test]
    fn what_is_good_is_understood() {
        for text in GOOD {
            assert_eq!(fault(text.as_bytes()), None);
        }
    }

    #[test]
    fn too_long() {
        let mut text = [b' '; MAX_LEN + 1];

        // Spaces at the end do not count.
        text[..6].copy_from_slice(b"*:kmem");
        assert_eq!(fault(&text), None);
        text[MAX_LEN] = b';';
        assert_eq!(
            fault(&text),
            Some(Refusal {
                at: MAX_LEN,
                reason: TooLong
            })
        );
    }

    #[test]
    fn actions_alone() {
        let some = Actions {
            driver: Some(Driver::Kmem),
            online: Some(Online::Unplugged),
            ..Actions::default()
        };

        assert_eq!(grammar::actions(b" kmem , unplugged\n"), Ok(some));
        for nothing in [&b""[..], b"\n", b" default \n"] {
            assert_eq!(grammar::actions(nothing), Ok(Actions::default()));
        }
        for (text, at, reason) in [
            ("kmem;none", 4, NoSeparator),
            ("*:kmem", 0, NoAction),
            ("kmem,", 5, NoAction),
            ("default,kmem", 0, UnknownAction),
            ("kmem,none", 5, SaidTwice),
        ] {
            assert_eq!(
                grammar::actions(text.as_bytes()),
                Err(Refusal { at, reason })
            );
        }
    }
}
