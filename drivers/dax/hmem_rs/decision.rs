// SPDX-License-Identifier: GPL-2.0

//! Asks the kernel what the rule needs to know about a range, and carries out what the rule says.

use kernel::{
    cxl,
    dax::{
        hmem::RegionInfo,
        region, //
    },
    device::{
        Bound,
        Device, //
    },
    devres,
    iomem::{
        self,
        soft_reserved,
        Desc,
        Intersection,
        SoftReservedEntry, //
    },
    memregion,
    platform,
    prelude::*,
    range::Range,
    sizes::SZ_64M, //
};

use crate::{
    border::{
        debug,
        Event, //
    },
    ledger::{
        Ledger,
        Line,
        State, //
    },
    ownership::{
        self,
        Part,
        Region,
        Totals, //
    }, //
};

/// Returns the committed CXL regions, as the rule wants them.
pub(crate) fn committed_regions() -> Result<KVec<Region>> {
    let mut regions = KVec::new();

    for cxl::CommittedRegion { range, id } in cxl::committed_regions()? {
        regions.push(Region { range, id }, GFP_KERNEL)?;
    }
    Ok(regions)
}

/// Returns the Soft Reserved parts of `range`.
pub(crate) fn reserved_parts(range: Range) -> Result<KVec<Range>> {
    // This query is what tests replace, to have a range that firmware never described.
    if soft_reserved::intersects(range) != Intersection::Intersects {
        return Ok(KVec::new());
    }

    let mut parts = soft_reserved::parts(range)?;
    if parts.is_empty() {
        // Only in such a test: otherwise there is a part wherever the query found something.
        parts.push(range, GFP_KERNEL)?;
    }
    Ok(parts)
}

/// Tells whether the decision about `reserved` has to wait for CXL.
pub(crate) fn waits_for_cxl(reserved: &[Range]) -> bool {
    // Without dax_cxl there is nobody but us to make devices of CXL memory.
    cfg!(CONFIG_DEV_DAX_CXL)
        && reserved
            .iter()
            .any(|&part| iomem::intersects(part, Desc::Cxl) != Intersection::Disjoint)
}

/// Decides about entry `number` of `ledger`, given what CXL has, and carries it out.
///
/// Returns the first error if nothing could be done for any byte of the range. Errors are logged.
pub(crate) fn decide(
    dev: &Device<Bound>,
    ledger: &Ledger,
    number: usize,
    regions: &mut [Region],
) -> Result {
    let Some((range, node)) = ledger.with(number, |entry| (entry.range, entry.node)) else {
        return Ok(());
    };

    match lines(dev, range, regions) {
        Ok((lines, totals)) => {
            ledger.with(number, |entry| {
                entry.lines = lines;
                entry.totals = totals;
                entry.state = State::Decided;
            });

            let result = register_pieces(dev, ledger, number, node);
            ledger.with(number, |entry| dev_info!(dev, "{}\n", *entry));
            result
        }
        Err(err) => {
            ledger.with(number, |entry| entry.state = State::Failed(err));
            dev_err!(
                dev,
                "cannot decide about {range}: error {}; nobody has it until {} is bound again\n",
                err.to_errno(),
                dev.name()
            );
            Err(err)
        }
    }
}

/// Applies the rule to `range`.
fn lines(
    dev: &Device<Bound>,
    range: Range,
    regions: &mut [Region],
) -> Result<(KVec<Line>, Totals)> {
    let mut lines = KVec::new();
    let mut totals = Totals::default();

    let mut reserved = reserved_parts(range)?;
    let mut windows = iomem::parts(range, Desc::Cxl)?;
    let in_window = !windows.is_empty();

    let parts = ownership::decide(
        &mut reserved,
        &mut windows,
        regions,
        u64::from(region::ALIGN),
    )
    .ok_or(EINVAL)?;

    for part in parts {
        totals.add(&part);

        let line = match part {
            Part::Cxl { range, region } => {
                debug(dev, Event::Claimed, range);
                Line::Cxl { range, region }
            }
            Part::Piece(range) => {
                if in_window {
                    debug(dev, Event::NotClaimed, range);
                }
                Line::Piece {
                    range,
                    id: None,
                    result: Ok(()),
                }
            }
            Part::Trimmed { range, reason } => Line::Trimmed { range, reason },
        };
        lines.push(line, GFP_KERNEL)?;
    }

    Ok((lines, totals))
}

