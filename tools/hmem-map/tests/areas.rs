// SPDX-License-Identifier: GPL-2.0

//! Who owns what, for every arrangement of ranges.

use hmem_map::render::style::Style;
use hmem_map::render::{svg, terminal};
use hmem_map::{
    areas, Area, AreaKind, Cxl, CxlRegion, CxlWindow, DaxDevice, DaxRegion, Decision,
    FirmwareEntry, HmemDevice, HmemRs, IomemEntry, Map, Mapping, Mode, Owner, Piece, Range,
    RangeDecision, RegionKind,
};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn range(start: u64, end: u64) -> Range {
    Range::new(start, end).expect("test ranges are not empty")
}

fn reserved(range: Range) -> FirmwareEntry {
    FirmwareEntry {
        range,
        kind: "Soft Reserved".into(),
    }
}

fn window(name: &str, range: Range) -> CxlWindow {
    CxlWindow {
        name: name.into(),
        decoder: None,
        range: Some(range),
        size: Some(range.size()),
        interleave_ways: None,
        interleave_granularity: None,
        targets: None,
        cap_ram: None,
        cap_pmem: None,
    }
}

fn region(name: &str, range: Range, committed: bool) -> CxlRegion {
    CxlRegion {
        name: name.into(),
        path: format!("/sys/devices/platform/ACPI0017:00/root0/decoder0.0/{name}"),
        decoder: Some("decoder0.0".into()),
        range: Some(range),
        size: Some(range.size()),
        committed: Some(committed),
        mode: Some("ram".into()),
        driver: Some("cxl_region".into()),
        interleave_ways: Some(1),
        interleave_granularity: Some(256),
        targets: vec![],
        memdevs: vec![],
    }
}

fn hmem(name: &str, range: Range) -> HmemDevice {
    HmemDevice {
        name: name.into(),
        id: None,
        path: format!("/sys/devices/platform/hmem_platform.0/{name}"),
        host: "hmem_platform.0".into(),
        driver: Some("hmem".into()),
        range: Some(range),
        numa_node: None,
    }
}

fn dax(name: &str, parent: &str, range: Range) -> DaxDevice {
    DaxDevice {
        name: name.into(),
        path: format!("/sys/devices/platform/hmem_platform.0/{parent}/{name}"),
        region: parent.into(),
        region_id: None,
        mappings: vec![Mapping {
            range,
            page_offset: Some(0),
        }],
        size: Some(range.size()),
        align: Some(2 * MIB),
        driver: Some("kmem".into()),
        mode: Mode::SystemRam,
        target_node: Some(1),
        numa_node: Some(0),
        state: Some("online".into()),
        memmap_on_memory: None,
        memory_blocks: vec![],
    }
}

fn derived(mut map: Map) -> Map {
    areas::derive(&mut map);
    map
}

fn owners(area: &Area) -> Vec<(Range, Owner)> {
    area.parts
        .iter()
        .map(|p| (p.range, p.owner.clone()))
        .collect()
}

/// A region in the lower half of a range, hmem and trimmed bytes above: the rule of hmem_rs.
fn region_smaller() -> Map {
    let all = range(0x1000 * MIB, 0x1200 * MIB - 1);
    let low = range(0x1000 * MIB, 0x1100 * MIB - 1);
    let mid = range(0x1100 * MIB, 0x11ff * MIB - 1);
    let top = range(0x11ff * MIB, 0x1200 * MIB - 1);
    Map {
        firmware_map: vec![reserved(all)],
        cxl: Cxl {
            windows: vec![window(
                "CXL Window 0",
                range(0x1000 * MIB, 0x2000 * MIB - 1),
            )],
            regions: vec![region("region0", low, true)],
            ..Cxl::default()
        },
        hmem_devices: vec![hmem("hmem.2", mid)],
        dax_devices: vec![dax("dax2.0", "hmem.2", mid)],
        hmem_rs: Some(HmemRs {
            ranges: vec![RangeDecision {
                range: all,
                node: 1,
                host: "hmem_platform.0".into(),
                state: Decision::Decided,
                errno: None,
                reserved: all.size(),
                cxl: low.size(),
                hmem: mid.size(),
                trimmed: top.size(),
                pieces: vec![
                    Piece::Cxl {
                        range: low,
                        regions: vec!["region0".into()],
                    },
                    Piece::Hmem {
                        range: mid,
                        device: Some("hmem.2".into()),
                        errno: 0,
                    },
                    Piece::Trimmed {
                        range: top,
                        reason: "not 2 MiB aligned".into(),
                    },
                ],
            }],
        }),
        ..Map::default()
    }
}

