// SPDX-License-Identifier: GPL-2.0
//! Apply, undo and status: from a plan and a record to the steps, and through them.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::overlay::Overlay;
use crate::plan::{self, Plan};
use crate::record::{Record, DIR};
use crate::tree::Tree;
use crate::write::{self, Fuse, Step};

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Find out everything, write nothing.
    pub dry_run: bool,
    /// Try a kernel outside the versions of series.toml; every anchor is still checked.
    pub any_version: bool,
}

impl Options {
    /// Options for a dry run.
    pub fn check() -> Self {
        Options {
            dry_run: true,
            ..Options::default()
        }
    }

    /// The same, for any kernel version.
    pub fn any_version(mut self, any: bool) -> Self {
        self.any_version = any;
        self
    }
}

/// What an apply did, or, as a dry run, would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The tree's version in words, such as "Linux 7.3.4".
    pub kernel: String,
    /// How many kernel files carry edits.
    pub edited: usize,
    /// How many files of the overlay are in.
    pub overlay: usize,
    /// Files whose content is new, relative to the tree.
    pub written: Vec<String>,
    /// Files of an earlier graft that are gone.
    pub removed: Vec<String>,
    /// Directories of an earlier graft that hold files of someone else.
    pub left: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} overlay files, {} edited files; {} written, {} removed",
            self.kernel,
            self.overlay,
            self.edited,
            self.written.len(),
            self.removed.len()
        )?;
        left(f, &self.left)
    }
}

/// What an undo did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undone {
    /// There was no graft in the tree.
    Nothing,
    /// The tree is as it was.
    Done {
        /// Kernel files that have their own text again.
        restored: Vec<String>,
        /// Overlay files that are gone.
        removed: Vec<String>,
        /// Directories that graft made and that hold files of someone else by now.
        left: Vec<String>,
    },
}

impl fmt::Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undone::Nothing => write!(f, "there is no graft in this tree: nothing to undo"),
            Undone::Done {
                restored,
                removed,
                left: dirs,
            } => {
                write!(
                    f,
                    "{} files restored, {} removed",
                    restored.len(),
                    removed.len()
                )?;
                left(f, dirs)
            }
        }
    }
}

fn left(f: &mut fmt::Formatter<'_>, dirs: &[String]) -> fmt::Result {
    if dirs.is_empty() {
        return Ok(());
    }
    write!(
        f,
        "; left for the files of others in them: {}",
        dirs.join(", ")
    )
}

/// What a tree holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The tree's version in words.
    pub kernel: String,
    /// The graft, if there is one.
    pub graft: Option<Grafted>,
}

/// A graft in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grafted {
    /// The kernel it was made for, in words.
    pub kernel: String,
    /// False if an apply was interrupted; the next apply or undo mends that.
    pub complete: bool,
    /// Kernel files with edits.
    pub edited: Vec<String>,
    /// Files put in.
    pub overlay: Vec<String>,
    /// Those of them that someone changed since.
    pub changed: Vec<String>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(graft) = &self.graft else {
            return write!(f, "{}: no graft", self.kernel);
        };
        write!(
            f,
            "{}: {} overlay files, {} edited files",
            self.kernel,
            graft.overlay.len(),
            graft.edited.len()
        )?;
        if !graft.complete {
            write!(f, "; an apply was interrupted: apply again, or undo")?;
        }
        if graft.kernel != self.kernel {
            write!(f, "; the graft was made for {}", graft.kernel)?;
        }
        for file in &graft.overlay {
            write!(f, "\n  overlay {file}")?;
        }
        for file in &graft.edited {
            write!(f, "\n  edited  {file}")?;
        }
        for file in &graft.changed {
            write!(f, "\n  changed since: {file}")?;
        }
        Ok(())
    }
}

/// Puts the overlay of the repository at `overlay` into the kernel tree at `tree`.
///
/// Everything is checked first; if anything does not fit, nothing is changed. A second run updates
/// the files whose content is new and leaves the others, times included, alone.
///
/// # Errors
///
/// See [`Error`]: its text says what to do.
pub fn apply(tree: &Path, overlay: &Path) -> Result<Report> {
    apply_with(tree, overlay, Options::default())
}

