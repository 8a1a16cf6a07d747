// SPDX-License-Identifier: GPL-2.0

//! Memory that nobody refers to any more, in kernels with kmemleak.

use std::fs;
use std::path::Path;

use crate::expect::Expect;
use crate::judge::{self, Verdict};

/// Judges what kmemleak found; `snapshot` is the directory of the last snapshot. What the scenario allows is
/// looked for in the whole text about an object, which has the trace of its allocation.
pub fn judge(snapshot: &Path, expect: &Expect) -> Verdict {
    let check = "no memory leaked";
    // It switches itself off when it runs out of memory, and then refuses to scan.
    let Ok(found) = fs::read(snapshot.join("leaks")) else {
        return Verdict::fail(check, "a scan by kmemleak", "kmemleak did not scan");
    };
    let found = String::from_utf8_lossy(&found);
    let allowed = judge::allowed(expect);
    let leaks: Vec<&str> = objects(&found)
        .filter(|object| !allowed.iter().any(|allow| allow.is_match(object)))
        .collect();
    Verdict::of(
        check,
        leaks.is_empty(),
        || "none".into(),
        || shorten(&leaks),
    )
}

/// What is told of each object, and what else is told.
fn objects(found: &str) -> impl Iterator<Item = &str> {
    let starts = found.match_indices("unreferenced object").map(|(at, _)| at);
    let ends = starts.clone().chain([found.len()]);
    [0].into_iter()
        .chain(starts)
        .zip(ends)
        .map(|(start, end)| found[start..end].trim_end())
        .filter(|text| !text.is_empty())
}

/// The first objects, with the traces of their allocation.
fn shorten(leaks: &[&str]) -> String {
    const SHOWN: usize = 3;
    let shown = leaks[..leaks.len().min(SHOWN)].join("\n");
    match leaks.len() - leaks.len().min(SHOWN) {
        0 => shown,
        more => format!("{shown}\n... {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "unreferenced object 0xffff888100000000 (size 64):\n  comm \"modprobe\"\n";

    fn verdict(leaks: Option<&str>, expect: &Expect) -> Verdict {
        let dir = std::env::temp_dir().join(format!("hmem-lab-leaks-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        if let Some(leaks) = leaks {
            fs::write(dir.join("leaks"), leaks).unwrap();
        }
        let verdict = judge(&dir, expect);
        fs::remove_dir_all(&dir).unwrap();
        verdict
    }

    #[test]
    fn a_leak_fails_and_so_does_a_scan_that_never_was() {
        let none = Expect::default();
        assert!(verdict(Some(""), &none).ok);
        assert!(!verdict(None, &none).ok);
        assert!(!verdict(Some("no such text is known"), &none).ok);
        let failed = verdict(Some(OBJECT), &none);
        assert!(!failed.ok && failed.seen.contains("modprobe"));
        assert!(verdict(Some(&OBJECT.repeat(5)), &none)
            .seen
            .ends_with("... 2 more"));
    }

    #[test]
    fn an_allowance_covers_only_its_object() {
        let expect: Expect =
            toml::from_str(r#"allow = [{ line = "known_function", reason = "a test" }]"#).unwrap();
        let known = OBJECT.to_owned() + "  known_function+0x7a/0x80\n";
        assert!(verdict(Some(&known), &expect).ok);
        let failed = verdict(Some(&(known.clone() + OBJECT + &known)), &expect);
        assert!(!failed.ok && !failed.seen.contains("known_function"));
    }
}
