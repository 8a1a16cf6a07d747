// SPDX-License-Identifier: GPL-2.0

//! The ranges of a device, and what of them can be memory.

use kernel::{
    dax,
    device::Bound,
    memory::BlockAligned,
    memory_hotplug::Plugged,
    page::PAGE_SHIFT,
    prelude::*,
    string_helpers::BinarySize,
    sync::atomic::Atomic, //
};

/// A range of a device, and what of it can be memory.
pub(super) struct Claim<'a> {
    /// Its number at the device, `mappingN`.
    pub(super) mapping: usize,
    pub(super) range: BlockAligned<'a>,
    /// Whether it was there to be had when the driver was bound. Changes under
    /// [`Exclusive`](super::Exclusive) only.
    pub(super) had: Atomic<bool>,
}

impl Claim<'_> {
    /// Returns whether its memory is among `memory`.
    pub(super) fn is_part_of(&self, memory: &[Plugged]) -> bool {
        memory.iter().any(|plugged| plugged.range() == self.range)
    }
}

/// The ranges of a device that can be memory, of which there is one at least.
///
/// Most devices have no more, and need no vector for it.
pub(super) struct Claims<'a> {
    first: Claim<'a>,
    others: KVec<Claim<'a>>,
}

impl<'a> Claims<'a> {
    /// Finds the ranges of a device, and how many pages they have. Fails with [`EINVAL`] if there
    /// is none, and tells the log why.
    #[inline]
    pub(super) fn of(
        ddev: &dax::Device<Bound>,
        configuration: &dax::Configuration<'a>,
    ) -> Result<(Self, usize)> {
        let mut first = None;
        let mut others = KVec::new();
        let (mut all, mut usable) = (0u64, 0u64);

        for (mapping, memory) in configuration.ranges().enumerate() {
            let range = memory.range();

            all = all.saturating_add(range.len());
            match BlockAligned::inside(&memory) {
                Some(range) => {
                    let claim = Claim {
                        mapping,
                        range,
                        had: Atomic::new(false),
                    };

                    usable = usable.saturating_add(range.len());
                    if first.is_none() {
                        first = Some(claim);
                    } else {
                        others.push(claim, GFP_KERNEL)?;
                    }
                }
                None => dev_info!(
                    ddev,
                    "mapping{}: {:#x}-{:#x} too small after alignment\n",
                    mapping,
                    range.start(),
                    range.end()
                ),
            }
        }

        let Some(first) = first else {
            dev_warn!(
                ddev,
                "rejecting DAX region without any memory after alignment\n"
            );
            return Err(EINVAL);
        };
        if usable != all {
            dev_warn!(
                ddev,
                "DAX region truncated by {} due to alignment\n",
                BinarySize(all - usable)
            );
        }

        let pages = usize::try_from(usable >> PAGE_SHIFT)?;
        Ok((Self { first, others }, pages))
    }

    /// Returns all of them, in the order of the device.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Claim<'a>> {
        // In full, as `Init` has a method of this name, too.
        Iterator::chain(core::iter::once(&self.first), &self.others)
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Returns that of a range.
    pub(super) fn find(&self, range: &BlockAligned<'_>) -> Option<&Claim<'a>> {
        self.iter().find(|claim| claim.range == *range)
    }
}
