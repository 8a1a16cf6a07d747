// SPDX-License-Identifier: GPL-2.0

//! Checks that need no kernel tree.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{each, findings, Findings, Ground};

/// Every file that can have one says in its first lines which licence it has.
pub(super) fn licence_lines(ground: &Ground) -> Result<Findings> {
    let kinds = [
        "rs", "c", "h", "sh", "toml", "config", "Makefile", "Kconfig", "rst", "py",
    ];
    let mut without = Vec::new();
    for name in &ground.files {
        let path = Path::new(name);
        // A selftest's file "config" is read by programs that know no comments.
        let kind = path
            .extension()
            .or(path.file_name().filter(|name| *name != "config"))
            .unwrap_or_default();
        let generated = path.ends_with("Cargo.lock")
            || name.contains("/fixtures/")
            || name.contains("/snapshots/");
        if generated || !(kinds.iter().any(|k| kind == *k) || is_script(ground, name)) {
            continue;
        }
        let head = fs::read_to_string(ground.dirs.repo.join(name))?;
        if !head
            .lines()
            .take(3)
            .any(|line| line.contains("SPDX-License-Identifier: GPL-2.0"))
        {
            without.push(format!(
                "{name}: no SPDX-License-Identifier in the first three lines"
            ));
        }
    }
    Ok(without)
}

/// Words that are spelt wrong.
pub(super) fn codespell(ground: &Ground) -> Result<Findings> {
    let text = |name: &&String| {
        !name.ends_with(".lock")
            && *name != "COPYING"
            && !name.contains("/fixtures/")
            && !name.contains("/trees/")
    };
    let files: Vec<&String> = ground.files.iter().filter(text).collect();
    // Names in the code that look like misspelt words.
    findings(
        Command::new("codespell")
            .args([
                "--ignore-words-list",
                "atmost,crate,fromat,mot,nd,ro,ser,statics,te",
            ])
            .args(files)
            .current_dir(&ground.dirs.repo),
    )
}

/// Shell scripts.
pub(super) fn shellcheck(ground: &Ground) -> Result<Findings> {
    let files: Vec<&String> = ground
        .files
        .iter()
        .filter(|name| name.ends_with(".sh") || is_script(ground, name))
        .collect();
    each(&files, |file| {
        findings(
            Command::new("shellcheck")
                .args(["-x", "--source-path=SCRIPTDIR", "--source-path=."])
                .arg(file)
                .current_dir(&ground.dirs.repo),
        )
    })
}

/// Formatting of the host tools.
pub(super) fn rustfmt(ground: &Ground) -> Result<Findings> {
    findings(cargo(ground).args(["fmt", "--all", "--check", "--", "-l"]))
}

/// Lints of the host tools.
pub(super) fn clippy(ground: &Ground) -> Result<Findings> {
    findings(cargo(ground).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Documentation of the host tools.
pub(super) fn rustdoc(ground: &Ground) -> Result<Findings> {
    let mut doc = cargo(ground);
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--locked",
        "--quiet",
    ])
    .env("RUSTDOCFLAGS", "-D warnings");
    findings(&mut doc)
}

fn cargo(ground: &Ground) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(ground.dirs.repo.join("tools"));
    cargo
}

/// Whether a file begins as a shell script does.
fn is_script(ground: &Ground, name: &str) -> bool {
    let mut head = [0; 64];
    let read =
        fs::File::open(ground.dirs.repo.join(name)).and_then(|mut file| file.read(&mut head));
    let head = String::from_utf8_lossy(&head[..read.unwrap_or(0)]).into_owned();
    let line = head.lines().next().unwrap_or_default();
    line.starts_with("#!") && line.ends_with("sh")
}
