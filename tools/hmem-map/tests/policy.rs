// SPDX-License-Identifier: GPL-2.0

//! `hmem-map policy check`, and policies in the map.

use hmem_map::policy::{check, nodes};
use hmem_map::tree::Tree;
use std::path::Path;
use std::process::{Command, Output};

fn tree(name: &str) -> String {
    format!("{}/tests/trees/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn report(name: &str, rules: &str) -> Result<String, String> {
    let tree = Tree::new(Path::new(&tree(name))).expect("is there");
    check(&hmem_map::read_tree(&tree), nodes(&tree), rules).map(|report| report.to_string())
}

fn program(name: &str, rules: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hmem-map"))
        .args(["policy", "check", "--root", &tree(name), rules])
        .output()
        .expect("runs")
}

#[test]
fn a_range_is_cut_at_the_edge_of_a_rule() {
    let text = report(
        "command-line-range",
        "0x40000000-0x4fffffff:device_dax,never-ram;hmem:kmem,unplugged",
    )
    .unwrap();

    assert_eq!(
        text,
        "\
0x40000000-0x4fffffff  256 MiB  hmem  node 0    device_dax,never-ram  \
rule 1: 0x40000000-0x4fffffff:device_dax,never-ram
0x50000000-0x5fffffff  256 MiB  hmem  node 0    kmem,unplugged        rule 2: hmem:kmem,unplugged
"
    );
}

#[test]
fn a_cxl_region_is_not_cut() {
    let text = report("cxl-region-covers", "cxl+0-0x11affffff:none;cxl:kmem").unwrap();

    assert!(text.contains("region0"), "{text}");
    assert!(text.contains("rule 2: cxl:kmem\n"), "{text}");
    assert!(
        text.contains("warning: rule 1: covers only a part of region0"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_meant_is_told() {
    let text = report("command-line-range", "*:kmem,never-ram;cxl:none").unwrap();

    assert!(
        text.contains("warning: rule 1: never-ram: kmem will refuse"),
        "{text}"
    );
    assert!(
        text.contains("warning: rule 2: counts for no memory"),
        "{text}"
    );
}

#[test]
fn no_rule_is_told() {
    let text = report("command-line-range", "cxl:none").unwrap();

    assert!(text.contains("default  no rule\n"), "{text}");
}

#[test]
fn a_refusal_shows_the_place() {
    let out = program("command-line-range", "*:kmem;hmem:ram");

    assert_eq!(out.status.code(), Some(1));
    assert!(out.stdout.is_empty());
    assert_eq!(
        String::from_utf8(out.stderr).unwrap(),
        "hmem-map: character 13: no such action\n  *:kmem;hmem:ram\n              ^\n"
    );
}

#[test]
fn json_has_the_same() {
    let out = Command::new(env!("CARGO_BIN_EXE_hmem-map"))
        .args([
            "policy",
            "check",
            "--json",
            "--root",
            &tree("command-line-range"),
            "*:none",
        ])
        .output()
        .expect("runs");
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();

    assert_eq!(json["ranges"][0]["actions"], "none");
    assert_eq!(json["ranges"][0]["rule"], 1);
}

/// A copy of a recorded tree with a file more.
fn with_file(path: &str, content: &str) -> (tempdir::Dir, Tree) {
    let dir = tempdir::Dir::new();
    let copied = Command::new("cp")
        .args(["-a", &format!("{}/.", tree("command-line-range"))])
        .arg(&dir.0)
        .status()
        .expect("runs");
    assert!(copied.success());
    let file = dir.0.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, content).unwrap();
    let tree = Tree::new(&dir.0).unwrap();
    (dir, tree)
}

#[test]
fn nodes_that_the_machine_cannot_have_are_refused() {
    let (_dir, tree) = with_file("sys/devices/system/node/possible", "0,2-3\n");
    let map = hmem_map::read_tree(&tree);

    for node in ["node0:none", "node2:none", "node3:none"] {
        assert!(check(&map, nodes(&tree), node).is_ok());
    }
    for node in ["node1:none", "node4:none"] {
        let error = check(&map, nodes(&tree), node).unwrap_err();
        assert!(error.contains("no such node"), "{error}");
    }
}

#[test]
fn the_map_shows_the_policy_of_a_region() {
    let (_dir, tree) = with_file(
        "sys/devices/platform/hmem_platform.0/hmem.0/dax_region/policy",
        "kmem,online_movable\nrule 1: hmem:kmem,online_movable\n",
    );
    let map = hmem_map::read_tree(&tree);
    let style = hmem_map::render::style::Style {
        colour: false,
        ascii: true,
        width: None,
    };
    let text = hmem_map::render::terminal::render(&map, style);

    assert!(
        text.contains("policy kmem,online_movable (rule 1: hmem:kmem,online_movable)"),
        "{text}"
    );
}

mod tempdir {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A directory that goes away again.
    pub(crate) struct Dir(pub(crate) PathBuf);

    impl Dir {
        pub(crate) fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let name = format!(
                "hmem-map-policy-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            );
            let dir = std::env::temp_dir().join(name);
            std::fs::create_dir(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
