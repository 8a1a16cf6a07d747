// SPDX-License-Identifier: GPL-2.0

//! What the compilers said about our files in a build.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};

use crate::kernel::check::overlay;
use crate::kernel::make::Make;

/// Removes the objects of our files, so that they are compiled, and warned about, anew.
pub(crate) fn forget(make: &Make) -> Result<()> {
    for file in ours(make)?
        .iter()
        .map(String::as_str)
        .chain(["rust/kernel"])
    {
        let object = make.obj.join(file).with_extension("o");
        match fs::remove_file(&object) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", object.display()))
            }
            _ => {}
        }
    }
    Ok(())
}

/// The files of the overlay, and those that it edits.
fn ours(make: &Make) -> Result<BTreeSet<String>> {
    let grafted = graft::status(make.tree())?
        .graft
        .context("the tree holds no graft")?;
    Ok(grafted.overlay.into_iter().chain(grafted.edited).collect())
}

/// Fails if the build of `make` brought a warning about a file of the overlay, or one that it edits.
pub(crate) fn none(make: &Make) -> Result<()> {
    let words = fs::read_to_string(&make.log)
        .with_context(|| format!("cannot read {}", make.log.display()))?;
    let ours = ours(make)?;
    let mut found = overlay::about(&words, make.tree(), &ours);
    found.extend(of_c(&words, make.tree(), &ours));
    if found.is_empty() {
        return Ok(());
    }
    bail!("the compilers warn:\n{}", found.join("\n"));
}

/// The lines `FILE:LINE:COLUMN: warning: ...` of clang about one of `files`.
fn of_c(words: &str, tree: &Path, files: &BTreeSet<String>) -> Vec<String> {
    let prefix = format!("{}/", tree.display());
    words
        .lines()
        .filter(|line| line.contains(": warning: "))
        .map(|line| line.strip_prefix(&prefix).unwrap_or(line))
        .map(|line| line.trim_start_matches("../"))
        .filter(|line| {
            line.split(':')
                .next()
                .is_some_and(|file| files.contains(file))
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_warnings_about_our_files() {
        let words = "\
/t/drivers/dax/hmem_rs/c.c:3:5: warning: unused variable
/t/drivers/dax/bus.c:3:5: warning: unused variable
drivers/dax/hmem_rs/c.c:4:1: warning: no prototype
  CC      drivers/dax/hmem_rs/c.o
";
        let ours = ["drivers/dax/hmem_rs/c.c".to_owned()].into();
        assert_eq!(
            of_c(words, Path::new("/t"), &ours),
            [
                "drivers/dax/hmem_rs/c.c:3:5: warning: unused variable",
                "drivers/dax/hmem_rs/c.c:4:1: warning: no prototype"
            ]
        );
    }
}
