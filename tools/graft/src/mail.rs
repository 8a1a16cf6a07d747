// SPDX-License-Identifier: GPL-2.0
//! The mailable series: one commit for each patch in a repository of the touched files only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::git::{Author, Git};
use crate::overlay::{Overlay, Source};
use crate::plan::{self, Pristine, Texts};
use crate::record::Record;
use crate::series::Patch;
use crate::tree::Tree;

/// How to make the series.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MailOptions {
    /// `Name <address>` of author and sign-off; by default what git is configured with.
    pub author: Option<String>,
    /// Which sending of the series this is: 2 makes `[PATCH v2 ...]`.
    pub revision: Option<u32>,
    /// Make `[PATCH RFC ...]`.
    pub rfc: bool,
    /// As for [`crate::Options`].
    pub any_version: bool,
}

/// Files that one patch writes, as they are after it.
type Commit = BTreeMap<String, Source>;

/// Writes the series for the kernel at `tree`, cover letter first, into the directory `out`, and
/// returns its files in order. The tree may be pristine or grafted; it is only read.
///
/// Patches of an earlier run with the same revision are replaced.
///
/// # Errors
///
/// [`Error::Series`] if series.toml leaves a file out or names it twice; [`Error::DoesNotFit`] as
/// for [`crate::apply`]; [`Error::NoAuthor`]; what git says.
pub fn patches(
    tree: &Path,
    overlay: &Path,
    out: &Path,
    options: &MailOptions,
) -> Result<Vec<PathBuf>> {
    let author = Author::find(options.author.as_deref(), overlay)?;
    let overlay = Overlay::load(overlay)?;
    let tree = Tree::open(tree)?;
    if !options.any_version {
        plan::supported(&overlay, &tree)?;
    }
    complete(&overlay)?;
    let (originals, commits) = commits(&overlay, &tree)?;

    let git = Git::init(author)?;
    put(git.root(), &originals)?;
    git.commit(&tree.kernel, "What the patches are for.")?;
    for (patch, commit) in &commits {
        put(git.root(), commit)?;
        git.commit(&patch.subject, &patch.body)?;
    }
    let cover = &overlay.series.cover;
    let body = format!(
        "{}\n\nThe series is for {}.",
        cover.body.trim(),
        tree.kernel
    );
    let made = git.format(commits.len(), &cover.subject, &body, options)?;
    deliver(&made, out, options)
}

/// The kernel's own texts that the series touches, and what each patch makes of its files.
fn commits<'a>(overlay: &'a Overlay, tree: &Tree) -> Result<(Commit, Vec<(&'a Patch, Commit)>)> {
    let record = Record::load(tree)?;
    let pristine = Pristine {
        tree,
        record: record.as_ref(),
    };
    let mut texts = Texts::default();
    let mut commits = Vec::new();
    for patch in overlay.patches(tree.version) {
        let before: BTreeMap<_, _> = now(&texts);
        for name in &patch.edits {
            for placed in overlay.edits_of(name, tree.version) {
                texts.edit(overlay, &pristine, placed)?;
            }
        }
        let mut commit = Commit::new();
        for (file, text) in now(&texts) {
            let old = before.get(&file).unwrap_or(&texts.files[&file].original);
            if *old != text {
                commit.insert(file.clone(), kernel_file(tree, &file, text)?);
            }
        }
        for (file, source) in files_of(overlay, patch) {
            texts.room(&pristine, file)?;
            commit.insert(file.clone(), source.clone());
        }
        // A patch may be about nothing in this version.
        if !commit.is_empty() {
            commits.push((patch, commit));
        }
    }
    texts.fit(tree)?;
    let mut originals = Commit::new();
    for (file, text) in texts.files {
        let source = kernel_file(tree, &file, text.original)?;
        originals.insert(file, source);
    }
    Ok((originals, commits))
}

fn now(texts: &Texts) -> BTreeMap<String, String> {
    let files = texts.files.iter();
    files
        .map(|(file, text)| (file.clone(), text.now.clone()))
        .collect()
}

fn kernel_file(tree: &Tree, file: &str, text: String) -> Result<Source> {
    Ok(Source {
        executable: tree
            .meta(file)?
            .is_some_and(|meta| plan::mode(&meta) & 0o100 != 0),
        content: text.into_bytes(),
    })
}

fn files_of<'a>(
    overlay: &'a Overlay,
    patch: &'a Patch,
) -> impl Iterator<Item = (&'a String, &'a Source)> {
    overlay.files.iter().filter(|(file, _)| patch.holds(file))
}

