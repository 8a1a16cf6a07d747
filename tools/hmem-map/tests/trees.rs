// SPDX-License-Identifier: GPL-2.0

//! Trees that `hmem-map snapshot` recorded on running kernels: what is made of them.

use hmem_map::render::style::Style;
use hmem_map::render::{svg, terminal};
use hmem_map::tree::Tree;
use hmem_map::{read, read_tree, snapshot, Map};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

const PLAIN: Style = Style {
    colour: false,
    ascii: false,
    width: None,
};

fn trees() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees")
}

fn tree(name: &str) -> Map {
    read(&trees().join(name)).expect("a recorded tree")
}

/// A directory that is gone at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hmem-map-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the terminal shows, and the JSON without its long listings, which the shorter fields rest on.
fn expect(name: &str) {
    let mut map = tree(name);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        insta::assert_snapshot!(format!("{name}.tree"), terminal::render(&map, PLAIN));
        map.iomem.clear();
        map.memory_blocks.clear();
        map.tool.clear();
        let json = serde_json::to_string_pretty(&map).expect("JSON");
        insta::assert_snapshot!(format!("{name}.json"), json);
    });
}

macro_rules! recorded {
    ($($test:ident $name:literal)*) => {$(
        #[test]
        fn $test() {
            expect($name);
        }
    )*};
}

recorded! {
    command_line_range "command-line-range"
    command_line_range_seen_by_a_user "command-line-range-user"
    region_idle_with_two_partitions "region-idle"
    hmat_splits_a_range_over_two_nodes "hmat-two-nodes"
    hmat_node_is_only_half_reserved "hmat-half-reserved"
    misaligned "misaligned"
    idle_decoders "cxl-idle-decoders"
    region_covers_the_range "cxl-region-covers"
    region_covers_the_range_seen_by_a_user "cxl-region-covers-user"
    region_is_smaller_with_dax_hmem "cxl-region-smaller"
    region_is_smaller_with_hmem_rs "cxl-region-smaller-rs"
}

#[test]
fn every_recorded_tree_has_its_test() {
    let source = include_str!("trees.rs");
    for entry in fs::read_dir(trees()).expect("trees") {
        let name = entry
            .expect("entry")
            .file_name()
            .into_string()
            .expect("name");
        assert!(
            source.contains(&format!("\"{name}\"")),
            "{name} is not looked at"
        );
    }
}

