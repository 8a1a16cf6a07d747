// SPDX-License-Identifier: GPL-2.0

//! Flavours: named configurations, as fragments on top of each other.
//!
//! A fragment is a file `NAME.config` of lines as in a kernel's .config. Its comments at the top say on top of
//! which other fragment it goes, and then what it is for. One that goes on top of nothing is no flavour by
//! itself. `NAME-VERSION.config` beside it holds what only that kernel version has.
//!
//! `# compile only` before that marks a kernel that nobody boots; `# make: WORDS` gives make these words, variables
//! or targets; `# for: LAB` lets a flavour run the scenarios of another one, if asked to, and `# for: LAB without
//! CXL devices` those that have none.
//!
//! `# with the settings of: NAME` adds what the fragment NAME itself says, and nothing of what that one goes on top of.
//!
//! `# as released` takes Linux without anything of this repository.
//!
//! `# with the modules of: tools/testing/cxl` takes the kernel of the one below, with those modules in the place of the
//! ones that they stand for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

/// A flavour whose scenarios another one runs as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// Whether also those with CXL devices.
    pub cxl: bool,
}

impl Other {
    fn of(text: &str) -> Self {
        let text = text.trim();
        let without = text.strip_suffix(" without CXL devices");
        Other {
            name: without.unwrap_or(text).to_owned(),
            cxl: without.is_none(),
        }
    }
}

/// A named configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flavour {
    /// Its name.
    pub(crate) name: String,
    /// What it is for, in one line.
    pub(crate) about: String,
    /// The flavour whose kernel it takes: itself, or the one below with other modules.
    pub(crate) kernel: String,
    /// Whether the modules of tools/testing/cxl take the place of those they stand for.
    pub(crate) mocks: bool,
    /// Whether its source has nothing of this repository in it.
    pub(crate) released: bool,
    /// Whether it is never booted.
    pub(crate) compile_only: bool,
    /// The flavour whose scenarios it runs as well.
    pub(crate) stands_for: Option<Other>,
    /// Words for make.
    pub(crate) make: Vec<String>,
    /// Its fragments, the one at the bottom first.
    fragments: Vec<PathBuf>,
}

impl Flavour {
    /// Reads the flavour of that name in `dir`.
    pub(crate) fn load(dir: &Path, name: &str) -> Result<Self> {
        let known = || -> Result<String> {
            let names: Vec<String> = Self::all(dir)?.into_iter().map(|one| one.name).collect();
            Ok(names.join(", "))
        };
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !plain || name.is_empty() || !dir.join(format!("{name}.config")).is_file() {
            bail!("FLAVOUR={name} is not known: use one of {}", known()?);
        }
        match Self::read(dir, name)? {
            Some(flavour) => Ok(flavour),
            None => bail!(
                "FLAVOUR={name} is only what others stand on: use one of {}",
                known()?
            ),
        }
    }

