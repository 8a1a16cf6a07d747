// SPDX-License-Identifier: GPL-2.0

//! What was decided, for user space to read in debugfs.
//!
//! `hmem_rs/ranges` has one paragraph a range, in the order of hosts and addresses:
//!
//! ```text
//! range 0x390000000-0x3afffffff node 1 host hmem_platform.0 state decided \
//!     reserved 0x20000000 cxl 0x10000000 hmem 0x10000000 trimmed 0x0
//!   cxl 0x390000000-0x39fffffff region0
//!   hmem 0x3a0000000-0x3afffffff hmem.2 errno 0
//! ```
//!
//! The first two lines are one. The last line has the outcome of the last attempt to make a DAX device of the piece. `-` instead
//! of a device tells that not even a platform device could be made.

use kernel::{
    fmt,
    new_mutex,
    prelude::*,
    range::Range,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::{
    border,
    ownership::{
        Reason,
        Totals, //
    }, //
};

/// What is known of a range.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The range touches a CXL window, and CXL has not had its chance yet.
    Waiting,
    /// It is decided who owns which byte, and the pieces are being carried out or have been.
    Decided,
    /// The decision failed, and nothing was done about the range.
    Failed(Error),
}

/// A run of bytes, and what became of it.
pub(crate) enum Line {
    /// CXL keeps the bytes.
    Cxl {
        range: Range,
        /// The number of the region.
        region: u32,
    },
    /// hmem has the bytes.
    Piece {
        range: Range,
        /// The number of the platform device, once there is one.
        id: Option<u16>,
        /// How the last attempt to make a device of the piece ended.
        result: Result,
    },
    /// Nobody has the bytes.
    Trimmed { range: Range, reason: Reason },
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cxl { range, region } => f.write_fmt(fmt!("cxl {range} region{region}")),
            Self::Piece { range, id, result } => {
                let errno = result.map_or_else(Error::to_errno, |()| 0);

                match id {
                    Some(id) => f.write_fmt(fmt!("hmem {range} hmem.{id} errno {errno}")),
                    None => f.write_fmt(fmt!("hmem {range} - errno {errno}")),
                }
            }
            Self::Trimmed { range, reason } => f.write_fmt(fmt!("trimmed {range} {reason}")),
        }
    }
}

/// A range of the hmem walk, of which at least one byte is Soft Reserved.
pub(crate) struct Entry {
    pub(crate) range: Range,
    /// The NUMA node of the range, negative if it is not known.
    pub(crate) node: i32,
    pub(crate) state: State,
    pub(crate) totals: Totals,
    pub(crate) lines: KVec<Line>,
}

impl Entry {
    /// How many lines the kernel log gets: what it prints at once has a limit.
    const LOGGED: usize = 8;

    /// Writes the entry, with what is said of the host after the node, and at most `limit` lines
    /// with `separator` before each.
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        host: fmt::Arguments<'_>,
        separator: &str,
        limit: usize,
    ) -> fmt::Result {
        f.write_fmt(fmt!("range {} node {}{host} state ", self.range, self.node))?;
        match self.state {
            State::Waiting => f.write_str("waiting")?,
            State::Decided => f.write_str("decided")?,
            State::Failed(err) => f.write_fmt(fmt!("failed errno {}", err.to_errno()))?,
        }
        f.write_fmt(fmt!(
            " reserved {:#x} cxl {:#x} hmem {:#x} trimmed {:#x}",
            self.totals.reserved(),
            self.totals.cxl,
            self.totals.hmem,
            self.totals.trimmed,
        ))?;
        for line in self.lines.iter().take(limit) {
            f.write_fmt(fmt!("{separator}{line}"))?;
        }
        if let Some(more @ 1..) = self.lines.len().checked_sub(limit) {
            f.write_fmt(fmt!("{separator}{more} more in debugfs"))?;
        }
        Ok(())
    }
}

/// In one line, for the kernel log.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, fmt!(""), ", ", Self::LOGGED)
    }
}

