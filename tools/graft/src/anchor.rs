// SPDX-License-Identifier: GPL-2.0
//! One edit to one text: find the anchor, which must be there exactly once, and put the text in.

use std::ops::Range;

use crate::edits::{Edit, Place};

/// The anchor, `after_line` or `before_line` is not there exactly once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The lines where the anchor matches, counted from 1.
    Anchor(Vec<usize>),
    /// The lines that hold the words of `after_line` or `before_line`.
    Line {
        /// Which of the two.
        name: &'static str,
        /// The words.
        words: String,
        /// The lines.
        lines: Vec<usize>,
    },
}

/// One line of a text.
struct Line<'a> {
    number: usize,
    /// Bytes of the text, line end included.
    range: Range<usize>,
    words: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut end = 0;
    text.split_inclusive('\n')
        .enumerate()
        .map(move |(index, words)| {
            let start = end;
            end += words.len();
            Line {
                number: index + 1,
                range: start..end,
                words,
            }
        })
}

/// Where the words of a line match; overlapping matches count, so that "exactly once" is strict.
fn matches(line: &Line<'_>, edit: &Edit) -> Vec<Range<usize>> {
    let start = line.range.start;
    if edit.whole_line {
        let words = line.words.trim();
        let at = start + (line.words.len() - line.words.trim_start().len());
        let all = words == edit.anchor.trim();
        return all.then(|| at..at + words.len()).into_iter().collect();
    }
    line.words
        .char_indices()
        .filter(|(at, _)| line.words[*at..].starts_with(&edit.anchor))
        .map(|(at, _)| start + at..start + at + edit.anchor.len())
        .collect()
}