/// [`apply`], but only finds out what it would do or what would stop it.
///
/// # Errors
///
/// Those of [`apply`].
pub fn check(tree: &Path, overlay: &Path) -> Result<Report> {
    apply_with(tree, overlay, Options::check())
}

/// [`apply`] with options.
///
/// # Errors
///
/// Those of [`apply`].
pub fn apply_with(tree: &Path, overlay: &Path, options: Options) -> Result<Report> {
    apply_until(tree, overlay, options, &mut Fuse::default())
}

pub(crate) fn apply_until(
    tree: &Path,
    overlay: &Path,
    options: Options,
    fuse: &mut Fuse,
) -> Result<Report> {
    let overlay = Overlay::load(overlay)?;
    let tree = Tree::open(tree)?;
    if !options.any_version {
        plan::supported(&overlay, &tree)?;
    }
    let before = Record::load(&tree)?;
    if let Some(before) = &before {
        refuse_changed(&tree, before, false)?;
    }
    let plan = plan::plan(&overlay, &tree, before.as_ref())?;
    let after = plan.record(&tree, before.as_ref())?;
    let steps = steps(&tree, &plan, before.as_ref())?;

    let mut report = Report {
        kernel: tree.kernel.clone(),
        edited: plan.edited.len(),
        overlay: plan.overlay.len(),
        ..Report::default()
    };
    for step in &steps {
        let list = match step {
            Step::Write { .. } => &mut report.written,
            Step::Remove { .. } => &mut report.removed,
        };
        list.push(step.file().to_owned());
    }
    if options.dry_run {
        return Ok(report);
    }
    if steps.is_empty() && before.as_ref() == Some(&after) {
        // An interrupted run may have left something beside the record.
        after.tidy(&tree)?;
        write::unprepare(&tree)?;
        return Ok(report);
    }

    let carried = carry_out(&tree, &plan, &steps, before.as_ref(), &after, fuse);
    if carried.is_err() && before.is_none() && Record::load(&tree).is_ok_and(|now| now.is_none()) {
        // Nothing of the tree was touched yet: leave no trace.
        let _ = Record::forget(&tree);
    }
    report.left = carried?;
    Ok(report)
}

/// Writes record and files in an order that can be mended at any point; returns the directories
/// that could not go.
fn carry_out(
    tree: &Tree,
    plan: &Plan<'_>,
    steps: &[Step],
    before: Option<&Record>,
    after: &Record,
    fuse: &mut Fuse,
) -> Result<Vec<String>> {
    fuse.burn()?;
    write::prepare(tree)?;
    for text in plan.edited.values() {
        fuse.burn()?;
        Record::keep(tree, text.original.as_bytes())?;
    }
    let staged = write::stage(tree, steps, fuse)?;

    // From here on the record knows both what was and what comes.
    fuse.burn()?;
    let both = before.unwrap_or(&Record::new(&tree.kernel)).with(after);
    both.save(tree)?;
    staged.carry_out(tree, fuse)?;
    fuse.burn()?;
    let gone = both.dirs.difference(&after.dirs).cloned().collect();
    let left = write::remove_dirs(tree, &gone)?;
    fuse.burn()?;
    after.save(tree)?;
    fuse.burn()?;
    after.tidy(tree)?;
    write::unprepare(tree)?;
    Ok(left)
}

/// Refuses a tree in which grafted files were changed since. `force` gives those up, but not where
/// the kernel itself is another one by now: its files must not become those of the old one.
fn refuse_changed(tree: &Tree, record: &Record, force: bool) -> Result<()> {
    let files = record.changed(tree)?;
    if files.is_empty() {
        return Ok(());
    }
    if record.kernel != tree.kernel {
        return Err(Error::Renewed {
            tree: tree.root.clone(),
            made_for: record.kernel.clone(),
            now: tree.kernel.clone(),
            files,
        });
    }
    if force {
        return Ok(());
    }
    Err(Error::Changed {
        tree: tree.root.clone(),
        files,
    })
}

