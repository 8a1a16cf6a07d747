// SPDX-License-Identifier: GPL-2.0

//! A recorded pair of snapshots, against the list that is in force.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::difference::{self, Difference};
use super::facts::Facts;
use super::intended::List;

const SCENARIO: &str = "cxl-region-smaller";

fn recorded(side: &str) -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.join("tests/pairs").join(SCENARIO).join(side)
}

fn list() -> List {
    List::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("compare.toml")).unwrap()
}

/// Differences that nothing explains, between the C driver and the snapshot in `rust`.
fn unexplained(rust: &Path) -> Vec<Difference> {
    let read = |dir: &Path| Facts::read(dir, true).unwrap();
    let (differences, same) = difference::between(&read(&recorded("c")), &read(rust));
    assert!(
        same > 100 && differences.len() > 20,
        "{same} {}",
        differences.len()
    );
    let list = list();
    differences
        .into_iter()
        .filter(|found| list.explain(SCENARIO, found).is_none())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&path, &to),
            kind if kind.is_symlink() => symlink(fs::read_link(&path).unwrap(), to).unwrap(),
            _ => drop(fs::copy(&path, to).unwrap()),
        }
    }
}

/// A copy of what ours showed, with one word changed in one file.
struct Planted(PathBuf);

impl Planted {
    fn new(name: &str, file: &str, old: &str, new: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("hmem-lab-{}-{name}", std::process::id()));
        copy(&recorded("rust"), &dir);
        let text = fs::read_to_string(dir.join(file)).unwrap();
        assert!(text.contains(old), "{file} lacks {old}");
        fs::write(dir.join(file), text.replace(old, new)).unwrap();
        Self(dir)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn all_that_differs_is_intended() {
    assert_eq!(unexplained(&recorded("rust")), []);
}

#[test]
fn what_is_not_intended_fails() {
    let dax = "map/sys/devices/platform/hmem_platform.0/hmem.2/dax2.0";
    for (name, file, old, new, kind) in [
        (
            "zone",
            "map/sys/devices/system/memory/memory40/state",
            "online",
            "offline",
            "sysfs",
        ),
        (
            "param",
            "map/sys/module/hmem_rs/parameters/region_idle",
            "N",
            "Y",
            "sysfs",
        ),
        (
            "policy",
            "map/sys/module/dax/parameters/policy",
            "\n",
            "*:kmem\n",
            "sysfs",
        ),
        ("mode", "daxctl.json", "system-ram", "devdax", "daxctl"),
        ("window", "iomem", "CXL Window 0", "CXL Window 1", "iomem"),
        (
            "cxl",
            "cxl.json",
            "\"type\":\"ram\"",
            "\"type\":\"pmem\"",
            "cxl",
        ),
        ("loaded", "modules", "cxl_pmem", "cxl_other", "modules"),
        (
            "said",
            "dmesg",
            "host supports CXL",
            "host lacks CXL",
            "log",
        ),
    ] {
        let planted = Planted::new(name, file, old, new);
        let found = unexplained(&planted.0);
        assert!(
            found.iter().any(|found| found.kind == kind),
            "{name}: {found:?}"
        );
    }
    let lost = Planted::new("lost", &format!("{dax}/size"), "268435456", "0");
    let _ = fs::remove_file(lost.0.join(format!("{dax}/driver")));
    assert!(!unexplained(&lost.0).is_empty());
}
