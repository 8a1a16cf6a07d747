// SPDX-License-Identifier: GPL-2.0

//! Adding the memory of a device, all or nothing.

use super::{
    census,
    holds,
    DeviceMemory,
    Exclusive, //
};
use kernel::{
    memory_hotplug::{
        BlockState,
        OnlineType,
        Plugged,
        Removal,
        Reservation, //
    },
    prelude::*, //
};

impl DeviceMemory {
    /// Adds all memory of the device, which has none, and brings it online.
    ///
    /// All ranges that were there when the driver was bound must be there again. If one is not, or
    /// if a block does not come online, then nothing is left of it, or, in the worst case, what is
    /// given back with the error.
    pub(crate) fn plug_all(
        &self,
        _: &Exclusive,
        online_type: OnlineType,
    ) -> Result<KVec<Plugged>, (Error, KVec<Plugged>)> {
        let had = {
            let inner = self.inner.lock();
            let mut had = KVec::new();
            if let Err(error) = had.extend_from_slice(&inner.had, GFP_KERNEL) {
                return Err((error.into(), KVec::new()));
            }
            had
        };

        self.plug(&[], online_type, |_, i| had.get(i).is_some_and(|had| *had))
    }

    /// Adds the ranges of which no memory is `present`, and brings their memory online.
    ///
    /// `fatal` tells whether it is the end if a range cannot be had, given how many could be so
    /// far, and which one it is.
    pub(super) fn plug(
        &self,
        present: &[Plugged],
        online_type: OnlineType,
        fatal: impl Fn(usize, usize) -> bool,
    ) -> Result<KVec<Plugged>, (Error, KVec<Plugged>)> {
        let nothing = |error| (error, KVec::new());
        let group = self.inner.lock().group.clone();
        let count = self.claims.len();

        // All memory that is needed is allocated first, and all ranges are claimed, before any is
        // added.
        let mut memory =
            KVec::with_capacity(count, GFP_KERNEL).map_err(|error| nothing(error.into()))?;
        let mut reservations =
            KVec::with_capacity(count, GFP_KERNEL).map_err(|error| nothing(error.into()))?;

        for (i, claim) in self.claims.iter().enumerate() {
            if holds(present, claim) {
                continue;
            }
            match Reservation::new(claim.range, self.name.clone()) {
                Ok(reservation) => {
                    let _ = reservations.push_within_capacity((i, reservation));
                }
                Err(error) => {
                    dev_warn!(
                        self.dev,
                        "mapping{}: {} could not reserve region\n",
                        claim.mapping,
                        claim.range
                    );
                    if fatal(reservations.len(), i) {
                        return Err(nothing(error));
                    }
                }
            }
        }

        for (i, reservation) in reservations {
            match Plugged::add(
                reservation,
                &group,
                &self.managed,
                self.memmap_on_memory,
                online_type,
            ) {
                Ok(plugged) => {
                    let _ = memory.push_within_capacity(plugged);
                }
                Err((error, reservation)) => {
                    dev_warn!(
                        self.dev,
                        "mapping{}: {} memory add failed\n",
                        self.mapping(&reservation.range()),
                        reservation.range()
                    );
                    if fatal(memory.len(), i) {
                        return Err((error, self.roll_back(memory)));
                    }
                }
            }
        }

        match self.verify(&memory, online_type) {
            Ok(()) => Ok(memory),
            Err(error) => Err((error, self.roll_back(memory))),
        }
    }

    /// Fails if a block did not come online: mm/ does not tell.
    fn verify(&self, memory: &[Plugged], online_type: OnlineType) -> Result {
        if online_type == OnlineType::Offline || census(memory).reached(online_type) {
            return Ok(());
        }

        let mut missing = memory
            .iter()
            .flat_map(|plugged| plugged.blocks())
            .filter(|(_, state)| *state == BlockState::Offline)
            .map(|(block, _)| block);
        if let Some(block) = missing.next() {
            dev_err!(
                self.dev,
                "memory block {} did not come online, nor did {} more\n",
                block,
                missing.count()
            );
        }
        Err(EIO)
    }

    /// Takes away memory that was just added, and returns what cannot be.
    fn roll_back(&self, mut memory: KVec<Plugged>) -> KVec<Plugged> {
        if let Err(refusal) = Removal::of(&mut memory) {
            dev_err!(self.dev, "cannot take the memory away again: {}\n", refusal);
        }
        memory
    }
}
