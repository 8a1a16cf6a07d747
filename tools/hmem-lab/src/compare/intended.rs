// SPDX-License-Identifier: GPL-2.0

//! The differences that are meant: `compare.toml`. All others fail a comparison.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{bail, Context, Result};
use regex::Regex;
use serde::Deserialize;

use super::difference::Difference;

/// One reason why both drivers differ, and what it explains.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intended {
    /// What tables call it.
    pub id: String,
    /// The item of DESIGN that wants it so.
    pub design: String,
    /// Why it is meant.
    pub reason: String,
    /// Scenarios it is seen in; none means all.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Names of scenarios that it is never seen in.
    pub except: Option<Whole>,
    /// Whether every scenario shows it: then tables say so once.
    #[serde(default)]
    pub everywhere: bool,
    /// Whether it shows in some runs only: then it need not be seen, and tables leave it out.
    #[serde(default)]
    pub sometimes: bool,
    /// What it explains.
    #[serde(rename = "match")]
    pub matches: Vec<Match>,
}

/// A kind of difference. Expressions must match the whole text; what is left out matches everything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// sysfs, daxctl, cxl, iomem, modules or log.
    pub kind: Whole,
    /// What lies there.
    pub object: Option<Whole>,
    /// The attribute; empty where one side lacks the object.
    pub attribute: Option<Whole>,
    /// What the C driver shows; the empty text: nothing.
    pub c: Option<Whole>,
    /// What ours shows; the empty text: nothing.
    pub rust: Option<Whole>,
}

/// An expression for a whole text.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Whole(Regex);

impl TryFrom<String> for Whole {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, regex::Error> {
        Regex::new(&format!("^(?s:{text})$")).map(Self)
    }
}

impl Intended {
    fn is_in(&self, scenario: &str) -> bool {
        let except = self.except.as_ref();
        (self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario))
            && !except.is_some_and(|except| except.0.is_match(scenario))
    }
}

impl Match {
    fn explains(&self, difference: &Difference) -> bool {
        let holds = |wanted: &Option<Whole>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.0.is_match(text))
        };
        // Nothing and an empty value are two things.
        let side = |wanted: &Option<Whole>, shown: &Option<String>| match (wanted, shown) {
            (None, _) => true,
            (Some(wanted), None) => wanted.0.as_str() == "^(?s:)$",
            (Some(wanted), Some(text)) => wanted.0.as_str() != "^(?s:)$" && wanted.0.is_match(text),
        };
        self.kind.0.is_match(difference.kind)
            && holds(&self.object, &difference.object)
            && holds(&self.attribute, &difference.attribute)
            && side(&self.c, &difference.c)
            && side(&self.rust, &difference.rust)
    }
}

/// The whole list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// In the order of the file; the first that matches explains a difference.
    #[serde(default)]
    pub intended: Vec<Intended>,
}

/// An entry's number and that of one of its matches.
pub type Place = (usize, usize);

impl List {
    /// Reads the file.
    pub fn load(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no list of differences", file.display()))
    }

    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        let mut ids = BTreeSet::new();
        for entry in &list.intended {
            if entry.id.is_empty() || !ids.insert(&entry.id) {
                bail!("each entry needs an id of its own: {:?}", entry.id);
            }
            if entry.reason.is_empty() || entry.design.is_empty() || entry.matches.is_empty() {
                bail!("{}: give design, reason and match", entry.id);
            }
        }
        Ok(list)
    }

    /// What explains a difference.
    pub fn explain(&self, scenario: &str, difference: &Difference) -> Option<Place> {
        let entries = self.intended.iter().enumerate();
        let mut here = entries.filter(|(_, intended)| intended.is_in(scenario));
        here.find_map(|(entry, intended)| {
            let mut matches = intended.matches.iter();
            Some((entry, matches.position(|known| known.explains(difference))?))
        })
    }

    /// What was not seen in a whole run, though it is no matter of luck: the list is longer than it must be. What is
    /// about scenarios that are `missing` may have been.
    pub fn unused(&self, used: &BTreeSet<Place>, missing: &[String]) -> Vec<String> {
        let mut unused = Vec::new();
        for (entry, intended) in
            self.intended.iter().enumerate().filter(|(_, i)| {
                !i.sometimes && !i.scenarios.iter().any(|name| missing.contains(name))
            })
        {
            for found in 0..intended.matches.len() {
                if !used.contains(&(entry, found)) {
                    unused.push(format!("{}, match {}", intended.id, found + 1));
                }
            }
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[intended]]
        id = "shown"
        design = "3.7"
        reason = "what hmem owns shows"
        match = [
            { kind = "iomem", object = ".* : Soft Reserved", c = "", rust = "below=.*" },
        ]
        [[intended]]
        id = "told"
        design = "3.8"
        reason = "each decision is told"
        scenarios = ["one"]
        match = [{ kind = "log", c = ".*" }]
    "#;

    fn difference(kind: &'static str, c: Option<&str>, rust: Option<&str>) -> Difference {
        Difference {
            kind,
            object: "0x0-0xfff : Soft Reserved".into(),
            attribute: String::new(),
            c: c.map(str::to_string),
            rust: rust.map(str::to_string),
        }
    }

    #[test]
    fn only_what_is_listed_is_explained() {
        let list = List::parse(LIST).unwrap();
        let shown = difference("iomem", None, Some("below=nothing"));
        assert_eq!(list.explain("any", &shown), Some((0, 0)));
        let lost = difference("iomem", Some("below=nothing"), None);
        assert_eq!(
            list.explain("any", &lost),
            None,
            "the other way round is another difference"
        );
        let empty = difference("iomem", Some(""), Some("below=x"));
        assert_eq!(
            list.explain("any", &empty),
            None,
            "an empty value is not nothing"
        );
        let said = difference("log", Some("times=1"), None);
        assert_eq!(list.explain("one", &said), Some((1, 0)));
        assert_eq!(list.explain("two", &said), None);
        assert_eq!(list.unused(&[(0, 0)].into(), &[]), ["told, match 1"]);
        let none: &[&str] = &[];
        assert_eq!(list.unused(&[(0, 0)].into(), &["one".into()]), none);
    }

    #[test]
    fn not_where_it_is_excepted() {
        let text = LIST.replace("scenarios = [\"one\"]", "except = 'cxl-.*'");
        let list = List::parse(&text).unwrap();
        let said = difference("log", Some("times=1"), None);
        assert_eq!(list.explain("two", &said), Some((1, 0)));
        assert_eq!(list.explain("cxl-two", &said), None);
    }

    #[test]
    fn an_entry_says_why() {
        assert!(List::parse(&LIST.replace("3.7", "")).is_err());
        assert!(List::parse(&LIST.replace("what hmem owns shows", "")).is_err());
        assert!(List::parse(&LIST.replace("kind = \"log\"", "kind = \"(\"")).is_err());
        assert!(List::parse(&LIST.replace("kind", "sort")).is_err());
    }
}