#[test]
fn cxl_keeps_hmem_gets_the_rest() {
    let map = derived(region_smaller());
    let [window, reserved] = map.areas.as_slice() else {
        panic!("{:?}", map.areas)
    };
    assert_eq!(window.kind, AreaKind::CxlWindow);
    let expected = [
        (
            range(0x1000 * MIB, 0x1100 * MIB - 1),
            Owner::Cxl {
                region: "region0".into(),
            },
        ),
        (
            range(0x1100 * MIB, 0x11ff * MIB - 1),
            Owner::Hmem {
                device: "hmem.2".into(),
            },
        ),
        (range(0x11ff * MIB, 0x1200 * MIB - 1), Owner::Trimmed),
    ];
    assert_eq!(owners(reserved), expected);
    assert_eq!(owners(window)[..3], expected);
    assert_eq!(owners(window)[3].1, Owner::Nobody);
    assert!(!window.parts[3].soft_reserved);
    assert_eq!(reserved.parts[2].why.as_deref(), Some("not 2 MiB aligned"));
    assert_eq!(reserved.parts[1].dax, ["dax2.0"]);
    assert_eq!(reserved.parts[1].node, Some(1));
}

#[test]
fn both_claim_it() {
    let all = range(0x1000 * MIB, 0x1200 * MIB - 1);
    let low = range(0x1000 * MIB, 0x1100 * MIB - 1);
    let mut map = region_smaller();
    map.hmem_rs = None;
    map.hmem_devices = vec![hmem("hmem.2", all)];
    let map = derived(map);
    let conflict = Owner::Conflict {
        region: "region0".into(),
        device: "hmem.2".into(),
    };
    assert_eq!(
        owners(&map.areas[1]),
        [
            (low, conflict),
            (
                range(0x1100 * MIB, 0x1200 * MIB - 1),
                Owner::Hmem {
                    device: "hmem.2".into()
                }
            )
        ]
    );
}

#[test]
fn a_region_that_is_not_committed_owns_nothing_of_hmems() {
    let all = range(0x1000 * MIB, 0x1200 * MIB - 1);
    let mut map = region_smaller();
    map.hmem_rs = None;
    map.cxl.regions = vec![region("region0", all, false)];
    map.hmem_devices = vec![hmem("hmem.2", all)];
    let map = derived(map);
    assert_eq!(
        owners(&map.areas[1]),
        [(
            all,
            Owner::Hmem {
                device: "hmem.2".into()
            }
        )]
    );
    let why = map.areas[1].parts[0].why.clone().unwrap_or_default();
    assert!(why.contains("region0 is not committed"), "{why}");
}

#[test]
fn a_range_that_waits() {
    let mut map = region_smaller();
    map.cxl.regions.clear();
    map.hmem_devices.clear();
    map.dax_devices.clear();
    for decision in map.hmem_rs.iter_mut().flat_map(|t| &mut t.ranges) {
        decision.state = Decision::Waiting;
        decision.pieces.clear();
    }
    let map = derived(map);
    assert_eq!(
        owners(&map.areas[1]),
        [(map.areas[1].range, Owner::Waiting)]
    );
}

#[test]
fn a_range_without_a_decision() {
    let mut map = region_smaller();
    map.cxl.regions.clear();
    map.hmem_devices.clear();
    map.dax_devices.clear();
    for decision in map.hmem_rs.iter_mut().flat_map(|t| &mut t.ranges) {
        decision.state = Decision::Failed;
        decision.errno = Some(-12);
        decision.pieces.clear();
    }
    let map = derived(map);
    assert_eq!(owners(&map.areas[1]), [(map.areas[1].range, Owner::Nobody)]);
    let why = map.areas[1].parts[0].why.clone().unwrap_or_default();
    assert!(
        why.contains("could not decide: -12 ENOMEM; rebind hmem_platform.0"),
        "{why}"
    );
}

