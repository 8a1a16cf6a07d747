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
        Intersection, //
    },
    memregion,
    platform,
    prelude::*,
    range::Range, //
};

use crate::{
    border::debug,
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
        Err(err) => fail(dev, ledger, number, err),
    }
}

/// Notes that there is no decision about entry `number` of `ledger`, because of `err`.
pub(crate) fn fail(dev: &Device<Bound>, ledger: &Ledger, number: usize, err: Error) -> Result {
    ledger.with(number, |entry| {
        entry.state = State::Failed(err);
        dev_err!(
            dev,
            "cannot decide about {}: error {}; nobody has it until this device is bound again\n",
            entry.range,
            err.to_errno()
        );
    });
    Err(err)
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
                debug(dev, c"CXL claims resource, dropping", range);
                Line::Cxl { range, region }
            }
            Part::Piece(range) => {
                if in_window {
                    debug(dev, c"CXL did not claim resource, registering", range);
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

    let mut next = 0;

    // The ledger is not locked while a device is registered: its probe takes notes there, and may
    // take long.
    while let Some((index, piece)) = ledger.next_piece(number, next) {
        next = index + 1;

        match register(dev, piece, node, |id| {
            note(ledger, number, index, Some(id), Ok(()))
        }) {
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

/// What exists for a piece, as long as the host is bound.
///
/// The fields are dropped in this order: the device goes before its number is free.
struct Child {
    _device: platform::Registration<RegionInfo>,
    _id: memregion::Id,
}

/// Makes the platform device `hmem.N` of `piece`, and tells `announce` the number before it does.
///
/// The driver of this module usually binds to the device before this returns.
fn register(dev: &Device<Bound>, piece: Range, node: i32, announce: impl FnOnce(u16)) -> Result {
    let id = memregion::Id::new().inspect_err(|_| {
        dev_err!(dev, "memregion allocation failure for {piece}\n");
    })?;

    announce(id.get());
    let device = platform::Registration::new(dev, id.get(), node, &RegionInfo::new(piece, node))?;

    devres::register(
        dev,
        Child {
            _device: device,
            _id: id,
        },
        GFP_KERNEL,
    )
}
