// SPDX-License-Identifier: GPL-2.0

//! Finds what the kernel complains about in its log: whatever the scenario, these fail it.

use regex::{Regex, RegexSet};

/// Lines that mean a bug in the kernel. Case matters: drivers write "warning" in ordinary lines.
const COMPLAINTS: &[&str] = &[
    r"\bWARNING:",
    r"\bBUG:",
    r"\bBUG at ",
    r"\bOops\b",
    r"Call Trace:",
    r"Kernel panic",
    r"general protection fault",
    r"Unable to handle",
    r"unable to handle",
    r"possible (circular|recursive) locking",
    r"possible deadlock",
    r"inconsistent lock state",
    r"suspicious RCU usage",
    r"\bKASAN:",
    r"\bUBSAN:",
    r"\bKCSAN:",
    r"\bKFENCE:",
    r"kmemleak: [1-9][0-9]* new suspected memory leaks",
    r"unreferenced object 0x",
    r"refcount_t: ",
    r"ODEBUG: ",
    r"INFO: task .* blocked for more than",
    r"rcu: INFO: ",
    r"watchdog: BUG",
    r"soft lockup",
    r"sysfs: cannot create duplicate filename",
    r"kobject.*tried to add .* with -EEXIST",
    r"Device '.*' does not have a release\(\) function",
    r"rust_kernel: panicked",
    r"rust_panic",
    r"list_(add|del) corruption",
    r"^(\[[^]]*\] )?Trying to free nonexistent resource",
    // KUnit, at boot or when a module is loaded
    r"^(\[[^]]*\] )? *not ok [0-9]+ ",
];

/// Lines of `log` that are complaints, except those that one of `allowed` matches.
///
/// A trace is many lines; once a complaint is found the next ones up to the end of the trace still count,
/// since each of them may be another bug. Callers show the first few.
pub fn complaints<'a>(log: &'a str, allowed: &[Regex]) -> Vec<&'a str> {
    let set =
        RegexSet::new(COMPLAINTS).expect("the expressions are constant, and a test compiles them");
    log.lines()
        .filter(|line| set.is_match(line) && !allowed.iter().any(|allow| allow.is_match(line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_log_has_none() {
        let log = "[    0.1] Linux version 7.3\n[    1.0] hmem_platform hmem_platform.0: warning about nothing\n\
                   [    2.0] kmem dax0.0: mapping0: truncated by 2097152 due to alignment\n\
                   [    2.1] cxl_pci 0000:0d:00.0: BUGGY is a word\n";
        assert!(complaints(log, &[]).is_empty());
    }

    #[test]
    fn each_kind_of_report_is_found() {
        for line in [
            "[ 1.0] WARNING: CPU: 0 PID: 1 at drivers/dax/bus.c:1",
            "[ 1.0] BUG: kernel NULL pointer dereference, address: 0",
            "[ 1.0] BUG: KASAN: slab-use-after-free in f",
            "[ 1.0] Oops: 0000 [#1]",
            "[ 1.0] Call Trace:",
            "[ 1.0] WARNING: possible circular locking dependency detected",
            "[ 1.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "unreferenced object 0xffff888100000000 (size 64):",
            "[ 1.0] INFO: task kworker/0:1:9 blocked for more than 120 seconds.",
            "[ 1.0] rust_kernel: panicked at drivers/dax/hmem_rs/x.rs:1",
            "[ 1.0] Kernel panic - not syncing: Fatal exception",
            "[    1.0]     not ok 3 rust_doctest_kernel_range_rs_0",
        ] {
            assert_eq!(complaints(line, &[]).len(), 1, "{line}");
        }
        assert!(complaints("[ 1.0] kmemleak: 0 new suspected memory leaks", &[]).is_empty());
    }

    #[test]
    fn an_allowance_covers_only_its_line() {
        let allow = [Regex::new("at mm/known.c").unwrap()];
        let log = "[ 1.0] WARNING: at mm/known.c:1\n[ 1.1] WARNING: at mm/other.c:1";
        assert_eq!(complaints(log, &allow), ["[ 1.1] WARNING: at mm/other.c:1"]);
    }
}