    /// All flavours in `dir`, by name.
    pub(crate) fn all(dir: &Path) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        let entries =
            fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        for entry in entries {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let (Some("config"), Some(name)) = (path.extension().and_then(|e| e.to_str()), stem)
            {
                if !name.contains('-') {
                    all.extend(Self::read(dir, name)?);
                }
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn read(dir: &Path, name: &str) -> Result<Option<Self>> {
        let mut fragments = Vec::new();
        let mut kernel = None;
        let mut mocks = false;
        let mut flavour: Option<Flavour> = None;
        let mut next = Some(name.to_owned());
        while let Some(one) = next {
            let path = dir.join(format!("{one}.config"));
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            if fragments.contains(&path) {
                bail!("{}: stands on itself", path.display());
            }
            let head = Head::of(&text);
            if head.mocks && text.lines().any(|line| setting(line).is_some()) {
                bail!("{}: has other modules, and may set nothing", path.display());
            }
            next = head.below;
            let like = head.like.map(|like| dir.join(format!("{like}.config")));
            if head.mocks {
                // Not one of the fragments: they say when to configure anew.
                mocks = true;
            } else {
                kernel.get_or_insert(one);
                fragments.push(path);
                fragments.extend(like);
            }
            flavour.get_or_insert_with(|| Flavour {
                name: name.to_owned(),
                about: head.about,
                released: head.released,
                compile_only: head.compile_only,
                stands_for: head.stands_for,
                make: head.make,
                kernel: String::new(),
                mocks: false,
                fragments: Vec::new(),
            });
        }
        fragments.reverse();
        Ok(flavour
            .filter(|_| fragments.len() > 1)
            .map(|flavour| Flavour {
                kernel: kernel.unwrap_or_default(),
                mocks,
                fragments,
                ..flavour
            }))
    }

    /// What its kernel stands on, the nearest first.
    pub(crate) fn below(&self) -> impl Iterator<Item = String> + '_ {
        let name = |path: &PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
        self.fragments.iter().rev().skip(1).filter_map(name)
    }

    /// What make is told each time.
    pub(crate) fn variables(&self) -> Vec<String> {
        let set = |word: &&String| word.contains('=');
        self.make.iter().filter(set).cloned().collect()
    }

    /// What make makes.
    pub(crate) fn targets(&self) -> Vec<&str> {
        let targets: Vec<&str> = self
            .make
            .iter()
            .map(String::as_str)
            .filter(|word| !word.contains('='))
            .collect();
        match (targets.is_empty(), self.compile_only) {
            (false, _) => targets,
            (true, false) => vec!["bzImage", "modules"],
            // Other architectures have images of other names.
            (true, true) => vec!["vmlinux", "modules"],
        }
    }

    /// The fragments for one kernel version that exist, in the order in which they are merged.
    pub(crate) fn fragments(&self, kver: &str) -> Vec<PathBuf> {
        let versioned = |path: &PathBuf| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            path.with_file_name(format!("{stem}-{kver}.config"))
        };
        self.fragments
            .iter()
            .flat_map(|path| [path.clone(), versioned(path)])
            .filter(|path| path.is_file())
            .collect()
    }
}

/// Says that a flavour has those modules.
const MOCKS: &str = "with the modules of: tools/testing/cxl";

/// What a fragment's first comments say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    below: Option<String>,
    like: Option<String>,
    released: bool,
    compile_only: bool,
    stands_for: Option<Other>,
    make: Vec<String>,
    about: String,
    mocks: bool,
}

impl Head {
    fn of(text: &str) -> Self {
        let mut head = Head::default();
        let comments = text.lines().map_while(|line| line.strip_prefix("# "));
        for line in comments.filter(|line| !line.starts_with("SPDX")) {
            if let Some(below) = line.strip_prefix("on top of: ") {
                head.below = Some(below.trim().to_owned());
            } else if let Some(like) = line.strip_prefix("with the settings of: ") {
                head.like = Some(like.trim().to_owned());
            } else if let Some(other) = line.strip_prefix("for: ") {
                head.stands_for = Some(Other::of(other));
            } else if let Some(words) = line.strip_prefix("make: ") {
                head.make = words.split_whitespace().map(str::to_owned).collect();
            } else if line == "as released" {
                head.released = true;
            } else if line == "compile only" {
                head.compile_only = true;
            } else if line == MOCKS {
                head.mocks = true;
            } else if head.about.is_empty() {
                head.about = line.to_owned();
            }
        }
        head
    }
}

/// What fragments ask for: the last word for each symbol, with the file that has it. `n` is not set.
pub(crate) fn wanted(fragments: &[PathBuf]) -> Result<BTreeMap<String, (String, PathBuf)>> {
    let mut wanted = BTreeMap::new();
    for path in fragments {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            match setting(line) {
                Some((symbol, value)) => {
                    wanted.insert(symbol.to_owned(), (value.to_owned(), path.clone()));
                }
                None if line.trim().is_empty() || line.starts_with('#') => {}
                None => bail!(
                    "{}:{}: neither CONFIG_X=value nor a comment: {line}",
                    path.display(),
                    number + 1
                ),
            }
        }
    }
    Ok(wanted)
}

