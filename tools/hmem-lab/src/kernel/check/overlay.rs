// SPDX-License-Identifier: GPL-2.0

//! What compilers say about files of the overlay.

use std::collections::BTreeSet;
use std::path::Path;

/// The paragraphs of a compiler's words that are about one of `files`, and every error. Paths may be absolute
/// (below `tree`) or relative to it.
pub(in crate::kernel) fn about(words: &str, tree: &Path, files: &BTreeSet<String>) -> Vec<String> {
    let prefix = format!("{}/", tree.display());
    let mut found: Vec<String> = paragraphs(words)
        .into_iter()
        .filter(|paragraph| {
            let head = paragraph.lines().next().unwrap_or_default();
            let place = paragraph
                .lines()
                .find_map(|line| line.trim_start().strip_prefix("--> "));
            match place.map(|place| place.strip_prefix(&prefix).unwrap_or(place)) {
                Some(place) => place
                    .split(':')
                    .next()
                    .is_some_and(|file| files.contains(file)),
                None => {
                    head.starts_with("error")
                        && !head.contains("aborting due to")
                        && !head.contains("could not compile")
                }
            }
        })
        .map(|paragraph| paragraph.replace(&prefix, ""))
        .collect();
    found.dedup();
    found
}

/// Each finding begins with a line that says how grave it is, and lasts to the next.
fn paragraphs(words: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in words.lines() {
        let begins = ["warning", "error"].iter().any(|grave| {
            line.strip_prefix(grave)
                .is_some_and(|rest| rest.starts_with(':') || rest.starts_with('['))
        });
        match all.last_mut() {
            _ if begins => all.push(line.to_owned()),
            Some(last) => {
                last.push('\n');
                last.push_str(line);
            }
            None => {}
        }
    }
    all.iter()
        .map(|paragraph| paragraph.trim_end().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_files_and_real_errors() {
        let words = "\
warning: unused import
 --> /t/rust/kernel/dax.rs:3:5
  |
3 | use x;

warning: unused
   --> rust/kernel/alloc.rs:1:1

error[E0425]: cannot find x
 --> drivers/dax/hmem_rs/a.rs:1:1

error: cannot read a file

error: aborting due to 1 previous error
";
        let files = ["rust/kernel/dax.rs", "drivers/dax/hmem_rs/a.rs"]
            .map(str::to_owned)
            .into();
        let found = about(words, Path::new("/t"), &files);
        let heads: Vec<&str> = found
            .iter()
            .map(|one| one.lines().next().unwrap())
            .collect();
        assert_eq!(
            heads,
            [
                "warning: unused import",
                "error[E0425]: cannot find x",
                "error: cannot read a file"
            ]
        );
        assert!(found[0].contains("--> rust/kernel/dax.rs:3:5"));
    }
}
