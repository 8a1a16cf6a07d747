// SPDX-License-Identifier: GPL-2.0

//! The parsers: what they must understand, and that nothing makes them panic.

use hmem_map::parse::{self, natural};
use hmem_map::{Decision, Piece, Range};
use proptest::prelude::*;
use std::cmp::Ordering;

fn range(start: u64, end: u64) -> Range {
    Range::new(start, end).expect("test ranges are not empty")
}

#[test]
fn range_takes_both_ends() {
    assert_eq!(parse::range("0x1000-0x1fff"), Some(range(0x1000, 0x1fff)));
    assert_eq!(parse::range("1000-1fff"), Some(range(0x1000, 0x1fff)));
    assert_eq!(parse::range("0-ffffffffffffffff"), Some(range(0, u64::MAX)));
    for bad in [
        "",
        "-",
        "1000",
        "1000-",
        "-1000",
        "1fff-1000",
        "+1-2",
        "0-10000000000000000",
    ] {
        assert_eq!(parse::range(bad), None, "{bad}");
    }
    assert_eq!(range(0, u64::MAX).size(), u64::MAX);
    assert_eq!(
        Range::with_size(u64::MAX, 1),
        Some(range(u64::MAX, u64::MAX))
    );
    assert_eq!(Range::with_size(u64::MAX, 2), None);
    assert_eq!(Range::with_size(0, 0), None);
}

#[test]
fn iomem_keeps_depth_and_name() {
    let text = "00000000-00000fff : Reserved\n\
                100000000-17fffffff : System RAM\n  \
                  101000000-101ffffff : Kernel code\n\
                390000000-48fffffff : CXL Window 0\n  \
                  390000000-39fffffff : region0\n    \
                    390000000-39fffffff : dax0.0\n      \
                      390000000-39fffffff : System RAM (kmem)\n\
                fed00000-fed003ff : PNP0103:00 : HPET 0\n";
    let listing = parse::iomem(text);
    assert_eq!(listing.rejected, None);
    let seen: Vec<_> = listing
        .entries
        .iter()
        .map(|e| (e.depth, e.name.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (0, "Reserved"),
            (0, "System RAM"),
            (1, "Kernel code"),
            (0, "CXL Window 0"),
            (1, "region0"),
            (2, "dax0.0"),
            (3, "System RAM (kmem)"),
            (0, "PNP0103:00 : HPET 0"),
        ]
    );
    assert!(!parse::iomem_is_hidden(&listing.entries));
}

#[test]
fn iomem_hidden_from_users() {
    let listing = parse::iomem("00000000-00000000 : Reserved\n  00000000-00000000 : x\n");
    assert!(parse::iomem_is_hidden(&listing.entries));
    assert!(!parse::iomem_is_hidden(&[]));
}

#[test]
fn iomem_counts_what_it_leaves_out() {
    let listing = parse::iomem("junk\n1000-1fff : fine\n2000-1fff : backwards\n");
    assert_eq!(listing.entries.len(), 1);
    assert_eq!(listing.rejected, Some(("junk".into(), 2)));
}

#[test]
fn table_of_hmem_rs() {
    let text = "\
range 0x390000000-0x3afffffff node 1 host hmem_platform.0 state decided reserved 0x20000000 cxl 0x10000000 hmem 0xfe00000 trimmed 0x200000
  cxl 0x390000000-0x39fffffff region0,region1
  hmem 0x3a0000000-0x3afdfffff hmem.2 errno 0
  hmem 0x3afe00000-0x3afefffff - errno -12
  trimmed 0x3aff00000-0x3afffffff below the alignment
range 0x500000000-0x5ffffffff node -1 host hmem_platform.1 state waiting reserved 0x100000000 cxl 0x0 hmem 0x0 trimmed 0x0 later 7
range 0x600000000-0x6ffffffff node 0 host hmem_platform.1 state failed errno -12 reserved 0x100000000 cxl 0x0 hmem 0x0 trimmed 0x0
";
    let listing = parse::hmem_rs_ranges(text);
    assert_eq!(listing.rejected, None);
    let [first, second, third] = listing.entries.as_slice() else {
        panic!("three ranges")
    };
    assert_eq!(
        (first.node, first.state, first.reserved),
        (1, Decision::Decided, 0x2000_0000)
    );
    assert_eq!(
        (first.cxl, first.hmem, first.trimmed),
        (0x1000_0000, 0xfe0_0000, 0x20_0000)
    );
    assert_eq!(
        first.pieces,
        [
            Piece::Cxl {
                range: range(0x3_9000_0000, 0x3_9fff_ffff),
                regions: vec!["region0".into(), "region1".into()],
            },
            Piece::Hmem {
                range: range(0x3_a000_0000, 0x3_afdf_ffff),
                device: Some("hmem.2".into()),
                errno: 0,
            },
            Piece::Hmem {
                range: range(0x3_afe0_0000, 0x3_afef_ffff),
                device: None,
                errno: -12
            },
            Piece::Trimmed {
                range: range(0x3_aff0_0000, 0x3_afff_ffff),
                reason: "below the alignment".into(),
            },
        ]
    );
    assert_eq!((second.node, second.host.as_str()), (-1, "hmem_platform.1"));
    assert_eq!((second.state, second.pieces.len()), (Decision::Waiting, 0));
    assert_eq!((third.state, third.errno), (Decision::Failed, Some(-12)));
}

