// SPDX-License-Identifier: GPL-2.0

//! The driver `hmem_platform`: finds the ranges, and knows when the time has come to decide.
//!
//! A range that touches no CXL window is decided in the probe. The others wait for a work item, one
//! a host, which runs when CXL had its chance: when all probes that could put a CXL region together
//! are over. The work item takes the lock of the host, and does nothing unless the bind that queued
//! it is still in force. So there are three states, which change under that lock only:
//!
//! ```text
//!              probe, a range waits             work: decide, under the lock
//!   unbound ------------------------> waiting -------------------------------> decided
//!      ^  |                              |                                       ^  |
//!      |  +------------------------------|---------------------------------------+  |
//!      |     probe, no range waits       |                                          |
//!      +---------------------------------+------------------------------------------+
//!                                    unbind
//! ```
//!
//! Each bind starts anew with state of its own, and a work item belongs to the bind that queued it:
//! an item that comes late finds that bind over and does nothing. Nothing is remembered from one
//! bind to the next, hence each decides by the memory, windows and regions that there are then.

use kernel::{
    cxl,
    dax::hmem,
    device::{
        self,
        Bound,
        Core,
        Device, //
    },
    driver::ProbeType,
    impl_has_work,
    new_work,
    platform,
    prelude::*,
    range::Range,
    sync::{
        aref::ARef,
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
    workqueue::{
        Work,
        WorkItem, //
    }, //
};

use crate::{
    border::{
        self,
        debug, //
    },
    decision,
    ledger::{
        self,
        Bind, //
    }, //
};

/// The name of the driver and of the devices, which user space knows.
pub(crate) const NAME: &CStr = c"hmem_platform";

/// The driver.
pub(crate) struct Driver;

/// One bind of a host, for as long as it or a work item of it lasts.
#[pin_data]
struct Host {
    dev: ARef<platform::Device>,
    module: &'static ThisModule,
    bind: Bind,
    /// Whether the bind is in force. Changes under the lock of the device only.
    bound: Atomic<bool>,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl HasWork<Self> for Host { self.work }
}

/// What the driver keeps while it is bound.
pub(crate) struct Binding(Arc<Host>);

impl Drop for Binding {
    fn drop(&mut self) {
        // The driver core holds the lock of the device.
        self.0.bound.store(false, Relaxed);
        ledger::end(self.0.bind);
    }
}

impl platform::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Binding;

    // dax_cxl flushes the deferred decisions and goes ahead: they must be queued by then, whatever
    // is asked on the command line.
    const PROBE_TYPE: ProbeType = ProbeType::ForceSynchronous;

    fn probe<'bound>(
        pdev: &'bound platform::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        // User space can force any platform device upon a driver.
        if pdev.base_name() != NAME {
            dev_err!(
                pdev,
                "not a device of the hmem core, refusing it: clear its driver_override\n"
            );
            return Err(ENODEV);
        }

        bind(pdev)
    }
}

/// Decides what can be decided at once, and puts off the rest.
fn bind(pdev: &platform::Device<Core<'_>>) -> Result<Binding> {
    let dev: &Device<Bound> = pdev.as_ref();
    let (module, queue) = border::context().ok_or(ENODEV)?;
    let host = Arc::pin_init(
        try_pin_init!(Host {
            dev: pdev.into(),
            module,
            bind: ledger::begin()?,
            bound: Atomic::new(true),
            work <- new_work!("hmem_rs::Host"),
        }),
        GFP_KERNEL,
    )?;
    let binding = Binding(host.clone());

    let mut waits = false;
    let mut any = false;
    let mut first_error = Ok(());

    for hmem::Found { range, node } in hmem::ranges(dev)? {
        match scan(dev, host.bind, range, node) {
            Ok(Scan::Decided) => any = true,
            Ok(Scan::Waits) => waits = true,
            Ok(Scan::NotReserved) => (),
            Err(err) => first_error = first_error.and(Err(err)),
        }
    }

    if !any && !waits {
        first_error?;
    }
    if waits {
        // This cannot fail: the work item is new, hence not queued.
        let _ = queue.enqueue(host);
    }
    Ok(binding)
}

/// What the first look at a range tells.
enum Scan {
    NotReserved,
    Waits,
    Decided,
}

/// Looks at a range, and decides about it unless it has to wait. Errors are logged.
fn scan(dev: &Device<Bound>, bind: Bind, range: Range, node: i32) -> Result<Scan> {
    let report = |err: &Error| {
        border::error(
            dev,
            c"cannot look at",
            range,
            *err,
            c"; bind this device again",
        )
    };

    let reserved = decision::reserved_parts(range).inspect_err(report)?;
    if reserved.is_empty() {
        debug(dev, c"not Soft Reserved, skipping", range);
        return Ok(Scan::NotReserved);
    }

    let mut bytes = 0u64;
    let mut waits = false;
    for &part in &reserved {
        bytes = bytes.saturating_add(part.len());
        waits = waits || decision::waits_for_cxl(part);
    }

    let key = ledger::add(bind, dev, range, node, bytes).inspect_err(report)?;
    if waits {
        debug(dev, c"await CXL initial probe", range);
        return Ok(Scan::Waits);
    }

    // Committed regions lie in windows, so none can cover the range.
    decision::decide(dev, key, range, node, Ok(reserved), &mut [])?;
    Ok(Scan::Decided)
}

impl WorkItem for Host {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        border::wait_for_initcalls();

        // Not under the lock of the device: it would be held for as long as any probe takes.
        //
        // cxl_acpi has the bus look for drivers again in a work item of CXL's, which no one counts
        // as a probe; what that binds may in turn be probed asynchronously.
        device::wait_for_device_probe();
        cxl::flush_bus_work();
        device::wait_for_device_probe();

        // The guard goes before `this` does, hence the device is unlocked before the last reference
        // to it may be dropped.
        let dev: &Device = (*this.dev).as_ref();
        let guard = dev.lock();
        let Some(dev) = guard.bound_to(NAME, this.module) else {
            return;
        };
        if this.bound.load(Relaxed) {
            this.decide_waiting(dev);
        }
    }
}

impl Host {
    /// Decides about all ranges that wait. Errors are logged, and in the ledger.
    fn decide_waiting(&self, dev: &Device<Bound>) {
        let mut regions = cxl::committed_regions();
        let mut last = None;

        while let Some((key, range, node)) = ledger::next_waiting(self.bind, last) {
            last = Some(key);

            // Each range stands alone.
            let _ = match &mut regions {
                Ok(regions) => {
                    let reserved = decision::reserved_parts(range);

                    decision::decide(dev, key, range, node, reserved, regions)
                }
                Err(err) => decision::fail(dev, key, c"cannot ask CXL who owns", *err),
            };
        }
    }
}