/// The files to change for a tree to hold what is planned.
fn steps(tree: &Tree, plan: &Plan<'_>, before: Option<&Record>) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (file, text) in &plan.edited {
        if tree.read(file)?.as_deref() != Some(text.now.as_bytes()) {
            let mode = tree.meta(file)?.map_or(0o644, |meta| plan::mode(&meta));
            steps.push(Step::Write {
                file: file.clone(),
                content: text.now.clone().into_bytes(),
                mode,
            });
        }
    }
    for (file, source) in &plan.overlay {
        let mode = if source.executable { 0o755 } else { 0o644 };
        let same_mode = tree
            .meta(file)?
            .is_some_and(|meta| plan::mode(&meta) & 0o100 == mode & 0o100);
        if !same_mode || tree.read(file)?.as_ref() != Some(&source.content) {
            steps.push(Step::Write {
                file: (*file).clone(),
                content: source.content.clone(),
                mode,
            });
        }
    }
    if let Some(before) = before {
        let edited = |file: &str| plan.edited.contains_key(file);
        let put = |file: &String| plan.overlay.contains_key(file);
        steps.extend(restore(tree, before, edited)?);
        for file in before.overlay.keys().filter(|file| !put(file)) {
            steps.extend(remove(tree, file)?);
        }
    }
    Ok(steps)
}

/// The steps that give edited files, but those to `keep`, their own text again.
fn restore(tree: &Tree, record: &Record, keep: impl Fn(&str) -> bool) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for (file, edited) in record.edited.iter().filter(|(file, _)| !keep(file)) {
        let content = record.original(tree, file)?;
        if tree.read(file)?.as_ref() != Some(&content) {
            steps.push(Step::Write {
                file: file.clone(),
                content,
                mode: edited.mode,
            });
        }
    }
    Ok(steps)
}

fn remove(tree: &Tree, file: &str) -> Result<Option<Step>> {
    Ok(tree.meta(file)?.map(|_| Step::Remove { file: file.into() }))
}

/// Takes the graft out of the kernel tree at `tree`.
///
/// Contents become as they were, byte for byte; restored files get a new time, since objects built
/// from the grafted text are newer than the old time and `make` would keep them.
///
/// # Errors
///
/// [`Error::Changed`] if someone changed a grafted file since, unless `force`, which drops such
/// changes; others as their text says.
pub fn undo(tree: &Path, force: bool) -> Result<Undone> {
    undo_until(tree, force, &mut Fuse::default())
}

pub(crate) fn undo_until(tree: &Path, force: bool, fuse: &mut Fuse) -> Result<Undone> {
    let tree = Tree::open(tree)?;
    let Some(record) = Record::load(&tree)? else {
        // An apply may have stopped before it touched a file of the tree.
        Record::forget(&tree)?;
        return Ok(Undone::Nothing);
    };
    refuse_changed(&tree, &record, force)?;
    let mut steps = restore(&tree, &record, |_| false)?;
    for file in record.overlay.keys() {
        steps.extend(remove(&tree, file)?);
    }
    let (mut restored, mut removed) = (Vec::new(), Vec::new());
    for step in &steps {
        match step {
            Step::Write { file, .. } => restored.push(file.clone()),
            Step::Remove { file } => removed.push(file.clone()),
        }
    }
    write::prepare(&tree)?;
    write::stage(&tree, &steps, fuse)?.carry_out(&tree, fuse)?;
    fuse.burn()?;
    let left = write::remove_dirs(&tree, &record.dirs)?;
    fuse.burn()?;
    Record::forget(&tree)?;
    Ok(Undone::Done {
        restored,
        removed,
        left,
    })
}

/// Tells what the kernel tree at `tree` holds.
///
/// # Errors
///
/// If it is no kernel tree, or its record cannot be read.
pub fn status(tree: &Path) -> Result<Status> {
    let tree = Tree::open(tree)?;
    let graft = match Record::load(&tree)? {
        None => None,
        Some(record) => Some(Grafted {
            changed: record.changed(&tree)?,
            kernel: record.kernel,
            complete: record.complete,
            edited: record.edited.into_keys().collect(),
            overlay: record.overlay.into_keys().collect(),
        }),
    };
    Ok(Status {
        kernel: tree.kernel.clone(),
        graft,
    })
}

/// Where a tree keeps its record.
pub fn record_dir(tree: &Path) -> std::path::PathBuf {
    tree.join(DIR)
}