#[test]
fn a_piece_that_could_not_be_registered_is_nobodys() {
    let mut map = region_smaller();
    map.hmem_devices.clear();
    map.dax_devices.clear();
    let pieces = map
        .hmem_rs
        .iter_mut()
        .flat_map(|t| &mut t.ranges)
        .flat_map(|r| &mut r.pieces);
    for piece in pieces {
        if let Piece::Hmem { device, errno, .. } = piece {
            (*device, *errno) = (None, -12);
        }
    }
    let map = derived(map);
    assert_eq!(map.areas[1].parts[1].owner, Owner::Nobody);
    let why = map.areas[1].parts[1].why.clone().unwrap_or_default();
    assert!(why.contains("-12 ENOMEM"), "{why}");
}

#[test]
fn sources_that_overlap_are_one_range_neighbours_are_not() {
    let firmware_map = vec![
        reserved(range(0x1000, 0x1fff)),
        reserved(range(0x2000, 0x2fff)),
    ];
    let mut map = Map {
        firmware_map,
        ..Map::default()
    };
    map.system.cmdline = Some("memmap=0x1000%0x1800+0xefffffff".into());
    map.iomem = vec![IomemEntry {
        depth: 0,
        range: range(0x2800, 0x3fff),
        name: "Soft Reserved".into(),
    }];
    let map = derived(map);
    assert_eq!(map.soft_reserved.len(), 1);
    assert_eq!(map.soft_reserved[0].range, range(0x1000, 0x3fff));
    let firmware_map = vec![
        reserved(range(0x1000, 0x1fff)),
        reserved(range(0x2000, 0x2fff)),
    ];
    let map = Map {
        firmware_map,
        ..Map::default()
    };
    assert_eq!(derived(map).soft_reserved.len(), 2);
}

#[test]
fn a_device_alone_tells_of_a_range() {
    let map = Map {
        hmem_devices: vec![hmem("hmem.0", range(0x1000, 0x1fff))],
        ..Map::default()
    };
    let map = derived(map);
    assert_eq!(map.soft_reserved.len(), 1);
    assert_eq!(
        owners(&map.areas[0]),
        [(
            range(0x1000, 0x1fff),
            Owner::Hmem {
                device: "hmem.0".into()
            }
        )]
    );
}

fn some_range() -> impl Strategy<Value = Range> {
    let place = prop_oneof![4 => 0u64..64, 1 => any::<u64>(), 1 => Just(u64::MAX)];
    (place.clone(), place).prop_map(|(a, b)| {
        let scale = |v: u64| if v < 64 { v << 20 } else { v };
        range(scale(a).min(scale(b)), scale(a).max(scale(b)))
    })
}

fn some_map() -> impl Strategy<Value = Map> {
    let ranges = |most| proptest::collection::vec(some_range(), 0..most);
    let names = prop_oneof![
        Just("System RAM"),
        Just("Soft Reserved"),
        Just("region0"),
        Just("PCI <Bus> \u{7} & 0000:00")
    ];
    let iomem = proptest::collection::vec((some_range(), 0u32..4, names), 0..8);
    (
        ranges(6),
        ranges(3),
        proptest::collection::vec((some_range(), any::<bool>()), 0..4),
        ranges(5),
        iomem,
        ranges(4),
        any::<bool>(),
    )
        .prop_map(
            |(reserved_ranges, windows, regions, devices, iomem, decided, hidden)| {
                let mut map = Map::default();
                map.system.addresses_hidden = hidden;
                map.firmware_map = reserved_ranges.into_iter().map(reserved).collect();
                let windows = windows.into_iter().enumerate();
                map.cxl.windows = windows
                    .map(|(n, r)| window(&format!("CXL Window {n}"), r))
                    .collect();
                let regions = regions.into_iter().enumerate();
                map.cxl.regions = regions
                    .map(|(n, (r, committed))| region(&format!("region{n}"), r, committed))
                    .collect();
                for (n, range) in devices.into_iter().enumerate() {
                    let (parent, name) = (format!("hmem.{n}"), format!("dax{n}.0"));
                    map.hmem_devices.push(hmem(&parent, range));
                    map.dax_devices.push(dax(&name, &parent, range));
                    map.dax_regions.push(DaxRegion {
                        policy: None,
                        id: i32::try_from(n).ok(),
                        path: format!("/sys/devices/platform/hmem_platform.0/{parent}"),
                        parent,
                        kind: RegionKind::Hmem,
                        cxl_region: None,
                        driver: Some("hmem".into()),
                        range: Some(range),
                        size: Some(range.size()),
                        available_size: Some(0),
                        align: None,
                        seed: None,
                        devices: vec![name],
                    });
                }
                map.iomem = iomem
                    .into_iter()
                    .map(|(range, depth, name)| IomemEntry {
                        depth,
                        range,
                        name: name.into(),
                    })
                    .collect();
                let decided = decided.into_iter().map(|range| RangeDecision {
                    range,
                    node: 0,
                    host: "hmem_platform.0".into(),
                    state: Decision::Decided,
                    errno: None,
                    reserved: range.size(),
                    cxl: 0,
                    hmem: 0,
                    trimmed: range.size(),
                    pieces: vec![Piece::Trimmed {
                        range,
                        reason: "too small".into(),
                    }],
                });
                map.hmem_rs = Some(HmemRs {
                    ranges: decided.collect(),
                });
                map
            },
        )
}