/// The entries of one host, while that is bound.
#[pin_data]
pub(crate) struct Ledger {
    host: CString,
    #[pin]
    entries: Mutex<KVec<Entry>>,
}

impl Ledger {
    /// Adds an entry, in which nothing is decided yet, and returns its number.
    pub(crate) fn add(&self, range: Range, node: i32) -> Result<usize> {
        let mut entries = self.entries.lock();

        entries.push(
            Entry {
                range,
                node,
                state: State::Waiting,
                totals: Totals::default(),
                lines: KVec::new(),
            },
            GFP_KERNEL,
        )?;
        Ok(entries.len() - 1)
    }

    /// Lends entry `number` to `f`, unless there is none.
    pub(crate) fn with<R>(&self, number: usize, f: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        self.entries.lock().get_mut(number).map(f)
    }

    /// The number of the next entry that waits, from `number` on.
    pub(crate) fn next_waiting(&self, number: usize) -> Option<usize> {
        self.entries
            .lock()
            .iter()
            .enumerate()
            .skip(number)
            .find_map(|(number, entry)| (entry.state == State::Waiting).then_some(number))
    }

    /// The next piece among the lines of entry `number`, with its index, from `index` on.
    pub(crate) fn next_piece(&self, number: usize, index: usize) -> Option<(usize, Range)> {
        self.entries
            .lock()
            .get(number)?
            .lines
            .iter()
            .enumerate()
            .skip(index)
            .find_map(|(index, line)| match line {
                Line::Piece { range, .. } => Some((index, *range)),
                _ => None,
            })
    }
}

/// The ledgers of all hosts that are bound.
#[pin_data]
pub(crate) struct Hosts {
    #[pin]
    ledgers: Mutex<KVec<Arc<Ledger>>>,
}

impl Hosts {
    /// Creates the list, without any host.
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                ledgers <- new_mutex!(KVec::new(), "hmem_rs::Hosts"),
            }),
            GFP_KERNEL,
        )
    }
}

/// A host's place in the list, for as long as it is bound.
pub(crate) struct Listed {
    hosts: Arc<Hosts>,
    ledger: Arc<Ledger>,
}

impl Listed {
    /// Lists the host called `name`, with an empty ledger.
    pub(crate) fn new(hosts: Arc<Hosts>, name: &CStr) -> Result<Self> {
        let ledger = Arc::pin_init(
            try_pin_init!(Ledger {
                host: CString::try_from(name)?,
                entries <- new_mutex!(KVec::new(), "hmem_rs::Ledger"),
            }),
            GFP_KERNEL,
        )?;

        hosts.ledgers.lock().push(ledger.clone(), GFP_KERNEL)?;
        Ok(Self { hosts, ledger })
    }

    /// The ledger of the host.
    pub(crate) fn ledger(&self) -> Arc<Ledger> {
        self.ledger.clone()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.hosts
            .ledgers
            .lock()
            .retain(|ledger| !Arc::ptr_eq(ledger, &self.ledger));
    }
}

/// Notes how the probe of the platform device number `id` ended.
pub(crate) fn note_probe(device: i32, outcome: Result) {
    let Some(hosts) = border::hosts() else {
        return;
    };

    for ledger in hosts.ledgers.lock().iter() {
        for line in ledger
            .entries
            .lock()
            .iter_mut()
            .flat_map(|e| e.lines.iter_mut())
        {
            match line {
                Line::Piece {
                    id: Some(id),
                    result,
                    ..
                } if i32::from(*id) == device => *result = outcome,
                _ => (),
            }
        }
    }
}

/// What debugfs shows.
pub(crate) struct Table(pub(crate) Arc<Hosts>);

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ledger in self.0.ledgers.lock().iter() {
            for entry in ledger.entries.lock().iter() {
                let host = &*ledger.host;

                entry.write(f, fmt!(" host {host}"), "\n  ", usize::MAX)?;
                f.write_str("\n")?;
            }
        }
        Ok(())
    }
}
