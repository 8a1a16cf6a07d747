// SPDX-License-Identifier: GPL-2.0

//! Checks of the overlay in a kernel tree: the newest that can be had, as the flavour lab builds it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};

use super::{each, findings, overlay, words, Findings, Ground};
use crate::kernel::lock::Lock;
use crate::kernel::{self, Found};

const FLAVOUR: &str = "lab";

/// The grafted tree, and its lock.
struct Grafted {
    tree: PathBuf,
    /// Rust files of the overlay.
    rust: Vec<String>,
    /// Rust files of the kernel that are edited.
    edited: Vec<String>,
    _lock: Lock,
}

fn grafted(ground: &Ground) -> Result<Grafted> {
    let kver = kernel::newest()?;
    let args = kernel::Args::of(kver, FLAVOUR, None);
    let Some((source, lock)) = kernel::source(&ground.dirs, &args)? else {
        bail!("{}", kernel::no_source(kver));
    };
    let grafted = graft::status(&source.tree)?
        .graft
        .context("the tree holds no graft")?;
    let rust = |mut names: Vec<String>| {
        names.retain(|name| name.ends_with(".rs"));
        names
    };
    Ok(Grafted {
        tree: source.tree,
        rust: rust(grafted.overlay),
        edited: rust(grafted.edited),
        _lock: lock,
    })
}

/// The grafted tree, and the objects of a kernel built from it.
struct Built {
    grafted: Grafted,
    obj: PathBuf,
}

impl Built {
    /// Where the checks leave what their tools make.
    fn out(&self) -> PathBuf {
        self.obj.join("check")
    }
}

fn built(ground: &Ground) -> Result<Built> {
    let kver = kernel::newest()?;
    let args = kernel::Args::of(kver, FLAVOUR, None);
    if let Found::NoSource(why) = kernel::build(&args)? {
        bail!("{why}");
    }
    Ok(Built {
        grafted: grafted(ground)?,
        obj: ground.dirs.build.join(format!("{kver}-{FLAVOUR}")),
    })
}

/// The menu of the project by itself.
pub(super) fn kconfig(ground: &Ground) -> Result<Findings> {
    let built = built(ground)?;
    // It writes more than the configuration into the directory that it runs in.
    let dir = ground.dirs.out.join("check-kconfig");
    kernel::dirs::make(&dir)?;
    let mut conf = Command::new(built.obj.join("scripts/kconfig/conf"));
    conf.args(["--allyesconfig", "Kconfig"])
        .current_dir(&dir)
        .env("srctree", &ground.dirs.repo);
    let output = conf
        .output()
        .context("cannot run the kernel's scripts/kconfig/conf")?;
    kernel::dirs::remove(&dir)?;
    let words = words(&output);
    let warned = words
        .lines()
        .any(|line| line.contains("warning:") || line.contains("error:"));
    Ok(if output.status.success() && !warned {
        Vec::new()
    } else {
        vec![words]
    })
}

/// The kernel's own rules for formatting.
pub(super) fn rustfmt(ground: &Ground) -> Result<Findings> {
    let grafted = grafted(ground)?;
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .args(["--check", "-l", "--edition", "2021", "--config-path"])
        .arg(grafted.tree.join(".rustfmt.toml"));
    let found = findings(
        rustfmt
            .args(grafted.rust.iter().chain(&grafted.edited))
            .current_dir(&grafted.tree),
    )?;
    // A module is read once for itself and once for its crate.
    let prefix = format!("{}/", grafted.tree.display());
    let files: BTreeSet<String> = found
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| line.replace(&prefix, ""))
        .collect();
    Ok(files.into_iter().collect())
}

/// The kernel's own choice of lints, for the kernel crate and each crate of the overlay.
pub(super) fn clippy(ground: &Ground) -> Result<Findings> {
    let built = built(ground)?;
    let crates = crates(&built)?;
    let (kernel, others) = crates.split_first().context("no kernel crate")?;
    let metadata = built.out().join("libkernel.rmeta");
    let emit = format!("--emit=metadata={}", metadata.display());
    // Some lints look into functions of the kernel crate, which must therefore be there, and as the driver leaves
    // them: rustc's have others inlined.
    let mut all = say(
        &built,
        "clippy-driver",
        kernel,
        &[&emit, "-Zalways-encode-mir"],
    )?;
    let with = format!("kernel={}", metadata.display());
    let emit = format!("--emit=metadata={}", built.out().join("x.rmeta").display());
    all.extend(each(others, |line| {
        say(&built, "clippy-driver", line, &[&emit, "--extern", &with])
    })?);
    Ok(all)
}

/// Documentation of the kernel crate and each crate of the overlay, private items too: links that lead nowhere,
/// examples that are none.
pub(super) fn rustdoc(ground: &Ground) -> Result<Findings> {
    let built = built(ground)?;
    let mut all = Vec::new();
    for (index, line) in crates(&built)?.iter().enumerate() {
        // A driver has no public items: who reads its documentation reads that of the private ones.
        let more: &[&str] = match index {
            0 => &[],
            _ => &["-Arustdoc::private-intra-doc-links"],
        };
        all.extend(say(&built, "rustdoc", line, more)?);
    }
    Ok(all)
}

