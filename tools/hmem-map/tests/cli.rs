// SPDX-License-Identifier: GPL-2.0

//! The program as a person uses it.

use std::path::PathBuf;
use std::process::{Command, Output};

fn hmem_map(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hmem-map"));
    command
        .args(args)
        .env_remove("NO_COLOR")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("runs")
}

fn tree(name: &str) -> String {
    format!("{}/tests/trees/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn colour_is_for_terminals() {
    let root = tree("cxl-region-smaller");
    let plain = hmem_map(&["--root", &root]);
    assert!(plain.status.success());
    assert!(!text(&plain.stdout).contains('\x1b'));
    let colour = hmem_map(&["--root", &root, "--color", "always"]);
    assert!(text(&colour.stdout).contains('\x1b'));
}

#[test]
fn ascii_on_request() {
    let out = hmem_map(&["--root", &tree("cxl-region-smaller"), "--ascii"]);
    assert!(text(&out.stdout).is_ascii());
    assert!(text(&out.stdout).contains("`- "));
}

#[test]
fn json_is_what_the_library_reads() {
    let root = tree("cxl-region-smaller");
    let out = hmem_map(&["--root", &root, "--json"]);
    let map: hmem_map::Map = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(map, hmem_map::read(root.as_ref()).expect("tree"));
    assert_eq!(map.schema, hmem_map::SCHEMA);
}

#[test]
fn json_has_the_fields_of_its_document() {
    let document = include_str!("../SCHEMA.md");
    let out = hmem_map(&["--root", &tree("cxl-region-smaller-rs"), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let mut names = std::collections::BTreeSet::new();
    collect_names(&json, &mut names);
    for name in names {
        let mentioned = [
            format!("`{name}`"),
            format!("`parts[].{name}`"),
            format!("`{name}[]`"),
        ]
        .iter()
        .any(|n| document.contains(n.as_str()))
            || document.contains(&format!("{name},"))
            || document.contains(&format!("{name}}}"));
        assert!(mentioned, "{name} is not in SCHEMA.md");
    }
}

fn collect_names(json: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    match json {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect_names(value, names);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|i| collect_names(i, names)),
        _ => {}
    }
}

#[test]
fn errors_say_what_to_do() {
    let missing = hmem_map(&["--root", "/does/not/exist"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stdout.is_empty());
    let message = text(&missing.stderr);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(
        message.contains("/does/not/exist") && message.contains("snapshot"),
        "{message}"
    );

    let full = hmem_map(&["snapshot", env!("CARGO_MANIFEST_DIR")]);
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("not empty"));

    let unknown = hmem_map(&["--jsno"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown.stderr).contains("--json"),
        "suggests what was meant"
    );
}

#[test]
fn a_picture_goes_where_it_is_told() {
    let file: PathBuf = std::env::temp_dir().join(format!("hmem-map-{}.svg", std::process::id()));
    let path = file.to_str().expect("path");
    let out = hmem_map(&["--root", &tree("misaligned"), "--svg", path]);
    assert!(out.status.success() && out.stdout.is_empty());
    let written = std::fs::read_to_string(&file).expect("picture");
    std::fs::remove_file(&file).expect("picture");
    let printed = hmem_map(&["--root", &tree("misaligned"), "--svg", "-"]);
    assert_eq!(written, text(&printed.stdout));
}

#[test]
fn the_running_system_can_be_shown() {
    let out = hmem_map(&[]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(!out.stdout.is_empty());
}