proptest! {
    #[test]
    fn parts_divide_each_area_exactly(map in some_map()) {
        let map = derived(map);
        for area in &map.areas {
            let mut next = Some(area.range.start());
            for part in &area.parts {
                prop_assert_eq!(Some(part.range.start()), next);
                next = part.range.end().checked_add(1);
            }
            prop_assert_eq!(area.parts.last().map(|p| p.range.end()), Some(area.range.end()));
        }
        for pair in map.soft_reserved.windows(2) {
            prop_assert!(pair[0].range.end() < pair[1].range.start());
        }
        // Every Soft Reserved range that firmware named is in one of the areas, whole.
        for entry in &map.firmware_map {
            prop_assert!(map.soft_reserved.iter().any(|s| s.range.contains(entry.range)));
        }
    }

    #[test]
    fn the_owner_of_a_byte_does_not_depend_on_the_area(map in some_map()) {
        let map = derived(map);
        for a in &map.areas {
            for b in &map.areas {
                for (p, q) in a.parts.iter().flat_map(|p| b.parts.iter().map(move |q| (p, q))) {
                    if p.range.overlaps(q.range) {
                        prop_assert_eq!(&p.owner, &q.owner);
                        prop_assert_eq!(p.soft_reserved, q.soft_reserved);
                    }
                }
            }
        }
    }

    #[test]
    fn json_comes_back(map in some_map()) {
        let map = derived(map);
        let json = serde_json::to_string(&map).unwrap();
        prop_assert_eq!(serde_json::from_str::<Map>(&json).unwrap(), map);
    }

    #[test]
    fn the_terminal_shows_each_area(map in some_map(), width in 60usize..160) {
        let map = derived(map);
        let style = Style { colour: false, ascii: false, width: Some(width) };
        let text = terminal::render(&map, style);
        for area in &map.areas {
            prop_assert!(text.contains(&area.range.to_string()), "{} in\n{}", area.range, text);
        }
        let plain = terminal::render(&map, Style { ascii: true, width: None, ..style });
        prop_assert!(plain.is_ascii() || map.iomem.iter().any(|e| !e.name.is_ascii()));
        let colour = terminal::render(&map, Style { colour: true, ..style });
        prop_assert_eq!(uncoloured(&colour), text);
    }

    #[test]
    fn the_picture_is_xml_inside_its_frame(map in some_map()) {
        let picture = svg::render(&derived(map));
        let document = roxmltree::Document::parse(&picture).expect("well-formed");
        let number = |node: &roxmltree::Node<'_, '_>, name| {
            node.attribute(name).and_then(|v| v.parse::<f64>().ok())
        };
        let root = document.root_element();
        let (width, height) = (number(&root, "width").unwrap(), number(&root, "height").unwrap());
        for node in document.descendants().filter(|n| n.has_tag_name("rect")) {
            // Rectangles of patterns have no place of their own.
            let (Some(x), Some(y)) = (number(&node, "x"), number(&node, "y")) else { continue };
            let right = x + number(&node, "width").unwrap();
            let bottom = y + number(&node, "height").unwrap();
            prop_assert!(x >= 0.0 && y >= 0.0 && right <= width + 1.0 && bottom <= height, "{:?}", node);
        }
    }
}

fn uncoloured(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('\x1b') {
        out.push_str(head);
        rest = tail.split_once('m').map_or("", |(_, tail)| tail);
    }
    out + rest
}
