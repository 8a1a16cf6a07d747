// SPDX-License-Identifier: GPL-2.0
//! The edits to existing kernel files, as data: `tools/graft/edits/<name>.toml`.

use serde::Deserialize;
use toml::Spanned;

use crate::error::ParseError;
use crate::path;
use crate::version::Bounds;

/// One change to one file of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Line of the edits file where this edit begins, counted from 1.
    pub line: usize,
    /// The kernel file, relative to the tree.
    pub file: String,
    /// Words of one line that must match exactly once.
    pub anchor: String,
    /// What becomes of the anchor.
    pub place: Place,
    /// What goes in.
    pub text: Text,
    /// Words of exactly one line; the anchor is looked for below it only.
    pub after_line: Option<String>,
    /// Words of exactly one line; the anchor is looked for above it only.
    pub before_line: Option<String>,
    /// The kernel versions this edit is for.
    pub bounds: Bounds,
    /// The anchor must be all of its line but the indentation.
    pub whole_line: bool,
}

/// Where the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// As whole lines before the line that holds the anchor.
    Before,
    /// As whole lines after the line that holds the anchor.
    After,
    /// Instead of the anchor's words; with `whole_line`, instead of its line.
    Replace,
}

/// What an edit puts in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// The words themselves.
    Here(String),
    /// A file of the repository, or one section of it.
    File {
        /// Path, relative to the repository.
        path: String,
        /// First line of the section; it ends with the next empty line.
        section: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    edit: Vec<Spanned<RawEdit>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEdit {
    file: String,
    anchor: String,
    place: Place,
    text: Option<String>,
    text_file: Option<String>,
    text_section: Option<String>,
    after_line: Option<String>,
    before_line: Option<String>,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    whole_line: bool,
}

/// Reads the text of an edits file. Pure: touches no file.
///
/// # Errors
///
/// The first fault, with its line; faults of the meaning (as opposed to the TOML) carry the line
/// where their `[[edit]]` begins.
pub fn parse(text: &str) -> Result<Vec<Edit>, ParseError> {
    let raw: RawFile = toml::from_str(text).map_err(|error| ParseError::toml(text, &error))?;
    raw.edit
        .into_iter()
        .map(|raw| {
            let begin = raw.span().start;
            let line = ParseError::at(text, begin, "").line;
            check(raw.into_inner(), line).map_err(|why| ParseError::at(text, begin, why))
        })
        .collect()
}

fn check(raw: RawEdit, line: usize) -> Result<Edit, String> {
    path::inside(&raw.file).map_err(|why| format!("file: {why}"))?;
    one_line("anchor", &raw.anchor)?;
    for (name, words) in [
        ("after_line", &raw.after_line),
        ("before_line", &raw.before_line),
    ] {
        if let Some(words) = words {
            one_line(name, words)?;
        }
    }
    let text = match (raw.text, raw.text_file) {
        (Some(_), Some(_)) => return Err("both text and text_file: give one".into()),
        (None, None) => return Err("neither text nor text_file: give one".into()),
        (Some(_), None) if raw.text_section.is_some() => {
            return Err("text_section without text_file".into());
        }
        (Some(text), None) => Text::Here(text),
        (None, Some(path)) => {
            path::inside(&path).map_err(|why| format!("text_file: {why}"))?;
            Text::File {
                path,
                section: raw.text_section,
            }
        }
    };
    if raw.place != Place::Replace && text == Text::Here(String::new()) {
        return Err("the text is empty, so nothing would change".into());
    }
    Ok(Edit {
        line,
        file: raw.file,
        anchor: raw.anchor,
        place: raw.place,
        text,
        after_line: raw.after_line,
        before_line: raw.before_line,
        bounds: Bounds::parse(raw.since.as_deref(), raw.until.as_deref())?,
        whole_line: raw.whole_line,
    })
}

fn one_line(name: &str, words: &str) -> Result<(), String> {
    if words.trim().is_empty() {
        return Err(format!("{name} is empty: give a few words of one line"));
    }
    if words.contains(['\n', '\r']) {
        return Err(format!(
            "{name} has more than one line: give a few words of one"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "\
# why
[[edit]]
file = \"rust/kernel/lib.rs\"
anchor = \"pub mod debugfs;\"
place = \"before\"
text = \"\"\"
pub mod dax;
\"\"\"
since = \"7.2\"
whole_line = true
";

    #[test]
    fn reads_an_edit() {
        let edits = parse(GOOD).unwrap();
        assert_eq!(edits.len(), 1);
        let edit = &edits[0];
        assert_eq!(edit.line, 2);
        assert_eq!(edit.file, "rust/kernel/lib.rs");
        assert_eq!(edit.place, Place::Before);
        assert_eq!(edit.text, Text::Here("pub mod dax;\n".into()));
        assert_eq!(edit.bounds.since, Some("7.2".parse().unwrap()));
        assert!(edit.whole_line);
    }

    #[test]
    fn faults_carry_their_line() {
        let wrong = [
            (
                "place = \"before\"",
                "place = \"above\"",
                5,
                "unknown variant",
            ),
            (
                "place = \"before\"",
                "places = \"before\"",
                5,
                "unknown field",
            ),
            ("place = \"before\"\n", "", 2, "missing field"),
            ("place = \"before\"", "place = before", 5, ""),
            ("rust/kernel/lib.rs", "../lib.rs", 2, "file: "),
            ("rust/kernel/lib.rs", "/etc/passwd", 2, "file: "),
            ("pub mod debugfs;", " ", 2, "anchor is empty"),
            ("pub mod debugfs;", "a\\nb", 2, "more than one line"),
            ("since = \"7.2\"", "since = \"7\"", 2, "no kernel version"),
            (
                "since = \"7.2\"",
                "text_file = \"MAINTAINERS\"",
                2,
                "both text",
            ),
            (
                "since = \"7.2\"",
                "text_section = \"X\"",
                2,
                "without text_file",
            ),
            ("\npub mod dax;\n", "", 2, "nothing would change"),
        ];
        for (old, new, line, message) in wrong {
            let text = GOOD.replace(old, new);
            assert_ne!(text, GOOD, "{old}");
            let error = parse(&text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.message.contains(message), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn a_damaged_file_is_read_or_refused(at in 0..GOOD.len(), byte in 0u8..128) {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = parse(std::str::from_utf8(&bytes).unwrap());
        }
    }
}
