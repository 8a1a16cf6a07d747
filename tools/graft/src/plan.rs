// SPDX-License-Identifier: GPL-2.0
//! What a tree shall hold, worked out and checked before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::anchor::{self, Miss};
use crate::error::{Error, Misfit, Result, Why};
use crate::overlay::{Overlay, Placed, Source};
use crate::path;
use crate::record::{self, Record};
use crate::tree::Tree;
use crate::version::Bounds;

/// The tree as it was before any graft.
pub(crate) struct Pristine<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) record: Option<&'a Record>,
}

impl Pristine<'_> {
    fn read(&self, file: &str) -> Result<Option<Vec<u8>>> {
        match self.record {
            Some(record) if record.edited.contains_key(file) => {
                record.original(self.tree, file).map(Some)
            }
            Some(record) if record.overlay.contains_key(file) => Ok(None),
            _ => self.tree.read(file),
        }
    }

    /// The kernel's own text of a file that shall be edited.
    fn text(&self, file: &str) -> Result<Result<String, Why>> {
        for part in path::parents(file).chain([file]) {
            if self.tree.meta(part)?.is_some_and(|meta| meta.is_symlink()) {
                return Ok(Err(Why::Link(part.to_owned())));
            }
        }
        if self.tree.meta(file)?.is_some_and(|meta| !meta.is_file()) {
            return Ok(Err(Why::NoFile));
        }
        Ok(match self.read(file)? {
            None => Err(Why::NoFile),
            Some(content) => String::from_utf8(content).map_err(|_| Why::NotText),
        })
    }

    /// Whether a file of the overlay can go where it belongs.
    fn room(&self, file: &str) -> Result<Result<(), Why>> {
        for part in path::parents(file) {
            match self.tree.meta(part)? {
                Some(meta) if meta.is_symlink() => return Ok(Err(Why::Link(part.to_owned()))),
                Some(meta) if !meta.is_dir() => return Ok(Err(Why::NoDirectory(part.to_owned()))),
                _ => {}
            }
        }
        let ours = self
            .record
            .is_some_and(|record| record.overlay.contains_key(file));
        if !ours && self.tree.meta(file)?.is_some() {
            return Ok(Err(Why::Occupied));
        }
        Ok(Ok(()))
    }
}

/// A kernel file, before and after the edits done so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) original: String,
    pub(crate) now: String,
}

/// Kernel files that are being edited.
#[derive(Default)]
pub(crate) struct Texts {
    pub(crate) files: BTreeMap<String, Text>,
    failed: BTreeSet<String>,
    pub(crate) misfits: Vec<Misfit>,
}

impl Texts {
    /// Does one edit; what does not fit is noted, and the text stays as it was.
    pub(crate) fn edit(
        &mut self,
        overlay: &Overlay,
        pristine: &Pristine<'_>,
        placed: Placed<'_>,
    ) -> Result<()> {
        let edit = placed.edit;
        let file = &edit.file;
        let insert = overlay.text(placed)?;
        match self.edit_text(overlay, pristine, placed, &insert)? {
            Ok(now) => {
                if let Some(text) = self.files.get_mut(file) {
                    text.now = now;
                }
            }
            Err(why) => {
                self.failed.insert(file.clone());
                self.misfits.push(Misfit {
                    from: placed.from(),
                    file: file.clone(),
                    why,
                });
            }
        }
        Ok(())
    }

    /// Notes if a file of the overlay cannot go where it belongs.
    pub(crate) fn room(&mut self, pristine: &Pristine<'_>, file: &str) -> Result<()> {
        if let Err(why) = pristine.room(file)? {
            self.misfits.push(Misfit {
                from: "overlay".into(),
                file: file.to_owned(),
                why,
            });
        }
        Ok(())
    }

    /// Fails if anything noted does not fit.
    pub(crate) fn fit(&self, tree: &Tree) -> Result<()> {
        if self.misfits.is_empty() {
            return Ok(());
        }
        Err(Error::DoesNotFit {
            tree: tree.root.clone(),
            kernel: tree.kernel.clone(),
            misfits: self.misfits.clone(),
        })
    }

