// SPDX-License-Identifier: GPL-2.0

//! What a boot measured: lines of its steps, and what is known of the modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, ensure, Context, Result};

/// The guest's clock is read in microseconds; where it counts instructions, one of them is a nanosecond.
const INSTRUCTIONS: u64 = 1000;

/// In what a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Instructions of the guest.
    Instructions,
    /// Microseconds of the machine.
    Microseconds,
    /// Bytes.
    Bytes,
}

/// One thing that was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) value: u64,
}

/// The modules that are compared: what they are called here, by Rust and by C.
const MODULES: [(&str, [&str; 2]); 2] = [
    ("hmem module", ["hmem_rs", "dax_hmem"]),
    ("kmem module", ["kmem", "kmem"]),
];

/// The lines of `lab_measure` (`bench NAME MICROSECONDS`) and of `lab_memory` (`bytes NAME BYTES`) in what
/// steps said; `clock` is what the guest's clock counts. What was measured several times adds up.
pub(crate) fn read(steps: &str, clock: Unit) -> Result<Vec<Figure>> {
    let mut figures: Vec<Figure> = Vec::new();
    for line in steps.lines() {
        let (rest, unit) = match (line.strip_prefix("bench "), line.strip_prefix("bytes ")) {
            (Some(rest), _) => (rest, clock),
            (_, Some(rest)) => (rest, Unit::Bytes),
            _ => continue,
        };
        let (name, value) = rest
            .rsplit_once(' ')
            .and_then(|(name, value)| Some((name, value.parse::<u64>().ok()?)))
            .with_context(|| format!("no figure: {line}"))?;
        let value = match unit {
            Unit::Instructions => value * INSTRUCTIONS,
            Unit::Microseconds | Unit::Bytes => value,
        };
        match figures.iter_mut().find(|known| known.name == name) {
            Some(known) => known.value += value,
            None => figures.push(Figure {
                name: name.to_owned(),
                unit,
                value,
            }),
        }
    }
    Ok(figures)
}

/// Of two boots that measured the same, the smaller figures: whatever disturbs a clock makes it later.
pub(crate) fn least(one: Vec<Figure>, other: Vec<Figure>) -> Result<Vec<Figure>> {
    let names = |figures: &[Figure]| figures.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    ensure!(
        names(&one) == names(&other),
        "two boots did not measure the same things"
    );
    Ok(one
        .into_iter()
        .zip(other)
        .map(|(a, b)| if a.value <= b.value { a } else { b })
        .collect())
}

/// What the modules of the kernel in `dir` take: on disk as `size` says, loaded as `/proc/modules` says in `end`, the
/// guest's last snapshot. Those that were not loaded are left out.
pub(crate) fn modules(dir: &Path, end: &Path) -> Result<Vec<Figure>> {
    let loaded = fs::read_to_string(end.join("modules")).unwrap_or_default();
    let mut figures = Vec::new();
    for (title, names) in MODULES {
        let Some((name, bytes)) = loaded_bytes(&loaded, &names) else {
            continue;
        };
        let file = find(&dir.join("modules"), &format!("{name}.ko"))
            .with_context(|| format!("no {name}.ko in {}", dir.display()))?;
        let (text, data) = size(&file)?;
        for (what, value) in [
            ("code and constants", text),
            ("variables", data),
            ("loaded, in pages", bytes),
        ] {
            figures.push(Figure {
                name: format!("{title}: {what}"),
                unit: Unit::Bytes,
                value,
            });
        }
    }
    Ok(figures)
}

/// What `/proc/modules` says of the first of `names` that it knows.
fn loaded_bytes<'a>(modules: &str, names: &[&'a str]) -> Option<(&'a str, u64)> {
    modules.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let found = words.next()?;
        let name = names.iter().find(|name| **name == found)?;
        Some((*name, words.next()?.parse().ok()?))
    })
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|it| it == name) {
            return Some(path);
        }
        if path.is_dir() && !path.is_symlink() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        }
    }
    None
}

/// What `size` counts as text, and as data and bss.
fn size(file: &Path) -> Result<(u64, u64)> {
    let output = Command::new("size")
        .arg(file)
        .output()
        .context("cannot run size (binutils)")?;
    if !output.status.success() {
        bail!("size {}: {}", file.display(), output.status);
    }
    sizes(&String::from_utf8_lossy(&output.stdout))
        .with_context(|| format!("cannot read what size says of {}", file.display()))
}

fn sizes(said: &str) -> Option<(u64, u64)> {
    let numbers: Vec<u64> = said
        .lines()
        .nth(1)?
        .split_whitespace()
        .take(3)
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers[..] {
        [text, data, bss] => Some((text, data + bss)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, unit: Unit, value: u64) -> Figure {
        Figure {
            name: name.into(),
            unit,
            value,
        }
    }

    #[test]
    fn figures_add_up() {
        let log = "# step x\nbench online 3\nnoise\nbench two words 5\nbench online 4\nbytes x 9\n";
        assert_eq!(
            read(log, Unit::Instructions).unwrap(),
            [
                figure("online", Unit::Instructions, 7000),
                figure("two words", Unit::Instructions, 5000),
                figure("x", Unit::Bytes, 9)
            ]
        );
        assert_eq!(
            read("bench boot 7\n", Unit::Microseconds).unwrap(),
            [figure("boot", Unit::Microseconds, 7)]
        );
        assert!(read("bench online\n", Unit::Instructions).is_err());
        assert!(read("bench online many\n", Unit::Instructions).is_err());
    }

    #[test]
    fn the_least_of_two_boots() {
        let one = vec![
            figure("a", Unit::Microseconds, 5),
            figure("b", Unit::Microseconds, 1),
        ];
        let other = vec![
            figure("a", Unit::Microseconds, 4),
            figure("b", Unit::Microseconds, 2),
        ];
        let least_of_both = least(one.clone(), other).unwrap();
        assert_eq!((least_of_both[0].value, least_of_both[1].value), (4, 1));
        assert!(least(one, Vec::new()).is_err());
    }

    #[test]
    fn a_modules_bytes() {
        let modules = "kmem 8192 0 - Live 0x0\nhmem_rs 24576 0 - Live 0x0\n";
        assert_eq!(
            loaded_bytes(modules, &["hmem_rs", "dax_hmem"]),
            Some(("hmem_rs", 24576))
        );
        assert_eq!(loaded_bytes(modules, &["hmem"]), None);
    }

    #[test]
    fn what_size_says() {
        let said = "   text\t   data\t    bss\t    dec\t    hex\tfilename\n  17000\t    900\t     48\t  17948\t   461c\tx.ko\n";
        assert_eq!(sizes(said), Some((17000, 948)));
        assert_eq!(sizes("text\n"), None);
    }
}