/// Reads a line of a .config: symbol without `CONFIG_`, and value.
pub(crate) fn setting(line: &str) -> Option<(&str, &str)> {
    if let Some(line) = line.strip_prefix("# CONFIG_") {
        return Some((line.strip_suffix(" is not set")?, "n"));
    }
    line.strip_prefix("CONFIG_")?.split_once('=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flavours() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("flavours")
    }

    #[test]
    fn every_flavour_of_the_repository_can_be_read() {
        let all = Flavour::all(&flavours()).unwrap();
        for name in [
            "builtin", "cxltest", "debug", "kunit", "lab", "noregion", "peer",
        ] {
            assert!(all.iter().any(|flavour| flavour.name == name), "{name}");
        }
        for flavour in &all {
            assert!(!flavour.about.is_empty(), "{}", flavour.name);
            for kver in crate::kernel::KVERS {
                wanted(&flavour.fragments(kver)).unwrap();
            }
            if let Some(other) = &flavour.stands_for {
                assert!(all.iter().any(|one| one.name == other.name), "{other:?}");
            }
        }
    }

    #[test]
    fn heads() {
        let head = Head::of(
            "# SPDX-License-Identifier: x\n# on top of: lab\n# compile only\n# for: lab\n\
             # make: W=1 drivers/dax/\n# What for.\n# More.\n\n# CONFIG_A is not set\n",
        );
        let flavour = Flavour {
            name: "x".into(),
            about: head.about,
            released: head.released,
            compile_only: head.compile_only,
            stands_for: head.stands_for,
            make: head.make,
            kernel: "x".into(),
            mocks: head.mocks,
            fragments: Vec::new(),
        };
        assert_eq!(head.below.as_deref(), Some("lab"));
        assert_eq!(flavour.about, "What for.");
        let lab = |cxl| {
            Some(Other {
                name: "lab".into(),
                cxl,
            })
        };
        assert_eq!(flavour.stands_for, lab(true));
        let head = Head::of("# for: lab without CXL devices\n");
        assert_eq!(head.stands_for, lab(false));
        assert_eq!(flavour.variables(), ["W=1"]);
        assert_eq!(flavour.targets(), ["drivers/dax/"]);
        let lab = Flavour::load(&flavours(), "lab").unwrap();
        assert_eq!(lab.targets(), ["bzImage", "modules"]);
    }

    #[test]
    fn what_stands_on_top_has_the_last_word() {
        let wanted_in = |name: &str| {
            let flavour = Flavour::load(&flavours(), name).unwrap();
            wanted(&flavour.fragments("7.3")).unwrap()["CXL_BUS"]
                .0
                .clone()
        };
        assert_eq!(wanted_in("lab"), "m");
        assert_eq!(wanted_in("builtin"), "y");
        let removal = Flavour::load(&flavours(), "removal").unwrap();
        assert_eq!(
            removal.below().collect::<Vec<_>>(),
            ["debug", "lab", "base"]
        );
    }

    #[test]
    fn settings_of_another_one_go_on_top_of_what_is_below() {
        let load = |name: &str| Flavour::load(&flavours(), name).unwrap();
        for like in ["builtin", "noregion", "noremove"] {
            let peer = load(&format!("{like}_peer"));
            assert_eq!(peer.kernel, peer.name);
            assert_eq!(peer.below().collect::<Vec<_>>(), [like, "peer", "base"]);
        }
        let wanted = wanted(&load("builtin_peer").fragments("7.3")).unwrap();
        assert_eq!((&*wanted["RUST"].0, &*wanted["CXL_BUS"].0), ("n", "y"));
    }

    #[test]
    fn other_modules_go_with_the_kernel_below() {
        let load = |name: &str| Flavour::load(&flavours(), name).unwrap();
        for (name, kernel) in [
            ("cxltest", "lab"),
            ("cxltest_peer", "peer"),
            ("cxltest_debug", "debug"),
        ] {
            let flavour = load(name);
            assert!(flavour.mocks);
            assert_eq!(flavour.kernel, kernel);
            assert_eq!(flavour.fragments, load(kernel).fragments);
        }
        assert_eq!(load("debug").kernel, "debug");
        assert!(!load("debug").mocks);
    }

    #[test]
    fn an_unknown_flavour_names_the_known_ones() {
        for wrong in ["nope", "base", "", "../lab", "lab-7.3"] {
            let error = Flavour::load(&flavours(), wrong).unwrap_err().to_string();
            assert!(error.contains("builtin, "), "{wrong}: {error}");
        }
    }

    #[test]
    fn lines_of_a_config() {
        assert_eq!(setting("CONFIG_A=y"), Some(("A", "y")));
        assert_eq!(setting("CONFIG_A=\"b=c\""), Some(("A", "\"b=c\"")));
        assert_eq!(setting("# CONFIG_A is not set"), Some(("A", "n")));
        assert_eq!(setting("# a comment"), None);
    }
}