    fn edit_text(
        &mut self,
        overlay: &Overlay,
        pristine: &Pristine<'_>,
        placed: Placed<'_>,
        insert: &str,
    ) -> Result<Result<String, Why>> {
        let edit = placed.edit;
        if overlay.files.contains_key(&edit.file) {
            return Ok(Err(Why::Ours));
        }
        if !self.files.contains_key(&edit.file) {
            let original = match pristine.text(&edit.file)? {
                Ok(text) => text,
                Err(why) => return Ok(Err(why)),
            };
            let now = original.clone();
            self.files.insert(edit.file.clone(), Text { original, now });
        }
        let follows = self.failed.contains(&edit.file);
        Ok(
            anchor::edit(&self.files[&edit.file].now, edit, insert).map_err(|miss| match miss {
                Miss::Anchor(lines) => Why::Anchor {
                    anchor: edit.anchor.clone(),
                    lines,
                    below: edit.after_line.clone(),
                    above: edit.before_line.clone(),
                    follows,
                },
                Miss::Line { name, words, lines } => Why::Line {
                    name,
                    words,
                    lines,
                    follows,
                },
            }),
        )
    }
}

/// What a tree shall hold.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) edited: BTreeMap<String, Text>,
    pub(crate) overlay: BTreeMap<&'a String, &'a Source>,
}

/// Refuses a kernel that the data does not speak of.
pub(crate) fn supported(overlay: &Overlay, tree: &Tree) -> Result<()> {
    let bounds: Bounds = overlay.series.kernel;
    if bounds.hold(tree.version) {
        return Ok(());
    }
    Err(Error::Unsupported {
        found: tree.kernel.trim_start_matches("Linux ").to_owned(),
        wanted: bounds.to_string(),
    })
}

/// Works out what the tree shall hold, and finds everything that does not fit.
pub(crate) fn plan<'a>(
    overlay: &'a Overlay,
    tree: &Tree,
    record: Option<&Record>,
) -> Result<Plan<'a>> {
    let pristine = Pristine { tree, record };
    let mut texts = Texts::default();
    for placed in overlay.edits_for(tree.version) {
        texts.edit(overlay, &pristine, placed)?;
    }
    let files: BTreeMap<_, _> = overlay.files_for(tree.version).collect();
    for file in files.keys() {
        texts.room(&pristine, file)?;
    }
    let touched = texts.files.keys().chain(files.keys().copied());
    let misfits = not_writable(tree, touched)?;
    texts.misfits.extend(misfits);
    texts.fit(tree)?;
    Ok(Plan {
        edited: texts.files,
        overlay: files,
    })
}

/// The directories that must be written and cannot.
fn not_writable<'a>(tree: &Tree, files: impl Iterator<Item = &'a String>) -> Result<Vec<Misfit>> {
    let mut dirs = BTreeSet::from([""]);
    for file in files {
        let mut there = "";
        for part in path::parents(file) {
            if tree.meta(part)?.is_some_and(|meta| meta.is_dir()) {
                there = part;
            }
        }
        dirs.insert(there);
    }
    let mut misfits = Vec::new();
    for dir in dirs {
        let path = tree.path(dir);
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        if rustix::fs::accessat(rustix::fs::CWD, &path, access, rustix::fs::AtFlags::EACCESS)
            .is_err()
        {
            misfits.push(Misfit {
                from: "tree".into(),
                file: if dir.is_empty() {
                    ".".into()
                } else {
                    dir.into()
                },
                why: Why::NotWritable(path.display().to_string()),
            });
        }
    }
    Ok(misfits)
}

impl Plan<'_> {
    /// The record of a tree that holds this.
    pub(crate) fn record(&self, tree: &Tree, before: Option<&Record>) -> Result<Record> {
        let mut record = Record::new(&tree.kernel);
        for (file, text) in &self.edited {
            let original = record::hash(text.original.as_bytes());
            let mode = match before.and_then(|before| before.edited.get(file)) {
                Some(edited) => edited.mode,
                None => tree.meta(file)?.map_or(0o644, |meta| mode(&meta)),
            };
            let written = BTreeSet::from([record::hash(text.now.as_bytes())]);
            record.edited.insert(
                file.clone(),
                record::Edited {
                    original,
                    mode,
                    written,
                },
            );
        }
        for (file, source) in &self.overlay {
            let written = BTreeSet::from([record::hash(&source.content)]);
            record.overlay.insert((*file).clone(), written);
            for dir in path::parents(file) {
                let made = before.is_some_and(|before| before.dirs.contains(dir));
                if made || tree.meta(dir)?.is_none() {
                    record.dirs.insert(dir.to_owned());
                }
            }
        }
        Ok(record)
    }
}

/// The permission bits.
pub(crate) fn mode(meta: &std::fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o7777
}