/// `text` as whole lines.
fn whole(text: &str) -> String {
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Where the only line with the words is; `default` without any.
fn only(
    text: &str,
    name: &'static str,
    words: Option<&String>,
    default: Range<usize>,
) -> Result<Range<usize>, Miss> {
    let Some(words) = words else {
        return Ok(default);
    };
    let holding: Vec<_> = lines(text)
        .filter(|line| line.words.contains(words))
        .collect();
    match holding.as_slice() {
        [line] => Ok(line.range.clone()),
        _ => Err(Miss::Line {
            name,
            words: words.clone(),
            lines: holding.iter().map(|line| line.number).collect(),
        }),
    }
}

/// The text after the edit, which puts `insert` in.
pub(crate) fn edit(text: &str, edit: &Edit, insert: &str) -> Result<String, Miss> {
    let end = text.len();
    let below = only(text, "after_line", edit.after_line.as_ref(), 0..0)?.end;
    let above = only(text, "before_line", edit.before_line.as_ref(), end..end)?.start;

    let mut found = Vec::new();
    let between = |line: &Line<'_>| line.range.start >= below && line.range.end <= above;
    for line in lines(text).filter(between) {
        for range in matches(&line, edit) {
            found.push((line.number, line.range.clone(), range));
        }
    }
    let [(_, line, words)] = found.as_slice() else {
        return Err(Miss::Anchor(
            found.iter().map(|(number, ..)| *number).collect(),
        ));
    };

    let (range, insert) = match edit.place {
        Place::Before => (line.start..line.start, whole(insert)),
        // The last line of a file may lack its end.
        Place::After if !text[..line.end].ends_with('\n') => {
            (line.end..line.end, format!("\n{}", whole(insert)))
        }
        Place::After => (line.end..line.end, whole(insert)),
        Place::Replace if edit.whole_line => (line.clone(), whole(insert)),
        Place::Replace => (words.clone(), insert.to_owned()),
    };
    Ok([&text[..range.start], &insert, &text[range.end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one\n\ttwo words\nthree\n\ttwo\nfour\n";

    fn run(text: &str, toml: &str, insert: &str) -> Result<String, Miss> {
        let toml = format!("[[edit]]\nfile = \"f\"\ntext = \"-\"\n{toml}\n");
        let edits = crate::edits::parse(&toml).unwrap();
        edit(text, &edits[0], insert)
    }

    #[test]
    fn before_after_and_replace() {
        let new = |place| {
            run(
                TEXT,
                &format!("anchor = \"words\"\nplace = \"{place}\""),
                "new",
            )
            .unwrap()
        };
        assert_eq!(new("before"), "one\nnew\n\ttwo words\nthree\n\ttwo\nfour\n");
        assert_eq!(new("after"), "one\n\ttwo words\nnew\nthree\n\ttwo\nfour\n");
        assert_eq!(new("replace"), "one\n\ttwo new\nthree\n\ttwo\nfour\n");
    }

    #[test]
    fn none_or_many_is_a_miss() {
        let miss = |anchor| {
            run(
                TEXT,
                &format!("anchor = \"{anchor}\"\nplace = \"after\""),
                "x",
            )
            .unwrap_err()
        };
        assert_eq!(miss("five"), Miss::Anchor(vec![]));
        assert_eq!(miss("two"), Miss::Anchor(vec![2, 4]));
        // Twice in one line is twice.
        assert_eq!(miss("o"), Miss::Anchor(vec![1, 2, 2, 4, 5]));
        assert_eq!(
            run("aaa\n", "anchor = \"aa\"\nplace = \"after\"", "x"),
            Err(Miss::Anchor(vec![1, 1]))
        );
    }

    #[test]
    fn whole_line() {
        let toml = "anchor = \"two\"\nwhole_line = true\nplace = ";
        assert_eq!(
            run(TEXT, &format!("{toml}\"before\""), "\tnew").unwrap(),
            "one\n\ttwo words\nthree\n\tnew\n\ttwo\nfour\n"
        );
        assert_eq!(
            run(TEXT, &format!("{toml}\"replace\""), "\tnew\n").unwrap(),
            "one\n\ttwo words\nthree\n\tnew\nfour\n"
        );
        assert_eq!(
            run(TEXT, &format!("{toml}\"replace\""), "").unwrap(),
            "one\n\ttwo words\nthree\nfour\n"
        );
    }

    #[test]
    fn after_line() {
        let toml = "anchor = \"two\"\nplace = \"before\"\nafter_line = ";
        assert_eq!(
            run(TEXT, &format!("{toml}\"three\""), "new").unwrap(),
            "one\n\ttwo words\nthree\nnew\n\ttwo\nfour\n"
        );
        assert_eq!(
            run(TEXT, &format!("{toml}\"two\""), "x"),
            Err(not_one("after_line", "two", &[2, 4]))
        );
        assert_eq!(
            run(TEXT, &format!("{toml}\"nine\""), "x"),
            Err(not_one("after_line", "nine", &[]))
        );
        // The line itself does not count as below.
        assert_eq!(
            run(
                TEXT,
                "anchor = \"three\"\nplace = \"after\"\nafter_line = \"three\"",
                "x"
            ),
            Err(Miss::Anchor(vec![]))
        );
    }

    fn not_one(name: &'static str, words: &str, lines: &[usize]) -> Miss {
        Miss::Line {
            name,
            words: words.into(),
            lines: lines.into(),
        }
    }

    #[test]
    fn before_line() {
        let toml = "anchor = \"two\"\nplace = \"before\"\nbefore_line = ";
        assert_eq!(
            run(TEXT, &format!("{toml}\"three\""), "new").unwrap(),
            "one\nnew\n\ttwo words\nthree\n\ttwo\nfour\n"
        );
        assert_eq!(
            run(TEXT, &format!("{toml}\"two\""), "x"),
            Err(not_one("before_line", "two", &[2, 4]))
        );
        // The line itself does not count as above; and nothing is between two that are in the wrong order.
        for toml in [
            "anchor = \"three\"\nplace = \"after\"\nbefore_line = \"three\"",
            "anchor = \"two\"\nplace = \"after\"\nafter_line = \"three\"\nbefore_line = \"one\"",
        ] {
            assert_eq!(run(TEXT, toml, "x"), Err(Miss::Anchor(vec![])));
        }
    }

    #[test]
    fn last_line_without_end() {
        assert_eq!(
            run("a\nb", "anchor = \"b\"\nplace = \"after\"", "c").unwrap(),
            "a\nb\nc\n"
        );
        assert_eq!(
            run("a\nb", "anchor = \"b\"\nplace = \"before\"", "c").unwrap(),
            "a\nc\nb"
        );
    }

    #[test]
    fn other_alphabets() {
        assert_eq!(
            run("é über é\n", "anchor = \"ü\"\nplace = \"replace\"", "u").unwrap(),
            "é uber é\n"
        );
    }
}