/// Everything of the overlay must be in exactly one patch, and everything of the series must be
/// about something.
fn complete(overlay: &Overlay) -> Result<()> {
    let mut problems = Vec::new();
    let series = &overlay.series;
    if series.patches.is_empty() {
        problems.push("tools/graft/series.toml has no [[patch]]".to_owned());
    }
    if series.cover.subject.trim().is_empty() || series.cover.body.trim().is_empty() {
        problems.push("tools/graft/series.toml: [cover] needs a subject and a body".to_owned());
    }
    let files = overlay
        .files
        .keys()
        .map(|file| (file.clone(), holders(overlay, |patch| patch.holds(file))));
    let edits = overlay.edits.keys().map(|name| {
        let file = format!("tools/graft/edits/{name}.toml");
        (file, holders(overlay, |patch| patch.edits.contains(name)))
    });
    for (file, patches) in files.chain(edits) {
        match patches.as_slice() {
            [_] => {}
            [] => problems.push(format!(
                "{file} is in no patch: add it to one in tools/graft/series.toml"
            )),
            many => problems.push(format!("{file} is in several patches: {}", many.join(", "))),
        }
    }
    for patch in &series.patches {
        let mut fault = |why: String| {
            problems.push(format!("tools/graft/series.toml:{}: {why}", patch.line));
        };
        if patch.body.is_empty() {
            fault("the patch has no body: say why".into());
        }
        if patch.files.is_empty() && patch.edits.is_empty() {
            fault("the patch has neither files nor edits".into());
        }
        for files in &patch.files {
            if !overlay.files.keys().any(|file| files.holds(file)) {
                fault(format!("there is no overlay file {:?}", files.words()));
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Series { problems })
    }
}

fn holders(overlay: &Overlay, holds: impl Fn(&Patch) -> bool) -> Vec<String> {
    let patches = overlay.series.patches.iter().filter(|patch| holds(patch));
    patches
        .map(|patch| format!("\"{}\"", patch.subject))
        .collect()
}

fn put(root: &Path, commit: &Commit) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for (file, source) in commit {
        let path = root.join(file);
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, &source.content))
            .and_then(|()| {
                let mode = if source.executable { 0o755 } else { 0o644 };
                fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            });
        written.map_err(Error::io("write", &path))?;
    }
    Ok(())
}

/// Moves the finished series to where it was asked for.
fn deliver(made: &[PathBuf], out: &Path, options: &MailOptions) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(out).map_err(Error::io("create", out))?;
    for entry in fs::read_dir(out).map_err(Error::io("read", out))? {
        let path = entry.map_err(Error::io("read", out))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_patch_of(&name, options.revision) {
            fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    let mut delivered = Vec::new();
    for from in made {
        let to = out.join(from.file_name().unwrap_or_default());
        fs::copy(from, &to).map_err(Error::io("write", &to))?;
        delivered.push(to);
    }
    Ok(delivered)
}

/// Whether a file is named as `git format-patch` names those of a revision: `v2-0001-words.patch`.
fn is_patch_of(name: &str, revision: Option<u32>) -> bool {
    let rest = match revision {
        None => Some(name),
        Some(number) => name.strip_prefix(&format!("v{number}-")),
    };
    let Some((number, words)) = rest.and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) && words.ends_with(".patch")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_patches_of_the_same_revision_are_replaced() {
        assert!(is_patch_of("0000-cover-letter.patch", None));
        assert!(is_patch_of("v2-0001-dax-in-rust.patch", Some(2)));
        for other in [
            "v2-0001-a.patch",
            "notes.patch",
            "0001-a.txt",
            "00a1-a.patch",
            "0001.patch",
            "12-a.patch",
        ] {
            assert!(!is_patch_of(other, None), "{other}");
        }
        assert!(!is_patch_of("0001-a.patch", Some(2)));
        assert!(!is_patch_of("v20001-a.patch", Some(2)));
    }
}
