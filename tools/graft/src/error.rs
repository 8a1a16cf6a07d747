// SPDX-License-Identifier: GPL-2.0
//! What can go wrong, in words that say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory holds no kernel source.
    #[error("{}: not a kernel source tree: {why}", .tree.display())]
    NotATree {
        /// What was given.
        tree: PathBuf,
        /// What it lacks.
        why: String,
    },

    /// The directory holds no overlay.
    #[error("{}: not the repository of the overlay: {why}", .path.display())]
    NotAnOverlay {
        /// What was given.
        path: PathBuf,
        /// What it lacks.
        why: String,
    },

    /// A kernel version the data does not speak of.
    #[error("Linux {found} is not supported: the edits are for {wanted} (--any-version tries all the same; every anchor is checked before anything is written)")]
    Unsupported {
        /// The tree's version.
        found: String,
        /// What series.toml names.
        wanted: String,
    },

    /// An edits file or series.toml that cannot be read as such.
    #[error("{}:{}", .file.display(), .error)]
    Data {
        /// The file.
        file: PathBuf,
        /// Where and what.
        error: ParseError,
    },

    /// The data does not fit the tree.
    #[error("{}", list(&format!("{} in {}: {} not fit, nothing was changed", .kernel, .tree.display(), things(.misfits.len(), "thing does", "things do")), .misfits))]
    DoesNotFit {
        /// The tree.
        tree: PathBuf,
        /// Its version in words.
        kernel: String,
        /// Everything that does not fit.
        misfits: Vec<Misfit>,
    },

    /// Grafted files that someone changed since.
    #[error("{}", list(&format!("{}: {} changed since the graft, nothing was done; move the changes to where they belong, or drop them with `graft undo --force`", .tree.display(), things(.files.len(), "file was", "files were")), .files))]
    Changed {
        /// The tree.
        tree: PathBuf,
        /// What changed.
        files: Vec<String>,
    },

    /// The kernel under the graft is another one by now.
    #[error("{}", list(&format!("{}: the graft was made for {made_for}, the tree is {now} now and these files are not as they were left, nothing was done; give the tree its own files back (unpack or check out anew), remove {} and apply again", .tree.display(), crate::record_dir(.tree).display()), .files))]
    Renewed {
        /// The tree.
        tree: PathBuf,
        /// The version in words that the record names.
        made_for: String,
        /// The tree's version in words.
        now: String,
        /// What changed.
        files: Vec<String>,
    },

    /// The record cannot be trusted.
    #[error("{}: {why}; put the tree's own files back by hand (unpack or check out anew) and remove {}", .path.display(), .path.parent().unwrap_or(.path).display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// The series is not complete, or not unambiguous.
    #[error("{}", list("the series cannot be made", .problems))]
    Series {
        /// Everything that is wrong.
        problems: Vec<String>,
    },

    /// A command that did not work.
    #[error("{command}: {why}")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        why: String,
    },

    /// No name to send patches under.
    #[error("no author for the patches: run `git config user.name` and `git config user.email`, or give --author \"Name <address>\"")]
    NoAuthor,

    /// The operating system refused.
    #[error("{}: cannot {what}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Makes an `io::Error` tell its file.
    pub(crate) fn io<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Error + 'a {
        move |source| Error::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// A fault in the text of an edits file or of series.toml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

impl ParseError {
    /// A fault at byte `offset` of `text`.
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        ParseError {
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            message: message.into(),
        }
    }

    /// What the TOML reader says, with its line.
    pub(crate) fn toml(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        // The reader's message may have several lines, the later ones being hints.
        ParseError::at(text, offset, error.message().replace('\n', ", "))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// One piece of the data that does not fit the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where the piece comes from: an overlay file, or `edits/name.toml:line`.
    pub from: String,
    /// The file of the kernel tree.
    pub file: String,
    /// What does not fit.
    pub why: Why,
}

/// In what way something does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The kernel has no such file.
    NoFile,
    /// The file is a link, or lies beyond one.
    Link(String),
    /// The file is not text.
    NotText,
    /// The edit is for one of the overlay's own files.
    Ours,
    /// The kernel has a file of its own where the overlay wants to put one.
    Occupied,
    /// Something that is no directory stands where one is needed.
    NoDirectory(String),
    /// The tree may not be written there.
    NotWritable(String),
    /// The anchor does not match exactly once.
    Anchor {
        /// The words.
        anchor: String,
        /// The lines where it matches; empty if nowhere.
        lines: Vec<usize>,
        /// The words of `after_line`, if the search began below them.
        below: Option<String>,
        /// The words of `before_line`, if the search ended above them.
        above: Option<String>,
        /// An earlier edit of the same file failed, which may be the cause.
        follows: bool,
    },
    /// `after_line` or `before_line` is not in exactly one line.
    Line {
        /// Which of the two.
        name: &'static str,
        /// The words.
        words: String,
        /// The lines that hold them; empty if none.
        lines: Vec<usize>,
        /// An earlier edit of the same file failed, which may be the cause.
        follows: bool,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.from, self.file, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoFile => write!(
                f,
                "the tree has no such file: find where it went, or bound the edit with since or until"
            ),
            Why::Link(link) => write!(
                f,
                "{link} is a symbolic link, which is not written through: name the real file"
            ),
            Why::NotText => write!(f, "the file is not UTF-8 text, which an edit needs"),
            Why::Ours => write!(f, "this is a file of the overlay: change it there"),
            Why::Occupied => write!(
                f,
                "the tree has a file there that is not ours: rename the overlay file, or start from a tree without it"
            ),
            Why::NoDirectory(path) => write!(f, "{path} is in the way: it is not a directory"),
            Why::NotWritable(path) => write!(
                f,
                "{path} may not be written: make it writable, or graft a copy of the tree"
            ),
            Why::Anchor {
                anchor,
                lines,
                below,
                above,
                follows,
            } => {
                write!(f, "anchor {anchor:?} ")?;
                matches(f, lines)?;
                if let Some(words) = below {
                    write!(f, " below the line with {words:?}")?;
                }
                if let Some(words) = above {
                    write!(f, " above the line with {words:?}")?;
                }
                advice(f, lines, *follows)
            }
            Why::Line {
                name,
                words,
                lines,
                follows,
            } => {
                write!(f, "{name} {words:?} ")?;
                matches(f, lines)?;
                advice(f, lines, *follows)
            }
        }
    }
}

fn matches(f: &mut fmt::Formatter<'_>, lines: &[usize]) -> fmt::Result {
    if lines.is_empty() {
        return write!(f, "matches nowhere");
    }
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    write!(
        f,
        "matches {} times (lines {})",
        lines.len(),
        lines.join(", ")
    )
}

fn advice(f: &mut fmt::Formatter<'_>, lines: &[usize], follows: bool) -> fmt::Result {
    if follows {
        write!(f, ": an earlier edit of this file failed, mend that first")
    } else if lines.is_empty() {
        write!(
            f,
            ": choose other words, or bound the edit with since or until"
        )
    } else {
        write!(
            f,
            ": choose more words, or say whole_line, after_line or before_line"
        )
    }
}

/// A headline and one line for each item.
fn list<T: fmt::Display>(head: &str, items: &[T]) -> String {
    let mut text = head.to_owned();
    for item in items {
        text.push_str("\n  ");
        text.push_str(&item.to_string());
    }
    text
}

fn things(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