#[test]
fn a_recording_of_a_recording_tells_the_same() {
    for entry in fs::read_dir(trees()).expect("trees") {
        let path = entry.expect("entry").path();
        let scratch = Scratch::new("again");
        let first = Tree::new(&path).expect("tree");
        snapshot::record(first, &scratch.0).expect("recorded");
        assert_eq!(
            read(&scratch.0).expect("tree"),
            read(&path).expect("tree"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_recording_does_not_overwrite() {
    let scratch = Scratch::new("full");
    fs::create_dir_all(&scratch.0).expect("directory");
    fs::write(scratch.0.join("mine"), "precious").expect("file");
    let tree = Tree::new(&trees().join("misaligned")).expect("tree");
    let error = snapshot::record(tree, &scratch.0).expect_err("not empty");
    assert_eq!(error.kind(), std::io::ErrorKind::DirectoryNotEmpty);
    assert_eq!(fs::read_dir(&scratch.0).expect("directory").count(), 1);
}

#[test]
fn nothing_outside_of_a_tree_is_read() {
    let scratch = Scratch::new("outside");
    let secret = Scratch::new("secret");
    fs::create_dir_all(scratch.0.join("proc/sys/kernel")).expect("directory");
    fs::write(&secret.0, "secret").expect("file");
    std::os::unix::fs::symlink(&secret.0, scratch.0.join("proc/cmdline")).expect("link");
    fs::write(scratch.0.join("proc/sys/kernel/osrelease"), "7.3.0\n").expect("file");
    let map = read(&scratch.0).expect("tree");
    fs::remove_file(&secret.0).expect("file");
    assert_eq!(map.system.kernel.as_deref(), Some("7.3.0"));
    assert_eq!(map.system.cmdline, None);
}

#[test]
fn an_empty_tree_is_an_empty_map() {
    let scratch = Scratch::new("empty");
    fs::create_dir_all(&scratch.0).expect("directory");
    let map = read(&scratch.0).expect("tree");
    assert!(map.areas.is_empty() && map.dax_devices.is_empty());
    assert!(svg::render(&map).contains("There is no Soft Reserved memory"));
    assert!(read(&scratch.0.join("missing")).is_err());
}

/// Up to Linux 6.2 the lines of iomem told all: the range, the device, and what kmem made of it.
#[test]
fn a_kernel_with_soft_reserved_in_iomem() {
    let scratch = Scratch::new("older");
    let write = |path: &str, text: &str| {
        let path = scratch.0.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("file");
    };
    let link = |path: &str, target: &str| {
        let path = scratch.0.join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::os::unix::fs::symlink(target, path).expect("link");
    };
    write("proc/sys/kernel/osrelease", "5.15.0\n");
    write(
        "proc/iomem",
        "00100000-3fffffff : System RAM\n\
         100000000-13fffffff : Soft Reserved\n  \
           100000000-13fffffff : hmem.0\n    \
             100000000-13fffffff : dax0.0\n      \
               100000000-13fffffff : System RAM (kmem)\n\
         140000000-14fffffff : Soft Reserved\n",
    );
    link(
        "sys/bus/platform/devices/hmem.0",
        "../../../devices/platform/hmem.0",
    );
    link(
        "sys/bus/dax/devices/dax0.0",
        "../../../devices/platform/hmem.0/dax0.0",
    );
    let device = "sys/devices/platform/hmem.0";
    link(
        &format!("{device}/driver"),
        "../../../bus/platform/drivers/hmem",
    );
    link(
        &format!("{device}/dax0.0/driver"),
        "../../../../bus/dax/drivers/kmem",
    );
    write(&format!("{device}/dax0.0/size"), "1073741824\n");
    write(&format!("{device}/dax0.0/resource"), "0x100000000\n");
    write(&format!("{device}/dax_region/id"), "0\n");
    let map = read(&scratch.0).expect("tree");
    let owners: Vec<_> = map
        .areas
        .iter()
        .flat_map(|a| &a.parts)
        .map(|p| (p.owner.clone(), p.dax.clone()))
        .collect();
    let hmem = hmem_map::Owner::Hmem {
        device: "hmem.0".into(),
    };
    assert_eq!(
        owners,
        [
            (hmem, vec!["dax0.0".to_string()]),
            (hmem_map::Owner::Nobody, vec![])
        ]
    );
    assert_eq!(map.soft_reserved[0].sources, [hmem_map::Source::Iomem]);
}

/// Copies a tree, with some of its files cut off, emptied or overwritten.
fn damage(from: &Path, to: &Path, damage: &[(usize, u8)], count: &mut usize) {
    fs::create_dir_all(to).expect("directory");
    let mut entries: Vec<_> = fs::read_dir(from)
        .expect("tree")
        .map(|e| e.expect("entry"))
        .collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("type");
        if kind.is_dir() {
            self::damage(&path, &target, damage, count);
            continue;
        }
        *count += 1;
        let how = damage
            .iter()
            .find(|(which, _)| which == count)
            .map(|(_, how)| how % 5);
        if kind.is_symlink() {
            let link = fs::read_link(&path).expect("link");
            match how {
                None => std::os::unix::fs::symlink(link, target).expect("link"),
                Some(0) => std::os::unix::fs::symlink("../../..", target).expect("link"),
                Some(_) => {}
            }
            continue;
        }
        let text = fs::read(&path).expect("file");
        match how {
            None => fs::write(target, text).expect("file"),
            Some(0) => fs::write(target, &text[..text.len() / 2]).expect("file"),
            Some(1) => fs::write(target, "").expect("file"),
            Some(2) => fs::write(target, "18446744073709551615\n").expect("file"),
            Some(3) => fs::write(target, b"0xffffffffffffffff \xff\xfe\0-1").expect("file"),
            Some(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_damaged_tree_still_gives_a_map(
        which in 0usize..64,
        places in proptest::collection::vec((1usize..140, any::<u8>()), 1..12),
    ) {
        let all: Vec<_> = fs::read_dir(trees()).expect("trees").map(|e| e.expect("entry").path()).collect();
        let scratch = Scratch::new("damaged");
        damage(&all[which % all.len()], &scratch.0, &places, &mut 0);
        let map = read_tree(&Tree::new(&scratch.0).expect("tree"));
        let text = terminal::render(&map, Style { width: Some(80), ..PLAIN });
        let picture = svg::render(&map);
        prop_assert!(!text.is_empty());
        prop_assert!(roxmltree::Document::parse(&picture).is_ok());
    }
}