/// The mailable series, as a maintainer's checkpatch sees it.
pub(super) fn checkpatch(ground: &Ground) -> Result<Findings> {
    let grafted = grafted(ground)?;
    let dir = ground.dirs.out.join("check-patches");
    kernel::dirs::remove(&dir)?;
    let mut options = graft::MailOptions::default();
    // The check works for those too who have not told git their name.
    options.author = Some("hmem-lab check <check@localhost>".into());
    graft::patches(&grafted.tree, &ground.dirs.repo, &dir, &options)?;
    let mut patches: Vec<PathBuf> = fs::read_dir(&dir)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    patches.retain(|path| {
        path.extension().is_some_and(|e| e == "patch") && !path.to_string_lossy().contains("0000-")
    });
    patches.sort();
    if patches.is_empty() {
        bail!("graft made no patches");
    }
    let all = each(&patches, |patch| {
        // The series adds its entry in MAINTAINERS with the last patch, as a whole. And a source from a package has no history
        // in which the commits of Fixes: could be looked up.
        let mut ignore = "FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID".to_owned();
        if patch.to_string_lossy().contains("-selftests-") {
            // Tables in shell are read better in long lines, and may say a word twice.
            ignore += ",LONG_LINE,LONG_LINE_COMMENT,LONG_LINE_STRING,REPEATED_WORD";
        }
        let mut checkpatch = Command::new("perl");
        checkpatch.args([
            "scripts/checkpatch.pl",
            "--strict",
            "--terse",
            "--no-summary",
            "--show-types",
            "--ignore",
            &ignore,
        ]);
        findings(checkpatch.arg(patch).current_dir(&grafted.tree))
    })?;
    let prefix = format!("{}/", dir.display());
    Ok(all.iter().map(|text| text.replace(&prefix, "")).collect())
}

/// How the kernel's make compiled the kernel crate, first, and the crates of the overlay. Fails if there is a directory that
/// none of them was made from: what is not compiled has no findings.
fn crates(built: &Built) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut roots = Vec::new();
    let kernel = "rust/kernel/lib.rs";
    for source in std::iter::once(kernel).chain(built.grafted.rust.iter().map(String::as_str)) {
        let object = if source == kernel {
            PathBuf::from("rust/kernel.o")
        } else {
            Path::new(source).with_extension("o")
        };
        let name = format!(
            ".{}.cmd",
            object.file_name().unwrap_or_default().to_string_lossy()
        );
        let Ok(text) = fs::read_to_string(built.obj.join(object.with_file_name(name))) else {
            // A module of another file's crate
            continue;
        };
        let line = text.lines().next().and_then(|line| line.split_once(":= "));
        let line = line
            .and_then(|(_, line)| line.split(';').next())
            .context("a .cmd file without a command")?;
        lines.push(line.to_owned());
        roots.extend(Path::new(source).parent());
    }
    let missed = |source: &&String| !roots.iter().any(|root| Path::new(source).starts_with(root));
    if let Some(source) = built.grafted.rust.iter().find(missed) {
        bail!("no crate was built from the directory of {source}: is it on in flavour {FLAVOUR}?");
    }
    Ok(lines)
}

/// Lets another driver than rustc read a crate, with the same arguments and some more, and returns what it says of our
/// files and those that are edited.
fn say(built: &Built, driver: &str, line: &str, more: &[&str]) -> Result<Findings> {
    let out = built.out();
    kernel::dirs::make(&out)?;
    let mut command = Command::new(driver);
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let Some(rustc) = arguments.iter().position(|word| *word == "rustc") else {
        bail!("not a rustc command: {line}");
    };
    // What make sets for this one command, such as the module's name
    for (name, value) in arguments[..rustc]
        .iter()
        .filter_map(|word| word.split_once('='))
    {
        command.env(name, value);
    }
    let mut arguments = arguments[rustc + 1..].iter();
    while let Some(argument) = arguments.next() {
        // rustdoc has a directory of its own.
        if driver == "rustdoc" && *argument == "--out-dir" {
            arguments.next();
            continue;
        }
        let driver_only = argument.starts_with("--emit")
            || argument.starts_with("--remap-path-scope")
            || argument.starts_with("--remap-path-prefix");
        if !driver_only {
            command.arg(argument.replace('\'', "").replace("\\\"", "\""));
        }
    }
    if driver == "rustdoc" {
        command
            .args([
                "--document-private-items",
                "-Zunstable-options",
                "-Cunsafe-allow-abi-mismatch=fixed-x18",
                "--output",
            ])
            .arg(&out);
    }
    command
        .args(more)
        // As the kernel's make does: the kernel is written with unstable features.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CLIPPY_CONF_DIR", &built.grafted.tree)
        .current_dir(&built.obj);
    let output = command
        .output()
        .with_context(|| format!("cannot run {driver}"))?;
    let words = words(&output);
    let ours = built
        .grafted
        .rust
        .iter()
        .chain(&built.grafted.edited)
        .cloned()
        .collect();
    let found = overlay::about(&words, &built.grafted.tree, &ours);
    if found.is_empty() && !output.status.success() {
        return Ok(vec![words]);
    }
    Ok(found)
}
