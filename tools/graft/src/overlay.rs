// SPDX-License-Identifier: GPL-2.0
//! The repository: files that go into the kernel tree as they are, and the edits of its own files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::edits::{self, Edit, Text};
use crate::error::{Error, ParseError, Result};
use crate::series::{self, Patch, Series};
use crate::version::Version;

/// What of the repository lies where it lies in Linux.
const ROOTS: [&str; 6] = [
    "Documentation",
    "drivers",
    "include",
    "rust",
    "samples",
    "tools/testing",
];

/// Where the data lies.
const EDITS: &str = "tools/graft/edits";
const SERIES: &str = "tools/graft/series.toml";

/// An overlay with all its data read.
#[derive(Debug)]
pub(crate) struct Overlay {
    root: PathBuf,
    /// Every file of the overlay, for any version.
    pub(crate) files: BTreeMap<String, Source>,
    /// Every edits file, by its name without `.toml`.
    pub(crate) edits: BTreeMap<String, Vec<Edit>>,
    pub(crate) series: Series,
}

/// A file of the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// Where an edit stands, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) name: &'a str,
    pub(crate) edit: &'a Edit,
}

impl Placed<'_> {
    pub(crate) fn from(&self) -> String {
        format!("{EDITS}/{}.toml:{}", self.name, self.edit.line)
    }
}

impl Overlay {
    /// Reads the repository at `root`.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        if !root.join("tools/graft").is_dir() {
            return Err(Error::NotAnOverlay {
                path: root.to_owned(),
                why: "it has no directory tools/graft".into(),
            });
        }
        let mut files = BTreeMap::new();
        for dir in ROOTS {
            if root.join(dir).is_dir() {
                collect(root, dir, &mut files)?;
            }
        }
        let overlay = Overlay {
            files,
            edits: load_edits(root)?,
            series: load_series(root)?,
            root: root.to_owned(),
        };
        overlay.check_names()?;
        Ok(overlay)
    }

    /// The patches that `version` gets.
    pub(crate) fn patches(&self, version: Version) -> impl Iterator<Item = &Patch> {
        let patches = self.series.patches.iter();
        patches.filter(move |patch| patch.bounds.hold(version))
    }

    /// The overlay files that `version` gets. A file of no patch goes into every version.
    pub(crate) fn files_for(&self, version: Version) -> impl Iterator<Item = (&String, &Source)> {
        self.files.iter().filter(move |(file, _)| {
            let mut holders = self.holders(|patch| patch.holds(file));
            holders.clone().next().is_none() || holders.any(|patch| patch.bounds.hold(version))
        })
    }

    /// The edits that `version` gets, in the order in which they apply: that of the series, then
    /// the files of no patch by name.
    pub(crate) fn edits_for(&self, version: Version) -> Vec<Placed<'_>> {
        let named = self.patches(version).flat_map(|patch| &patch.edits);
        let loose = self.edits.keys().filter(|name| {
            let mut holders = self.holders(|patch| patch.edits.contains(name));
            holders.next().is_none()
        });
        named
            .chain(loose)
            .flat_map(|name| self.edits_of(name, version))
            .collect()
    }

    /// The edits of one edits file for `version`.
    pub(crate) fn edits_of<'a>(
        &'a self,
        name: &'a str,
        version: Version,
    ) -> impl Iterator<Item = Placed<'a>> {
        let edits = self.edits.get(name).into_iter().flatten();
        edits
            .filter(move |edit| edit.bounds.hold(version))
            .map(move |edit| Placed { name, edit })
    }

    fn holders<'a>(
        &'a self,
        holds: impl Fn(&Patch) -> bool + Clone + 'a,
    ) -> impl Iterator<Item = &'a Patch> + Clone {
        self.series.patches.iter().filter(move |patch| holds(patch))
    }

    /// What an edit puts in.
    pub(crate) fn text(&self, placed: Placed<'_>) -> Result<String> {
        let (path, section) = match &placed.edit.text {
            Text::Here(text) => return Ok(text.clone()),
            Text::File { path, section } => (path, section),
        };
        let fault = |message: String| Error::Data {
            file: self.root.join(EDITS).join(format!("{}.toml", placed.name)),
            error: ParseError {
                line: placed.edit.line,
                message,
            },
        };
        let text = fs::read_to_string(self.root.join(path))
            .map_err(|error| fault(format!("text_file {path}: {error}")))?;
        match section {
            None => Ok(text),
            Some(title) => section_of(&text, title).ok_or_else(|| {
                fault(format!(
                    "text_section {title:?} is not in {path} exactly once"
                ))
            }),
        }
    }

    /// A patch may only name edits files that exist, and each once.
    fn check_names(&self) -> Result<()> {
        for patch in &self.series.patches {
            for name in &patch.edits {
                if !self.edits.contains_key(name) {
                    return Err(Error::Data {
                        file: self.root.join(SERIES),
                        error: ParseError {
                            line: patch.line,
                            message: format!("edits: there is no {EDITS}/{name}.toml"),
                        },
                    });
                }
                let times =
                    |patch: &Patch| patch.edits.iter().filter(|other| *other == name).count();
                if self.series.patches.iter().map(times).sum::<usize>() > 1 {
                    return Err(Error::Data {
                        file: self.root.join(SERIES),
                        error: ParseError {
                            line: patch.line,
                            message: format!("edits: {name} is named more than once in the series"),
                        },
                    });
                }
            }
        }
        Ok(())
    }
}