#[test]
fn table_of_hmem_rs_with_bad_lines() {
    let text =
        "  cxl 0x0-0x1 region0\nrange 0x0-0x1 state never\nrange 0x0-0x1 node\nrange 0x0-0x1\n";
    let listing = parse::hmem_rs_ranges(text);
    assert_eq!(listing.entries, []);
    assert_eq!(listing.rejected.map(|(_, count)| count), Some(4));
}

#[test]
fn command_line() {
    let ranges = |text| parse::command_line_ranges(text);
    let one = range(0x1_0000_0000, 0x1_3fff_ffff);
    assert_eq!(ranges("memmap=1G%0x100000000+0xefffffff"), [one]);
    assert_eq!(ranges("memmap=1G%4G-1+0xefffffff"), [one]);
    assert_eq!(
        ranges("quiet memmap=4K$0x1000,1024m%4g+4026531839 x"),
        [one]
    );
    assert_eq!(ranges("efi_fake_mem=1G@4G:0x40000"), [one]);
    assert_eq!(ranges("efi_fake_mem=1G@4G:0x10000"), []);
    assert_eq!(
        ranges("memmap=1G@4G memmap=1G!4G memmap=1G%4G+2 memmap=1G%4G-1"),
        []
    );
    assert_eq!(
        ranges("memmap=1G%0xffffffffffffffff+0xefffffff memmap=%+ memmap=K%G+0xefffffff"),
        []
    );
    let two = ranges("memmap=128M%0x0+0xefffffff,0x8000000%0x8000000+0xefffffff");
    assert_eq!(two, [range(0, 0x7ff_ffff), range(0x800_0000, 0xfff_ffff)]);
}

#[test]
fn sizes() {
    assert_eq!(parse::size("1G"), Some(1 << 30));
    assert_eq!(parse::size("0x1000"), Some(4096));
    assert_eq!(parse::size("0x1e"), Some(0x1e), "e is a digit");
    assert_eq!(parse::size("2e"), Some(2 << 60));
    for bad in ["", "G", "x", "-1", "99999999999G", "17E", "1µ"] {
        assert_eq!(parse::size(bad), None, "{bad}");
    }
}

#[test]
fn node_memory() {
    let text = "Node 1 MemTotal:         524288 kB\nNode 1 MemFree: 1 kB\n";
    assert_eq!(parse::node_mem_total(text), Some(512 << 20));
    assert_eq!(parse::node_mem_total("MemTotal:"), None);
    assert_eq!(
        parse::node_mem_total("MemTotal: 99999999999999999999 kB"),
        None
    );
}

#[test]
fn names_in_natural_order() {
    let mut names = [
        "dax10.0", "dax2.10", "dax2.9", "dax0.0", "hmem.1", "dax02.9", "dax",
    ];
    names.sort_by(|a, b| natural(a, b));
    assert_eq!(
        names,
        ["dax", "dax0.0", "dax02.9", "dax2.9", "dax2.10", "dax10.0", "hmem.1"]
    );
}

#[test]
fn suffixes() {
    assert_eq!(parse::suffix("hmem.2", "hmem."), Some(2));
    assert_eq!(parse::suffix("dax_region0", "dax_region"), Some(0));
    for (name, prefix) in [
        ("hmem.", "hmem."),
        ("hmem.a", "hmem."),
        ("hmem.+1", "hmem."),
        ("x", "y"),
    ] {
        assert_eq!(parse::suffix(name, prefix), None, "{name}");
    }
}

/// Text that looks like what the parsers are made for more often than random characters do.
fn nearly() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[0-9a-fx]{0,18}",
        Just("-".to_string()),
        Just(" : ".to_string()),
        Just("  ".to_string()),
        Just("\n".to_string()),
        Just("range ".to_string()),
        Just("memmap=".to_string()),
        "[%@!#$+,kKmMgGtTeE]",
        Just(" state decided".to_string()),
        Just("hmem ".to_string()),
        Just("\u{3bc}\0".to_string()),
    ];
    proptest::collection::vec(token, 0..40).prop_map(|t| t.concat())
}

proptest! {
    #[test]
    fn nothing_panics(text in prop_oneof![any::<String>(), nearly()]) {
        let _ = parse::iomem(&text);
        let _ = parse::hmem_rs_ranges(&text);
        let _ = parse::command_line_ranges(&text);
        let _ = parse::node_mem_total(&text);
        let _ = parse::size(&text);
        let _ = (parse::hex(&text), parse::number(&text), parse::flag(&text), parse::node(&text));
        let _ = parse::suffix(&text, "dax");
    }

    #[test]
    fn iomem_accounts_for_each_line(text in nearly()) {
        let listing = parse::iomem(&text);
        let lines = text.lines().filter(|l| !l.trim().is_empty()).count();
        let rejected = listing.rejected.map_or(0, |(_, count)| count);
        prop_assert_eq!(listing.entries.len() + rejected, lines);
    }

    #[test]
    fn ranges_survive_text_and_json(start: u64, end: u64) {
        if let Some(range) = Range::new(start, end) {
            prop_assert_eq!(parse::range(&range.to_string()), Some(range));
            let json = serde_json::to_string(&range).unwrap();
            prop_assert_eq!(serde_json::from_str::<Range>(&json).unwrap(), range);
        }
    }

    #[test]
    fn natural_is_an_order(a in "[a-c0-9.]{0,8}", b in "[a-c0-9.]{0,8}", c in "[a-c0-9.]{0,8}") {
        prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
        prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
        if natural(&a, &b) != Ordering::Greater && natural(&b, &c) != Ordering::Greater {
            prop_assert!(natural(&a, &c) != Ordering::Greater);
        }
    }
}