/// Makes a platform device of each piece of entry `number`.
///
/// Each piece stands alone. Returns the first error if not a single one succeeded.
fn register_pieces(dev: &Device<Bound>, ledger: &Ledger, number: usize, node: i32) -> Result {
    let mut any = false;
    let mut first_error = Ok(());

    for index in 0.. {
        // The ledger is not locked while a device is registered: its probe takes notes there, and
        // may take long.
        let line = ledger.with(number, |entry| match entry.lines.get(index) {
            Some(Line::Piece { range, .. }) => Some(Some(*range)),
            Some(_) => Some(None),
            None => None,
        });
        let piece = match line.flatten() {
            Some(Some(piece)) => piece,
            Some(None) => continue,
            None => break,
        };

        let result = register(dev, piece, node, |id| note(ledger, number, index, Some(id), Ok(())));
        match result {
            Ok(()) => any = true,
            Err(err) => {
                dev_err!(dev, "no device for {piece}: error {}\n", err.to_errno());
                note(ledger, number, index, None, Err(err));
                first_error = first_error.and(Err(err));
            }
        }
    }

    if any {
        Ok(())
    } else {
        first_error
    }
}

/// Notes the device and the outcome for a piece.
fn note(ledger: &Ledger, number: usize, index: usize, device: Option<u16>, outcome: Result) {
    ledger.with(number, |entry| {
        if let Some(Line::Piece { id, result, .. }) = entry.lines.get_mut(index) {
            *id = device;
            *result = outcome;
        }
    });
}

/// Makes `piece` show in `/proc/iomem`.
///
/// What follows RAM up to the next multiple of 64 MiB is there as `RAM buffer` already. Of a piece
/// that begins in it, only the rest can show.
fn iomem_entry(piece: Range) -> Result<SoftReservedEntry> {
    SoftReservedEntry::new(piece).or_else(|err| {
        let buffer_end = piece.start() | (SZ_64M as u64 - 1);

        SoftReservedEntry::new(piece.after(buffer_end).ok_or(err)?)
    })
}

/// What exists for a piece, as long as the host is bound.
///
/// The fields are dropped in this order: the device goes before its range and its number are free.
struct Child {
    _device: platform::Registration<RegionInfo>,
    _iomem: Option<SoftReservedEntry>,
    _id: memregion::Id,
}

/// Makes the platform device `hmem.N` of `piece`, and tells `announce` the number before it does.
///
/// The driver of this module usually binds to the device before this returns.
fn register(
    dev: &Device<Bound>,
    piece: Range,
    node: i32,
    announce: impl FnOnce(u16),
) -> Result {
    let id = memregion::Id::new().inspect_err(|_| {
        dev_err!(dev, "memregion allocation failure for {piece}\n");
    })?;

    // Whoever claims the range exclusively, such as kmem, does so below this entry. It only informs:
    // the device is worth having without it.
    let iomem = iomem_entry(piece)
        .inspect_err(|err| {
            dev_warn!(dev, "{piece} does not show in /proc/iomem: error {}\n", err.to_errno());
        })
        .ok();

    announce(id.get());
    let device = platform::Registration::new(dev, id.get(), node, &RegionInfo::new(piece, node))?;

    devres::register(
        dev,
        Child {
            _device: device,
            _iomem: iomem,
            _id: id,
        },
        GFP_KERNEL,
    )
}
