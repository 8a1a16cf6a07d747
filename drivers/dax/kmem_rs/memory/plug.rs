// SPDX-License-Identifier: GPL-2.0

//! Adding the memory of a device, all or nothing.

use super::{
    claim::Claim,
    DeviceMemory,
    Exclusive, //
};
use kernel::{
    memory_hotplug::{
        Census,
        OnlineType,
        Plugged,
        Removal,
        Reservation, //
    },
    prelude::*,
    sync::atomic::Relaxed, //
};

/// When it is the end that a range cannot be had.
#[derive(Clone, Copy)]
pub(super) enum Fatal {
    /// When there was none before it.
    IfFirst,
    /// When it was there to be had as the driver was bound.
    IfHad,
    /// Never.
    Never,
}

impl Fatal {
    /// Tells whether it is the end that `claim` cannot be had, after `done` others could.
    fn is(self, claim: &Claim<'_>, done: usize) -> bool {
        match self {
            Self::IfFirst => done == 0,
            Self::IfHad => claim.had.load(Relaxed),
            Self::Never => false,
        }
    }
}

impl<'a> DeviceMemory<'a> {
    /// Adds all memory of the device, which has none, and brings it online.
    ///
    /// All ranges that were there when the driver was bound must be there again. If one is not, or
    /// if a block does not come online, then it fails, and no memory is left or, in the worst case,
    /// what is returned.
    pub(crate) fn plug_all(
        &self,
        _: &Exclusive,
        online_type: OnlineType,
    ) -> (KVec<Plugged>, Result) {
        self.plug(&[], online_type, Fatal::IfHad)
    }

    /// Adds the ranges of which no memory is `present`, and brings their memory online.
    // The callers are several, and this is long.
    #[inline(never)]
    pub(super) fn plug(
        &self,
        present: &[Plugged],
        online_type: OnlineType,
        fatal: Fatal,
    ) -> (KVec<Plugged>, Result) {
        // All memory that is needed is allocated first, and all ranges are claimed, before any is
        // added.
        let reservations = match self.reserve(present, fatal) {
            Ok(reservations) => reservations,
            Err(error) => return (KVec::new(), Err(error)),
        };
        let (mut memory, added) = Plugged::add(
            reservations,
            self.memmap_on_memory,
            online_type,
            |range, done, error| match self.claims.find(&range) {
                Some(claim) => self.missing(claim, "memory add failed", fatal, done, error),
                None => Err(error),
            },
        );

        let result = added.and_then(|()| self.verify(&memory, online_type));
        if result.is_err() {
            if let Err(refusal) = Removal::of(&mut memory) {
                dev_err!(self.dev, "cannot take the memory away again: {}\n", refusal);
            }
        }
        (memory, result)
    }

    /// Claims the ranges of which no memory is `present`.
    fn reserve(&self, present: &[Plugged], fatal: Fatal) -> Result<KVec<Reservation<'a>>> {
        let mut reservations = KVec::with_capacity(self.claims.count(), GFP_KERNEL)?;

        for claim in self.claims.iter() {
            if claim.is_part_of(present) {
                continue;
            }
            match Reservation::new(claim.range, self.group.clone()) {
                Ok(reservation) => {
                    let _ = reservations.push_within_capacity(reservation);
                }
                Err(error) => self.missing(
                    claim,
                    "could not reserve region",
                    fatal,
                    reservations.len(),
                    error,
                )?,
            }
        }
        Ok(reservations)
    }

    /// Tells the log why a range cannot be had, and fails if that is the end, after `done` others
    /// could.
    #[cold]
    #[inline(never)]
    fn missing(
        &self,
        claim: &Claim<'_>,
        what: &str,
        fatal: Fatal,
        done: usize,
        error: Error,
    ) -> Result {
        dev_warn!(
            self.dev,
            "mapping{}: {} {}\n",
            claim.mapping,
            claim.range,
            what
        );
        if fatal.is(claim, done) {
            return Err(error);
        }
        Ok(())
    }

    /// Fails if a block did not come online: mm/ does not tell.
    fn verify(&self, memory: &[Plugged], online_type: OnlineType) -> Result {
        if online_type == OnlineType::Offline {
            return Ok(());
        }

        let census = Census::of(memory);
        if census.reached(online_type) {
            return Ok(());
        }

        if let Some(block) = Plugged::first_offline(memory) {
            dev_err!(
                self.dev,
                "memory block {} did not come online, nor did {} more\n",
                block,
                census.offline.saturating_sub(1)
            );
        }
        Err(EIO)
    }
}
