// SPDX-License-Identifier: GPL-2.0

//! The driver `hmem`: makes a DAX region, and in it a DAX device, of one piece of memory.

use kernel::{
    cxl,
    dax::{
        hmem::RegionInfo,
        region::{
            self,
            Flags,
            Host, //
        }, //
    },
    device::{
        Bound,
        Core,
        Device, //
    },
    driver::ProbeType,
    iomem::{
        Memory,
        SoftReservedEntry, //
    },
    platform,
    prelude::*,
    range::Range,
    sizes::SZ_64M, //
};

use crate::{
    border::{
        error,
        region_idle, //
    },
    ledger, //
};

/// The name of the driver, which user space knows.
pub(crate) const NAME: &CStr = c"hmem";

/// The driver.
pub(crate) struct Driver;

impl region::Driver for Driver {
    // dax_cxl goes ahead once the deferred decisions are flushed: by then each piece must belong to
    // a region, whatever is asked on the command line.
    const PROBE_TYPE: ProbeType = ProbeType::ForceSynchronous;

    fn probe(pdev: &platform::Device<Core<'_>>, host: Host<'_>) -> Result {
        // User space can force any platform device upon a driver.
        let Some((info, memory)) = pdev
            .platform_data::<RegionInfo>()
            .and_then(|info| Some((info, info.memory()?)))
        else {
            dev_err!(
                pdev,
                "not a device made by hmem_platform, refusing it: clear its driver_override\n"
            );
            return Err(ENODEV);
        };

        let result = create(pdev, host, info, memory);
        ledger::note_probe(pdev.id(), result);
        result
    }
}

fn create(
    pdev: &platform::Device<Core<'_>>,
    host: Host<'_>,
    info: &RegionInfo,
    memory: Memory<'static>,
) -> Result {
    let dev: &Device<Bound> = pdev.as_ref();
    let range = memory.range();

    refuse_if_claimed(dev, range)?;

    // Read once: the administrator may change it while this runs.
    let (flags, size) = if region_idle() {
        (Flags::NONE, 0)
    } else {
        (Flags::KMEM, range.len())
    };

    // Whoever claims the range exclusively, such as kmem, does so below this entry. It only
    // informs: the device is worth having without it.
    if let Err(err) = show_in_iomem(dev, memory) {
        error(dev, c"/proc/iomem cannot show", range, err, c"");
    }

    host.create_region(pdev.id(), memory, info.node(), flags)
        .inspect_err(|&err| error(dev, c"no dax region for", range, err, c""))?
        .create_device(size, false)
        .inspect_err(|&err| error(dev, c"no dax device for", range, err, c""))
}

/// Makes `memory` show in `/proc/iomem` as long as the device is bound.
///
/// Some architectures keep what follows RAM, up to the next multiple of 64 MiB, as `RAM buffer`:
/// see `e820__reserve_resources_late()`. Of a range that begins in it, only the rest can show.
fn show_in_iomem(dev: &Device<Bound>, memory: Memory<'_>) -> Result {
    SoftReservedEntry::new_managed(dev, memory).or_else(|err| {
        let buffer_end = memory.range().start() | (SZ_64M as u64 - 1);

        if err != EBUSY {
            return Err(err);
        }
        SoftReservedEntry::new_managed(dev, memory.after(buffer_end).ok_or(err)?)
    })
}

/// Fails if a CXL region got hold of a byte of `range` since the piece was cut out.
///
/// That happens to a device that is bound again much later. What is left of the piece is for the
/// next decision about the whole range.
fn refuse_if_claimed(dev: &Device<Bound>, range: Range) -> Result {
    if !cfg!(CONFIG_DEV_DAX_CXL) {
        return Ok(());
    }

    let regions = cxl::committed_regions()?;
    let Some(region) = regions.iter().find(|region| region.range.overlaps(&range)) else {
        return Ok(());
    };

    error(
        dev,
        c"a CXL region got hold of",
        region.range,
        EBUSY,
        c"; unbind and bind the parent device to decide again",
    );
    Err(EBUSY)
}
