// SPDX-License-Identifier: GPL-2.0

//! HMEM DAX: direct access to memory that platform firmware set aside.
//!
//! Firmware marks memory as Soft Reserved when it wants the kernel to keep ordinary allocations out
//! of it: high-bandwidth memory, or memory behind CXL. This module turns it into DAX devices, which
//! user space maps or the kernel adds to System RAM.
//!
//! Some of that memory belongs to CXL regions, whose driver makes DAX devices of it itself. Who
//! owns which byte is decided by the rule in [`ownership`]; [`platform`] finds the ranges and
//! knows when the time has come to decide, [`decision`] asks and carries out, [`ledger`] remembers
//! and tells user space, and [`region`] makes a DAX device of each piece.
//!
//! See also: `Documentation/driver-api/cxl/linux/hmem-rs.rst`

use kernel::{
    acpi,
    driver::Registration,
    iomem::soft_reserved,
    kmod,
    platform as platform_bus,
    prelude::*,
    range::Range,
    sync::Arc,
    workqueue::OwnedQueue,
    InPlaceModule, //
};

mod border;
mod decision;
mod ledger;
mod ownership;
mod platform;
mod region;

/// The module.
///
/// The fields are dropped in this order. The platform driver goes first, and takes the devices that
/// it made along; the queue, which is part of what they share, goes last, when there is nobody
/// left who would put off a decision.
#[pin_data]
struct HmemRs {
    #[pin]
    _platform_driver: Registration<platform_bus::Adapter<platform::Driver>>,
    #[pin]
    _region_driver: Registration<kernel::dax::region::Adapter<region::Driver>>,
    _ranges: border::RangesFile,
    _shared: border::Published,
}

impl InPlaceModule for HmemRs {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(move || {
            // Before the first walk.
            if cfg!(CONFIG_DEV_DAX_CXL) {
                request_cxl_modules();
            }

            let queue = Arc::new(OwnedQueue::new_ordered(c"hmem_rs")?, GFP_KERNEL)?;

            Ok(try_pin_init!(Self {
                _shared: border::Published::new(module, queue)?,
                _ranges: border::RangesFile::new(),
                // Before the platform driver: what that creates is bound at once.
                _region_driver <- Registration::new(region::NAME, module),
                _platform_driver <- Registration::new(platform::NAME, module),
            }))
        })
    }
}

/// What firmware that knows of CXL windows describes, for cxl_acpi to bind to.
const CXL_ROOT: &CStr = c"ACPI0017";

/// Has the modules loaded that put CXL regions together. Whether they exist is not our business.
// Inline, as what is part of the initialisation is freed after it.
#[inline]
fn request_cxl_modules() {
    // The windows become known, and the devices are found.
    if acpi::is_present(CXL_ROOT) {
        for name in [c"cxl_acpi", c"cxl_pci"] {
            let _ = kmod::request_module(name);
        }
    }
    // A module that somebody else is loading counts as loaded while its drivers probe
    // asynchronously, but the windows are not known before that of cxl_acpi is done.
    border::wait_for_async_probes();

    // Where no memory waits for a region, nobody needs the rest of CXL because of us.
    let somebody_waits =
        |parts: KVec<Range>| parts.iter().any(|&part| decision::waits_for_cxl(part));
    if soft_reserved::parts(Range::ALL).is_ok_and(somebody_waits) {
        // User space would load them too, when their devices appear, but a decision that waits for
        // probes does not wait for user space.
        for name in [c"cxl_port", c"cxl_mem"] {
            let _ = kmod::request_module(name);
        }
    }
}

module! {
    type: HmemRs,
    name: "hmem_rs",
    authors: ["The hmem_rs developers"],
    description: "HMEM DAX: direct access to 'specific purpose' memory",
    license: "GPL v2",
    alias: ["platform:hmem*", "platform:hmem_platform*", "dax_hmem"],
}
