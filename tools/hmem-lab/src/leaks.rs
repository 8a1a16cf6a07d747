// SPDX-License-Identifier: GPL-2.0

//! Memory that nobody refers to any more, in kernels with kmemleak.

use std::fs;
use std::path::Path;

use crate::judge::Verdict;

/// Judges what kmemleak found; `snapshot` is the directory of the last snapshot.
pub fn judge(snapshot: &Path) -> Verdict {
    let check = "no memory leaked";
    // It switches itself off when it runs out of memory, and then refuses to scan.
    match fs::read(snapshot.join("leaks")) {
        Ok(found) if found.is_empty() => Verdict::pass(check),
        Ok(found) => Verdict::fail(check, "none", shorten(&String::from_utf8_lossy(&found))),
        Err(_) => Verdict::fail(check, "a scan by kmemleak", "kmemleak did not scan"),
    }
}

/// The first objects, with the traces of their allocation.
fn shorten(found: &str) -> String {
    const SHOWN: usize = 3;
    let starts: Vec<usize> = found
        .match_indices("unreferenced object")
        .map(|(at, _)| at)
        .collect();
    match starts.get(SHOWN) {
        Some(end) => format!("{}... {} more", &found[..*end], starts.len() - SHOWN),
        None => found.trim_end().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = "unreferenced object 0xffff888100000000 (size 64):\n  comm \"modprobe\"\n";

    fn verdict(leaks: Option<&str>) -> Verdict {
        let dir = std::env::temp_dir().join(format!("hmem-lab-leaks-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        if let Some(leaks) = leaks {
            fs::write(dir.join("leaks"), leaks).unwrap();
        }
        let verdict = judge(&dir);
        fs::remove_dir_all(&dir).unwrap();
        verdict
    }

    #[test]
    fn a_leak_fails_and_so_does_a_scan_that_never_was() {
        assert!(verdict(Some("")).ok);
        assert!(!verdict(None).ok);
        assert!(!verdict(Some("no such text is known")).ok);
        let failed = verdict(Some(OBJECT));
        assert!(!failed.ok && failed.seen.contains("modprobe"));
        assert!(verdict(Some(&OBJECT.repeat(5)))
            .seen
            .ends_with("... 2 more"));
    }
}
