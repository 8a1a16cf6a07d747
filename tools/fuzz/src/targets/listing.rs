// SPDX-License-Identifier: GPL-2.0

//! The single texts that hmem-map reads: /proc/iomem, debugfs `hmem_rs/ranges`, the command line, meminfo.

use std::cmp::Ordering;

use hmem_map::parse;

pub(super) const WORDS: &[&str] = &[
    "range 0x100000000-0x13fffffff node 0 host hmem_platform.0 state decided reserved 0x40000000 ",
    "  cxl 0x100000000-0x10fffffff region0,region1\n",
    "  hmem 0x100000000-0x13fffffff hmem.0 errno -12\n",
    "  trimmed 0x100000000-0x1001fffff alignment\n",
    "100000000-13fffffff : dax0.0\n",
    " : ",
    "Soft Reserved",
    "memmap=1G%0x100000000+0xefffffff",
    "efi_fake_mem=1G@4G:0x40000",
    ",",
    "Node 0 MemTotal: 4 kB",
    "dax10.0",
    "state",
    "waiting",
    "failed",
];

pub(super) fn run(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();

    let iomem = parse::iomem(text);
    let rejected = iomem.rejected.as_ref().map_or(0, |(_, count)| *count);
    assert_eq!(iomem.entries.len() + rejected, lines);
    assert!(iomem
        .entries
        .iter()
        .all(|entry| entry.range.start() <= entry.range.end()));
    parse::iomem_is_hidden(&iomem.entries);

    let table = parse::hmem_rs_ranges(text);
    let pieces: usize = table.entries.iter().map(|range| range.pieces.len()).sum();
    let rejected = table.rejected.as_ref().map_or(0, |(_, count)| *count);
    assert_eq!(table.entries.len() + pieces + rejected, lines);

    for range in parse::command_line_ranges(text) {
        assert!(range.start() <= range.end());
    }
    parse::node_mem_total(text);
    parse::policy(text);

    // Names are ordered, whatever they are.
    let mut names: Vec<&str> = text.split_whitespace().take(32).collect();
    for pair in names.windows(2) {
        assert_eq!(
            parse::natural(pair[0], pair[1]),
            parse::natural(pair[1], pair[0]).reverse()
        );
        parse::size(pair[0]);
        parse::suffix(pair[0], "hmem.");
    }
    names.sort_by(|a, b| parse::natural(a, b));
    assert!(names
        .windows(2)
        .all(|pair| parse::natural(pair[0], pair[1]) != Ordering::Greater));
}