/// The section that begins with the line `title`, and the empty line that parts it from the next.
fn section_of(text: &str, title: &str) -> Option<String> {
    let mut starts = text
        .lines()
        .enumerate()
        .filter(|(_, line)| *line == title)
        .map(|(number, _)| number);
    let (start, None) = (starts.next()?, starts.next()) else {
        return None;
    };
    let section = text
        .lines()
        .skip(start)
        .take_while(|line| !line.trim().is_empty());
    Some(
        section
            .chain([""])
            .map(|line| format!("{line}\n"))
            .collect(),
    )
}

/// Files that lie about in a worked-in tree but belong to nobody's patch.
fn is_debris(name: &str) -> bool {
    name.starts_with('.')
        || [".o", ".ko", ".a", ".mod", ".mod.c", ".orig", ".rej", "~"]
            .iter()
            .any(|end| name.ends_with(end))
}

fn collect(root: &Path, dir: &str, files: &mut BTreeMap<String, Source>) -> Result<()> {
    let here = root.join(dir);
    for entry in fs::read_dir(&here).map_err(Error::io("read", &here))? {
        let entry = entry.map_err(Error::io("read", &here))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(not_ours(path, "its name is not UTF-8"));
        };
        if is_debris(&name) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        let inner = format!("{dir}/{name}");
        if meta.is_dir() {
            // Output of cargo and of kconfig, and crates of the host, are not for the kernel.
            let output = ["include/config", "include/generated"].contains(&inner.as_str());
            if name != "target" && !output && !path.join("Cargo.toml").exists() {
                collect(root, &inner, files)?;
            }
        } else if meta.is_file() {
            let source = Source {
                content: fs::read(&path).map_err(Error::io("read", &path))?,
                executable: meta.permissions().mode() & 0o100 != 0,
            };
            files.insert(inner, source);
        } else {
            return Err(not_ours(
                path,
                "an overlay holds plain files only, no links",
            ));
        }
    }
    Ok(())
}

fn not_ours(path: PathBuf, why: &str) -> Error {
    Error::NotAnOverlay {
        path,
        why: why.into(),
    }
}

fn load_edits(root: &Path) -> Result<BTreeMap<String, Vec<Edit>>> {
    let dir = root.join(EDITS);
    let mut all = BTreeMap::new();
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
        entries => entries.map_err(Error::io("read", &dir))?,
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", &dir))?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(name) = name.strip_suffix(".toml").filter(|name| !is_debris(name)) else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let edits = edits::parse(&text).map_err(|error| Error::Data {
            file: path.clone(),
            error,
        })?;
        all.insert(name.to_owned(), edits);
    }
    Ok(all)
}

fn load_series(root: &Path) -> Result<Series> {
    let file = root.join(SERIES);
    match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Series::default()),
        Err(error) => Err(Error::io("read", &file)(error)),
        Ok(text) => series::parse(&text).map_err(|error| Error::Data { file, error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_ends_with_an_empty_line() {
        let text = "About\n\nDAX IN RUST\nM:\tSomeone\nF:\tdrivers/dax/\n\nZ LAST\nM:\tSomeone";
        assert_eq!(
            section_of(text, "DAX IN RUST").unwrap(),
            "DAX IN RUST\nM:\tSomeone\nF:\tdrivers/dax/\n\n"
        );
        assert_eq!(
            section_of(text, "Z LAST").unwrap(),
            "Z LAST\nM:\tSomeone\n\n"
        );
        assert_eq!(section_of(text, "NONE"), None);
        assert_eq!(section_of("A\n\nA\n", "A"), None);
    }
}
