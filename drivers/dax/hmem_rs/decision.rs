// SPDX-License-Identifier: GPL-2.0

//! Asks the kernel what the rule needs to know about a range, and carries out what the rule says.

use kernel::{
    cxl::CommittedRegion,
    dax::{
        hmem::{
            target_node,
            RegionInfo, //
        },
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
        self,
        Key,
        Line,
        State, //
    },
    ownership::{
        self,
        Part,
        Totals, //
    }, //
};

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

/// Decides about the entry `key`, given what CXL has, and carries it out.
///
/// Returns the first error if nothing could be done for any byte of the range. Errors are logged.
pub(crate) fn decide(dev: &Device<Bound>, key: Key, regions: &mut [CommittedRegion]) -> Result {
    let Some((range, node)) = ledger::with(key, |entry| (entry.range, entry.node)) else {
        return Ok(());
    };

    match lines(dev, range, regions) {
        Ok((lines, totals)) => {
            ledger::with(key, |entry| {
                entry.lines = lines;
                entry.totals = totals;
                entry.state = State::Decided;
            });

            let result = register_pieces(dev, key, range, node);
            ledger::with(key, |entry| dev_info!(dev, "{}\n", *entry));
            result
        }
        Err(err) => fail(dev, key, err),
    }
}

/// Notes that there is no decision about the entry `key`, because of `err`.
pub(crate) fn fail(dev: &Device<Bound>, key: Key, err: Error) -> Result {
    ledger::with(key, |entry| {
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
    regions: &mut [CommittedRegion],
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

        match part {
            Part::Cxl { range, .. } => debug(dev, c"CXL claims resource, dropping", range),
            Part::Piece(range) if in_window => {
                debug(dev, c"CXL did not claim resource, registering", range)
            }
            _ => (),
        }
        lines.push(Line::from(part), GFP_KERNEL)?;
    }

    Ok((lines, totals))
}

/// Makes a platform device of each piece of the entry `key`, which is about `range` on `node`.
///
/// Each piece stands alone. Returns the first error if not a single one succeeded.
fn register_pieces(dev: &Device<Bound>, key: Key, range: Range, node: i32) -> Result {
    let mut any = false;
    let mut first_error = Ok(());
    let mut next = 0;

    // The ledger is not locked while a device is registered: its probe takes notes there, and may
    // take long.
    while let Some((index, piece)) = ledger::next_piece(key, next) {
        next = index + 1;

        match register(dev, piece, node_of(piece, range, node), |id| {
            ledger::note(key, index, Some(id), Ok(()))
        }) {
            Ok(()) => any = true,
            Err(err) => {
                dev_err!(dev, "no device for {piece}: error {}\n", err.to_errno());
                ledger::note(key, index, None, Err(err));
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

/// The node of `piece` of `range`, given the node that the walk has for the range.
///
/// That is the node of its first byte. A range that crosses the edge of a CXL window may go on with
/// another one, of which firmware tells by the window.
fn node_of(piece: Range, range: Range, node: i32) -> i32 {
    match target_node(piece.start()) {
        Some(other) if Some(other) != target_node(range.start()) => other,
        _ => node,
    }
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
fn register(dev: &Device<Bound>, piece: Range, node: i32, announce: impl FnOnce(u32)) -> Result {
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
