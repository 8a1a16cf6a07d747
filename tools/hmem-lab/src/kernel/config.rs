// SPDX-License-Identifier: GPL-2.0

//! A kernel's .config, made of fragments and checked against them.
//!
//! Kconfig drops what it cannot have without a word, CONFIG_RUST before all when a tool is missing. So every
//! line is looked up in what came out.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::kernel::flavour::{self, Flavour};
use crate::kernel::make::Make;
use crate::kernel::progress::Progress;
use crate::kernel::source::Source;

/// What fragments ask for, symbol by symbol.
pub(crate) type Wanted = BTreeMap<String, (String, PathBuf)>;

/// Configures `make.obj` for the flavour, unless nothing of what its configuration rests on has changed. Returns
/// what was asked for, which [`check`] looks up again after the build.
pub(crate) fn configure(make: &Make, source: &Source, flavour: &Flavour) -> Result<Wanted> {
    let mut fragments = flavour.fragments(&source.kver);
    let release = make.obj.join("release.config");
    fs::write(
        &release,
        format!(
            "CONFIG_LOCALVERSION=\"-{}\"\n# CONFIG_LOCALVERSION_AUTO is not set\n",
            flavour.kernel
        ),
    )?;
    fragments.push(release);

    let stamp = make.obj.join(".configured");
    let rests_on = rests_on(make, &fragments)?;
    let wanted = flavour::wanted(&fragments)?;
    let unchanged = fs::read_to_string(&stamp).is_ok_and(|text| text == rests_on);
    if unchanged && missing(make, &wanted)?.is_empty() {
        return Ok(wanted);
    }
    let _ = fs::remove_file(&stamp);

    let mut progress = Progress::new(format!(
        "configuring {} for Linux {}",
        flavour.name, source.kver
    ));
    // What no fragment asks for is off, defaults too: they would build half as much again, for no guest.
    let all = make.obj.join("wanted.config");
    fs::write(&all, lines(&wanted)).with_context(|| format!("cannot write {}", all.display()))?;
    let mut allnoconfig = make.kconfig("allnoconfig");
    allnoconfig.env("KCONFIG_ALLCONFIG", &all);
    make.run(allnoconfig, "configuration", &mut progress)?;
    drop(progress);

    check(make, source, flavour, &wanted)?;
    fs::write(&stamp, rests_on).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(wanted)
}

/// As lines of a .config.
fn lines(wanted: &Wanted) -> String {
    wanted
        .iter()
        .fold(String::new(), |mut text, (symbol, (value, _))| {
            let _ = match value.as_str() {
                "n" => writeln!(text, "# CONFIG_{symbol} is not set"),
                value => writeln!(text, "CONFIG_{symbol}={value}"),
            };
            text
        })
}

/// Fails if a line of a fragment is not in the .config.
pub(crate) fn check(
    make: &Make,
    source: &Source,
    flavour: &Flavour,
    wanted: &Wanted,
) -> Result<()> {
    let missing = missing(make, wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = format!(
        "FLAVOUR={} cannot be had from this Linux {}:",
        flavour.name, source.kver
    );
    for line in &missing {
        let file = line
            .fragment
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let _ = write!(
            text,
            "\n  CONFIG_{}={} ({file}) came out as {}: {}",
            line.symbol,
            line.wanted,
            line.is,
            why(make, line)
        );
    }
    bail!("{text}");
}

/// A line that Kconfig did not take.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    symbol: String,
    wanted: String,
    is: String,
    fragment: PathBuf,
}

fn missing(make: &Make, wanted: &Wanted) -> Result<Vec<Missing>> {
    let path = make.obj.join(".config");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(compare(wanted, &text))
}

fn compare(wanted: &Wanted, config: &str) -> Vec<Missing> {
    let is: BTreeMap<&str, &str> = config.lines().filter_map(flavour::setting).collect();
    let mut missing: Vec<Missing> = wanted
        .iter()
        .filter_map(|(symbol, (value, fragment))| {
            // What cannot be set is not in a .config at all.
            let is = is.get(symbol.as_str()).copied().unwrap_or("n");
            (is != value).then(|| Missing {
                symbol: symbol.clone(),
                wanted: value.clone(),
                is: is.into(),
                fragment: fragment.clone(),
            })
        })
        .collect();
    // Much else depends on Rust.
    missing.sort_by_key(|line| line.symbol != "RUST");
    missing
}

/// A guess that helps.
fn why(make: &Make, line: &Missing) -> String {
    if line.symbol == "RUST" && line.wanted == "y" {
        let output = make.make(&["rustavailable"]).output();
        let text = output
            .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
            .unwrap_or_default();
        let reason = text
            .lines()
            .map(|line| line.trim_start_matches("***").trim())
            .find(|line| !line.is_empty());
        return match reason {
            Some(reason) if !text.contains("is available") => reason.to_owned(),
            _ => "Rust is available, but something that it excludes is set".into(),
        };
    }
    if !defined(make.tree(), &line.symbol) {
        return "no Kconfig file of this tree defines it".into();
    }
    if line.wanted == "n" {
        return "something selects it".into();
    }
    format!(
        "what it depends on is not set; see 'config {}' in the tree's Kconfig files",
        line.symbol
    )
}

fn defined(tree: &Path, symbol: &str) -> bool {
    let pattern = format!("^(menu)?config {symbol}$");
    let grep = std::process::Command::new("grep")
        .args(["-rqE", "--include=Kconfig*", &pattern])
        .arg(tree)
        .status();
    grep.is_ok_and(|status| status.success())
}

/// All that the configuration rests on: fragments, compilers, and the Kconfig files that graft touches. The rest
/// of the tree is that of the source, with which the whole directory of objects changes.
fn rests_on(make: &Make, fragments: &[PathBuf]) -> Result<String> {
    let mut text = make.toolchain();
    let mut add = |path: &Path| -> Result<()> {
        text +=
            &fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(())
    };
    for fragment in fragments {
        add(fragment)?;
    }
    if let Some(grafted) = graft::status(make.tree())?.graft {
        for name in grafted.edited.iter().chain(&grafted.overlay) {
            if Path::new(name)
                .file_name()
                .is_some_and(|file| file.to_string_lossy().starts_with("Kconfig"))
            {
                add(&make.tree().join(name))?;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_rust_first() {
        let from = PathBuf::from("lab.config");
        let wanted: Wanted = [
            ("DAX", "y"),
            ("CXL_BUS", "m"),
            ("RUST", "y"),
            ("VT", "n"),
            ("MODULE_SIG", "n"),
        ]
        .map(|(symbol, value)| (symbol.to_owned(), (value.to_owned(), from.clone())))
        .into();
        let config =
            "CONFIG_DAX=m\nCONFIG_CXL_BUS=m\n# CONFIG_VT is not set\nCONFIG_MODULE_SIG=y\n";
        let missing = compare(&wanted, config);
        let seen: Vec<_> = missing
            .iter()
            .map(|line| (line.symbol.as_str(), line.is.as_str()))
            .collect();
        assert_eq!(seen, [("RUST", "n"), ("DAX", "m"), ("MODULE_SIG", "y")]);
    }
}
