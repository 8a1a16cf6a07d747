// SPDX-License-Identifier: GPL-2.0

//! What was decided, for user space to read in debugfs.
//!
//! `hmem_rs/ranges` has one paragraph a range, in the order in which they were found:
//!
//! ```text
//! range 0x390000000-0x3afffffff node 1 host hmem_platform.0 state decided \
//!     reserved 0x20000000 cxl 0x10000000 hmem 0x10000000 trimmed 0x0
//!   cxl 0x390000000-0x39fffffff region0
//!   hmem 0x3a0000000-0x3afffffff hmem.2 errno 0
//! ```
//!
//! The first two lines are one. The last line has the outcome of the last attempt to make a DAX
//! device of the piece. `-` instead of a device tells that not even a platform device could be
//! made.

use kernel::{
    device::{
        Bound,
        Device, //
    },
    fmt,
    prelude::*,
    range::Range,
    sync::aref::ARef, //
};

use crate::{
    border::with_ledger,
    ownership::{
        Part,
        Totals, //
    }, //
};

/// What is known of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The range touches a CXL window, and CXL has not had its chance yet; or its pieces are
    /// being carried out.
    Waiting,
    /// It is decided who owns which byte, and the pieces have been carried out.
    Decided,
    /// The decision failed, and nothing was done about the range.
    Failed(Error),
}

/// A run of bytes, and what became of it.
pub(crate) struct Line {
    part: Part,
    /// For a piece: its NUMA node, negative if it is not known.
    node: i32,
    /// For a piece: the number of the platform device, once there is one.
    device: Option<u32>,
    /// For a piece: how the last attempt to make a DAX device of it ended.
    outcome: Result,
}

impl Line {
    pub(crate) fn new(part: Part, node: i32) -> Self {
        Self {
            part,
            node,
            device: None,
            outcome: Ok(()),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.part {
            Part::Cxl { .. } => "cxl",
            Part::Piece(_) => "hmem",
            Part::Trimmed { .. } => "trimmed",
        };
        f.write_fmt(fmt!("{word} {} ", self.part.range()))?;

        match self.part {
            Part::Cxl { region, .. } => f.write_fmt(fmt!("region{region}")),
            Part::Trimmed { reason, .. } => f.write_str(reason.name()),
            Part::Piece(_) => {
                match self.device {
                    Some(id) => f.write_fmt(fmt!("hmem.{id}"))?,
                    None => f.write_str("-")?,
                }
                f.write_fmt(fmt!(" errno {}", errno(self.outcome)))
            }
        }
    }
}

fn errno(outcome: Result) -> i32 {
    outcome.map_or_else(Error::to_errno, |()| 0)
}

/// A range of the hmem walk, of which at least one byte is Soft Reserved.
pub(crate) struct Entry {
    key: Key,
    bind: Bind,
    host: ARef<Device>,
    pub(crate) range: Range,
    /// The NUMA node of the range, negative if it is not known.
    node: i32,
    /// How many bytes are Soft Reserved.
    reserved: u64,
    pub(crate) state: State,
    pub(crate) totals: Totals,
    pub(crate) lines: KVec<Line>,
}

impl Entry {
    /// How many lines the kernel log gets: what it prints at once has a limit.
    const LOGGED: usize = 8;

    /// Writes the entry, with at most `limit` lines and `separator` before each.
    fn write(&self, f: &mut fmt::Formatter<'_>, separator: &str, limit: usize) -> fmt::Result {
        f.write_fmt(fmt!("range {} node {}", self.range, self.node))?;
        // The kernel log names the host anyway.
        if f.alternate() {
            f.write_str(" host ")?;
            fmt::Display::fmt(self.host.name(), f)?;
        }
        f.write_str(match self.state {
            State::Waiting => " state waiting",
            State::Decided => " state decided",
            State::Failed(_) => " state failed",
        })?;
        if let State::Failed(err) = self.state {
            f.write_fmt(fmt!(" errno {}", err.to_errno()))?;
        }
        // A single line says it all.
        if f.alternate() || self.lines.len() != 1 {
            f.write_fmt(fmt!(
                " reserved {:#x} cxl {:#x} hmem {:#x} trimmed {:#x}",
                self.reserved,
                self.totals.cxl,
                self.totals.hmem,
                self.totals.trimmed,
            ))?;
        }
        for line in self.lines.iter().take(limit) {
            f.write_str(separator)?;
            fmt::Display::fmt(line, f)?;
        }
        if self.lines.len() > limit {
            f.write_str(", and more: see debugfs")?;
        }
        Ok(())
    }
}

/// In one line, for the kernel log; with `#` as the paragraph for debugfs.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.write(f, "\n  ", usize::MAX)
        } else {
            self.write(f, ", ", Self::LOGGED)
        }
    }
}

/// Names an entry. Later entries have greater keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u32);

/// Names a bind of a host, whose entries last as long as it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bind(u32);

/// The entries of all hosts that are bound, in ascending order of their keys.
pub(crate) struct Ledger {
    entries: KVec<Entry>,
    /// How many names were given out. They last for four billion.
    named: u32,
}

