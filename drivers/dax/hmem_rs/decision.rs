// SPDX-License-Identifier: GPL-2.0

//! Asks the kernel what the rule needs to know about a range, and carries out what the rule says.

use kernel::{
    cxl::CommittedRegion,
    dax::{
        hmem::{
            target_node,
            NewDevice, //
        },
        region, //
    },
    device::{
        Bound,
        Device, //
    },
    iomem::{
        self,
        soft_reserved,
        Desc,
        Intersection, //
    },
    prelude::*,
    range::Range, //
};

use crate::{
    border::{
        debug,
        error,
        under_one_rule, //
    },
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

/// Tells whether the decision about the Soft Reserved bytes `part` has to wait for CXL.
pub(crate) fn waits_for_cxl(part: Range) -> bool {
    // Without dax_cxl there is nobody but us to make devices of CXL memory.
    cfg!(CONFIG_DEV_DAX_CXL) && iomem::intersects(part, Desc::Cxl) != Intersection::Disjoint
}

/// Decides about the entry `key`, which is about `range` on `node`, and carries it out.
///
/// `reserved` are the Soft Reserved parts of the range, `regions` is what CXL has.
///
/// Returns the first error if nothing could be done for any byte of the range. Errors are logged.
pub(crate) fn decide(
    dev: &Device<Bound>,
    key: Key,
    range: Range,
    node: i32,
    reserved: Result<KVec<Range>>,
    regions: &mut [CommittedRegion],
) -> Result {
    match reserved.and_then(|reserved| lines(dev, range, node, reserved, regions)) {
        Ok((lines, totals)) => {
            ledger::with(key, |entry| {
                entry.lines = lines;
                entry.totals = totals;
            });

            let result = register_pieces(dev, key);
            ledger::with(key, |entry| {
                // Not before: who waits for it looks for the devices then.
                entry.state = State::Decided;
                dev_info!(dev, "{}\n", *entry);
            });
            result
        }
        Err(err) => fail(dev, key, c"cannot decide who gets", err),
    }
}

/// Notes that there is no decision about the entry `key`, and logs `what` failed because of `err`.
pub(crate) fn fail(dev: &Device<Bound>, key: Key, what: &CStr, err: Error) -> Result {
    let hint = c"; no device until this one is bound again";

    ledger::with(key, |entry| {
        entry.state = State::Failed(err);
        error(dev, what, entry.range, err, hint);
    });
    Err(err)
}

/// Applies the rule to `range`, on `node`.
fn lines(
    dev: &Device<Bound>,
    range: Range,
    node: i32,
    mut reserved: KVec<Range>,
    regions: &mut [CommittedRegion],
) -> Result<(KVec<Line>, Totals)> {
    let mut lines = KVec::new();
    let mut totals = Totals::default();

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

        // The policy of the DAX core may part a piece further: no device is under two rules.
        let mut rest = Some(part);
        while let Some(part) = rest {
            let line;

            (line, rest) = match part {
                Part::Piece(piece) => {
                    let node = node_of(piece, range, node);
                    let first = under_one_rule(piece, node);
                    let rest = piece.after(first.end()).map(Part::Piece);

                    (Line::new(Part::Piece(first), node), rest)
                }
                other => (Line::new(other, node), None),
            };
            lines.push(line, GFP_KERNEL)?;
        }
    }

    Ok((lines, totals))
}

/// Makes a platform device of each piece of the entry `key`.
///
/// Each piece stands alone. Returns the first error if not a single one succeeded.
fn register_pieces(dev: &Device<Bound>, key: Key) -> Result {
    let mut any = false;
    let mut first_error = Ok(());
    let mut next = 0;

    // The ledger is not locked while a device is registered: its probe takes notes there, and may
    // take long.
    while let Some((index, piece, node)) = ledger::next_piece(key, next) {
        next = index.saturating_add(1);

        let made = NewDevice::new().and_then(|device| {
            // Before the probe takes its note.
            ledger::note(key, index, Some(device.id()), Ok(()));
            device.add(dev, piece, node)
        });

        match made {
            Ok(()) => any = true,
            Err(err) => {
                error(dev, c"no device for", piece, err, c"");
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
