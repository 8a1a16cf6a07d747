// SPDX-License-Identifier: GPL-2.0
//! The mailable series, as data: `tools/graft/series.toml`.

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use toml::Spanned;

use crate::error::ParseError;
use crate::version::Bounds;

/// Patches in the order in which they are mailed.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The kernels that the data is for.
    pub kernel: Bounds,
    /// Subject and text of the cover letter.
    pub cover: Cover,
    /// The patches.
    pub patches: Vec<Patch>,
}

/// The words of the cover letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// One line.
    pub subject: String,
    /// The letter.
    #[serde(default)]
    pub body: String,
}

/// One patch.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Line of series.toml where this patch begins, counted from 1.
    pub line: usize,
    /// First line of the commit.
    pub subject: String,
    /// The rest of the commit's text, without sign-off.
    pub body: String,
    /// Which overlay files it adds.
    pub files: Vec<Files>,
    /// Which edits files it carries, in this order; names without `.toml`.
    pub edits: Vec<String>,
    /// The kernels it is for.
    pub bounds: Bounds,
}

impl Patch {
    /// Whether the patch adds the overlay file `path`.
    pub fn holds(&self, path: &str) -> bool {
        self.files.iter().any(|files| files.holds(path))
    }
}

/// A path or a glob over the overlay's files. `*` stays in one directory, `**` does not.
#[derive(Clone, Debug)]
pub struct Files {
    words: String,
    matcher: GlobMatcher,
}

impl Files {
    fn new(words: String) -> Result<Self, String> {
        let glob = GlobBuilder::new(&words)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("files: {error}"))?;
        Ok(Files {
            matcher: glob.compile_matcher(),
            words,
        })
    }

    /// Whether `path` is meant.
    pub fn holds(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }

    /// The words of the data.
    pub fn words(&self) -> &str {
        &self.words
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeries {
    kernel: Option<Spanned<RawBounds>>,
    cover: Option<Cover>,
    #[serde(default)]
    patch: Vec<Spanned<RawPatch>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBounds {
    since: Option<String>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPatch {
    subject: String,
    body: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    edits: Vec<String>,
    since: Option<String>,
    until: Option<String>,
}

/// Reads the text of series.toml. Pure: touches no file.
///
/// # Errors
///
/// The first fault, with its line, as for [`crate::edits::parse`].
pub fn parse(text: &str) -> Result<Series, ParseError> {
    let raw: RawSeries = toml::from_str(text).map_err(|error| ParseError::toml(text, &error))?;
    let mut series = Series {
        cover: raw.cover.unwrap_or_default(),
        ..Series::default()
    };
    if let Some(kernel) = raw.kernel {
        let begin = kernel.span().start;
        let kernel = kernel.into_inner();
        series.kernel = Bounds::parse(kernel.since.as_deref(), kernel.until.as_deref())
            .map_err(|why| ParseError::at(text, begin, why))?;
    }
    for raw in raw.patch {
        let begin = raw.span().start;
        let line = ParseError::at(text, begin, "").line;
        let patch =
            check(raw.into_inner(), line).map_err(|why| ParseError::at(text, begin, why))?;
        series.patches.push(patch);
    }
    Ok(series)
}

fn check(raw: RawPatch, line: usize) -> Result<Patch, String> {
    let subject = raw.subject.trim();
    if subject.is_empty() || subject.contains('\n') {
        return Err("subject must be one line".into());
    }
    Ok(Patch {
        line,
        subject: subject.to_owned(),
        body: raw.body.trim().to_owned(),
        files: raw
            .files
            .into_iter()
            .map(Files::new)
            .collect::<Result<_, _>>()?,
        edits: raw.edits,
        bounds: Bounds::parse(raw.since.as_deref(), raw.until.as_deref())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "\
[kernel]
since = \"7.2\"
until = \"7.3\"

[cover]
subject = \"dax: in Rust\"

[[patch]]
subject = \"rust: dax: regions\"
body = \"Why.\"
files = [\"rust/kernel/dax/**\", \"rust/kernel/dax.rs\"]
edits = [\"dax\"]
until = \"7.2\"
";

    #[test]
    fn reads_a_series() {
        let series = parse(GOOD).unwrap();
        assert_eq!(series.kernel.to_string(), "7.2 to 7.3");
        assert_eq!(series.cover.subject, "dax: in Rust");
        let [patch] = series.patches.as_slice() else {
            panic!()
        };
        assert_eq!(patch.line, 8);
        assert!(patch.files[0].holds("rust/kernel/dax/a/b.rs"));
        assert!(!patch.files[0].holds("rust/kernel/dax.rs"));
        assert!(patch.files[1].holds("rust/kernel/dax.rs"));
    }

    #[test]
    fn a_star_stays_in_its_directory() {
        let files = Files::new("drivers/*.rs".into()).unwrap();
        assert!(files.holds("drivers/a.rs"));
        assert!(!files.holds("drivers/dax/a.rs"));
    }

    #[test]
    fn faults_carry_their_line() {
        for (old, new, line) in [
            ("since = \"7.2\"\n", "since = \"x\"\n", 1),
            ("subject = \"rust: dax: regions\"", "subject = \"a\\nb\"", 8),
            ("dax/**", "dax/[", 8),
            ("edits =", "edit =", 12),
            ("until = \"7.2\"\n", "until = 7.2\n", 13),
        ] {
            let error = parse(&GOOD.replacen(old, new, 1)).unwrap_err();
            assert_eq!(error.line, line, "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