impl Ledger {
    pub(crate) const fn new() -> Self {
        Self {
            entries: KVec::new(),
            named: 0,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    // The last entries are those that are worked on.
    #[inline(never)]
    fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.iter_mut().rev().find(|entry| entry.key == key)
    }

    fn name(&mut self) -> u32 {
        self.named = self.named.wrapping_add(1);
        self.named
    }
}

/// Begins a bind.
pub(crate) fn begin() -> Result<Bind> {
    with_ledger(|ledger| Bind(ledger.name())).ok_or(ENODEV)
}

/// Ends a bind: forgets its entries.
pub(crate) fn end(bind: Bind) {
    with_ledger(|ledger| ledger.entries.retain(|entry| entry.bind != bind));
}

/// Adds an entry about `range`, of which `reserved` bytes are Soft Reserved. Nothing is decided.
pub(crate) fn add(
    bind: Bind,
    host: &Device<Bound>,
    range: Range,
    node: i32,
    reserved: u64,
) -> Result<Key> {
    let host: &Device = host;

    with_ledger(|ledger| {
        let key = Key(ledger.name());

        ledger.entries.push(
            Entry {
                key,
                bind,
                host: host.into(),
                range,
                node,
                reserved,
                state: State::Waiting,
                totals: Totals::default(),
                lines: KVec::new(),
            },
            GFP_KERNEL,
        )?;
        Ok(key)
    })
    .ok_or(ENODEV)?
}

/// Lends the entry `key` to `f`, unless there is none.
pub(crate) fn with<R>(key: Key, f: impl FnOnce(&mut Entry) -> R) -> Option<R> {
    with_ledger(|ledger| ledger.entry(key).map(f))?
}

/// The first entry of `bind` that waits, behind the entry `last`, with its range and node.
pub(crate) fn next_waiting(bind: Bind, last: Option<Key>) -> Option<(Key, Range, i32)> {
    with_ledger(|ledger| {
        ledger
            .entries
            .iter()
            .find(|entry| {
                entry.bind == bind && entry.state == State::Waiting && Some(entry.key) > last
            })
            .map(|entry| (entry.key, entry.range, entry.node))
    })?
}

/// The next piece among the lines of the entry `key`, with its index and node, from
/// `index` on.
pub(crate) fn next_piece(key: Key, index: usize) -> Option<(usize, Range, i32)> {
    with(key, |entry| {
        let lines = entry.lines.iter().enumerate().skip(index);

        for (index, line) in lines {
            if let Part::Piece(range) = line.part {
                return Some((index, range, line.node));
            }
        }
        None
    })?
}

/// Notes the platform device of the piece at `index` of the entry `key`, if it has one, and how
/// making a DAX device of it ended.
#[inline(never)]
pub(crate) fn note(key: Key, index: usize, device: Option<u32>, outcome: Result) {
    with(key, |entry| {
        if let Some(line) = entry.lines.get_mut(index) {
            line.device = device;
            line.outcome = outcome;
        }
    });
}

/// Notes how the probe of the platform device number `id` ended.
pub(crate) fn note_probe(id: i32, outcome: Result) {
    let Ok(id) = u32::try_from(id) else {
        return;
    };

    with_ledger(|ledger| {
        for entry in ledger.entries.iter_mut().rev() {
            for line in entry.lines.iter_mut() {
                if line.device == Some(id) {
                    line.outcome = outcome;
                    return;
                }
            }
        }
    });
}

#[cfg(CONFIG_DEV_DAX_HMEM_RUST_KUNIT_TEST)]
#[kunit_tests(hmem_rs_ledger)]
mod tests {
    use super::*;
    use crate::ownership::Reason;
    use kernel::str::CString;

    fn range() -> Range {
        Range::byte(0x3_a000_0000).span(&Range::byte(0x3_afff_ffff))
    }

    /// Returns whether `line` reads `expected`.
    fn reads(line: &Line, expected: &CStr) -> bool {
        CString::try_from_fmt(fmt!("{line}")).is_ok_and(|text| *text == *expected)
    }

    #[test]
    fn bytes_of_cxl() {
        let part = Part::Cxl {
            range: range(),
            region: 12,
        };

        assert!(reads(
            &Line::new(part, 1),
            c"cxl 0x3a0000000-0x3afffffff region12"
        ));
    }

    #[test]
    fn bytes_of_nobody() {
        for (reason, expected) in [
            (
                Reason::Alignment,
                c"trimmed 0x3a0000000-0x3afffffff alignment",
            ),
            (
                Reason::TooSmall,
                c"trimmed 0x3a0000000-0x3afffffff too-small",
            ),
        ] {
            let part = Part::Trimmed {
                range: range(),
                reason,
            };

            assert!(reads(&Line::new(part, 1), expected));
        }
    }

    #[test]
    fn piece() {
        let mut line = Line::new(Part::Piece(range()), -1);

        // Its node is not told: the line above has that of the range.
        line.outcome = Err(ENOMEM);
        assert!(reads(&line, c"hmem 0x3a0000000-0x3afffffff - errno -12"));
        line.device = Some(0);
        assert!(reads(
            &line,
            c"hmem 0x3a0000000-0x3afffffff hmem.0 errno -12"
        ));
        line.outcome = Ok(());
        assert!(reads(&line, c"hmem 0x3a0000000-0x3afffffff hmem.0 errno 0"));
    }
}
