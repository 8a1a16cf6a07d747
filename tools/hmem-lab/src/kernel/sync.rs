// SPDX-License-Identifier: GPL-2.0

//! Keeps a copy of somebody's kernel tree up to date.
//!
//! Only files that changed are copied, and they get the time of the copy: their own time may be older than the
//! objects that were made of what they replace. A list beside the copy tells what was copied last.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{bail, Context, Result};
use serde::{Deserialize, Serialize};

use crate::kernel::dirs;
use crate::kernel::progress::Progress;

/// What tells one version of a file from the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    size: u64,
    seconds: i64,
    nanoseconds: i64,
    mode: u32,
}

type Marks = BTreeMap<String, Mark>;

/// Makes `base/src` a copy of `tree`.
pub(crate) fn sync(tree: &Path, base: &Path) -> Result<()> {
    let copy = base.join("src");
    let list = base.join("source");
    let mut progress = Progress::new(format!("copying {}", tree.display()));
    let now = marks(tree)?;
    let before = before(&list, tree);
    if before.is_empty() {
        dirs::check_space(base, 3000, "a copy of the kernel tree")?;
        dirs::remove(&copy)?;
    }
    dirs::make(&copy)?;
    let changed: Vec<&String> = now
        .iter()
        .filter(|(name, mark)| before.get(*name) != Some(mark))
        .map(|(name, _)| name)
        .collect();
    let gone: Vec<&String> = before
        .keys()
        .filter(|name| !now.contains_key(*name))
        .collect();
    if changed.is_empty() && gone.is_empty() {
        return Ok(());
    }
    // Should this run end early, then the next one copies everything.
    let _ = fs::remove_file(&list);

    let grafted = Grafted::take_out(&copy)?;
    for name in gone {
        let _ = fs::remove_file(copy.join(name));
    }
    for (done, name) in changed.iter().enumerate() {
        if done % 500 == 0 {
            progress.show(format!("{done} of {} files", changed.len()));
        }
        put(&tree.join(name), &copy.join(name))?;
    }
    grafted.put_back(&copy)?;
    let saved = (tree, now);
    fs::write(&list, serde_json::to_vec(&saved)?)
        .with_context(|| format!("cannot write {}", list.display()))
}

/// What was copied from this tree last; empty if nothing is known.
fn before(list: &Path, tree: &Path) -> Marks {
    let text = fs::read(list).unwrap_or_default();
    match serde_json::from_slice::<(PathBuf, Marks)>(&text) {
        Ok((of, marks)) if of == tree => marks,
        _ => Marks::new(),
    }
}

/// The files of a tree: what git would not ignore, or everything if it is no work tree of git.
fn marks(tree: &Path) -> Result<Marks> {
    let names = match git_files(tree)? {
        Some(names) => names,
        None => {
            if tree.join(".config").exists() || tree.join("include/config").exists() {
                bail!("KSRC={} has been built in, and is no git tree that would tell sources from results: run make mrproper in it, or make a clean copy", tree.display());
            }
            let mut names = BTreeSet::new();
            walk(tree, "", &mut names)?;
            names
        }
    };
    let mut marks = Marks::new();
    for name in names {
        // A file may be in git's index and deleted on disk.
        let Ok(meta) = fs::symlink_metadata(tree.join(&name)) else {
            continue;
        };
        if meta.is_dir() {
            continue;
        }
        let mark = Mark {
            size: meta.len(),
            seconds: meta.mtime(),
            nanoseconds: meta.mtime_nsec(),
            mode: meta.mode(),
        };
        marks.insert(name, mark);
    }
    Ok(marks)
}

fn git_files(tree: &Path) -> Result<Option<BTreeSet<String>>> {
    if !tree.join(".git").exists() {
        return Ok(None);
    }
    let output = Command::new("git")
        // Somebody else's tree may be read all the same.
        .args(["-c", "safe.directory=*", "-C"])
        .arg(tree)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        bail!(
            "git cannot list the files of KSRC={}: {}",
            tree.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8(output.stdout).context("a file name in KSRC is not UTF-8")?;
    Ok(Some(
        text.split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
    ))
}

fn walk(tree: &Path, below: &str, names: &mut BTreeSet<String>) -> Result<()> {
    let dir = tree.join(below);
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .ok()
            .context("a file name in KSRC is not UTF-8")?;
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type()?.is_dir() {
            walk(tree, &path, names)?;
        } else {
            names.insert(path);
        }
    }
    Ok(())
}

/// Copies one file or link.
fn put(from: &Path, to: &Path) -> Result<()> {
    let copy = || -> std::io::Result<()> {
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        if fs::symlink_metadata(to).is_ok() {
            fs::remove_file(to)?;
        }
        if fs::symlink_metadata(from)?.is_symlink() {
            return std::os::unix::fs::symlink(fs::read_link(from)?, to);
        }
        fs::copy(from, to).map(|_| ())
    };
    copy().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// The files that graft has touched, with what they were like, so that those that come out the same again are
/// not built again.
struct Grafted(BTreeMap<String, (Vec<u8>, SystemTime)>);

impl Grafted {
    fn take_out(copy: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        if !graft::record_dir(copy).exists() {
            return Ok(Grafted(files));
        }
        if let Some(grafted) = graft::status(copy)?.graft {
            for name in grafted.edited.into_iter().chain(grafted.overlay) {
                let path = copy.join(&name);
                if let (Ok(content), Ok(time)) = (
                    fs::read(&path),
                    fs::metadata(&path).and_then(|meta| meta.modified()),
                ) {
                    files.insert(name, (content, time));
                }
            }
        }
        // Nobody but this program works in the copy.
        graft::undo(copy, true)?;
        Ok(Grafted(files))
    }

    fn put_back(&self, copy: &Path) -> Result<()> {
        let repo = crate::place::repository()?;
        graft::apply(copy, &repo)?;
        for (name, (content, time)) in &self.0 {
            let path = copy.join(name);
            let Ok(now) = fs::read(&path) else { continue };
            // Also where it is the kernel's own text again, with its old time: that is new to make.
            let time = if now == *content {
                *time
            } else {
                SystemTime::now()
            };
            File::options()
                .append(true)
                .open(&path)
                .and_then(|file| file.set_modified(time))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_counts() {
        let tree = std::env::temp_dir().join(format!("hmem-lab-sync-{}", std::process::id()));
        dirs::remove(&tree).unwrap();
        dirs::make(&tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/one"), "1").unwrap();
        fs::write(tree.join("two"), "2").unwrap();
        let before = marks(&tree).unwrap();
        assert_eq!(before.keys().collect::<Vec<_>>(), ["a/b/one", "two"]);
        assert_eq!(marks(&tree).unwrap(), before);
        fs::write(tree.join("two"), "22").unwrap();
        assert_ne!(marks(&tree).unwrap()["two"], before["two"]);
        fs::write(tree.join(".config"), "").unwrap();
        assert!(marks(&tree).unwrap_err().to_string().contains("mrproper"));
        dirs::remove(&tree).unwrap();
    }
}
