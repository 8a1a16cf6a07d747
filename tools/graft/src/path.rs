// SPDX-License-Identifier: GPL-2.0
//! Paths that cannot lead out of a tree.

/// Checks that `path` is plain, relative and stays inside: data and records come from files.
pub(crate) fn inside(path: &str) -> Result<(), String> {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && part != ".git";
    if path.contains(['\0', '\n', '\\']) || !path.split('/').all(plain) {
        return Err(format!("{path:?} is not a plain path relative to the tree"));
    }
    if path.split('/').next() == Some(crate::record::DIR) {
        return Err(format!("{path:?} is where the record lies"));
    }
    Ok(())
}

/// The directories above `path`, outermost first.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_inside() {
        for good in ["Makefile", "a/b.c", "a/.hidden", "a/..b"] {
            assert!(inside(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "/a",
            "a//b",
            "a/",
            "./a",
            "a/../b",
            "..",
            ".git/config",
            ".hmem-graft/x",
            "a\nb",
        ] {
            assert!(inside(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parents_from_outside_in() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("c").count(), 0);
    }
}
