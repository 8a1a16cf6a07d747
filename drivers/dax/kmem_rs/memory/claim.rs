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

impl<'a> Claim<'a> {
    /// Finds the ranges of a device that can be memory, and how many pages they have.
    pub(super) fn all_of(
        ddev: &dax::Device<Bound>,
        configuration: &dax::Configuration<'a>,
    ) -> Result<(KVec<Self>, usize)> {
        let mut claims = KVec::new();
        let (mut all, mut usable) = (0u64, 0u64);

        for (mapping, memory) in configuration.ranges().enumerate() {
            let range = memory.range();

            all = all.saturating_add(range.len());
            match BlockAligned::inside(&memory) {
                Some(range) => {
                    let claim = Self {
                        mapping,
                        range,
                        had: Atomic::new(false),
                    };

                    usable = usable.saturating_add(range.len());
                    claims.push(claim, GFP_KERNEL)?;
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

        if claims.is_empty() {
            dev_warn!(
                ddev,
                "rejecting DAX region without any memory after alignment\n"
            );
            return Err(EINVAL);
        }
        if usable != all {
            dev_warn!(
                ddev,
                "DAX region truncated by {} due to alignment\n",
                BinarySize(all - usable)
            );
        }

        Ok((claims, usize::try_from(usable >> PAGE_SHIFT)?))
    }

    /// Returns whether its memory is among `memory`.
    pub(super) fn is_part_of(&self, memory: &[Plugged]) -> bool {
        memory.iter().any(|plugged| plugged.range() == self.range)
    }
}
