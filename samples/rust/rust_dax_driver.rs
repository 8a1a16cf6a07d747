// SPDX-License-Identifier: GPL-2.0

//! Rust DAX driver sample.
//!
//! It is of the type that no device asks for, so it takes no device from another driver: it is
//! bound to a device only after user space wrote the name of the device to its `new_id`.
//!
//! To try it, with a device that no driver is bound to:
//!
//! ```sh
//! modprobe rust_dax_driver
//! cd /sys/bus/dax
//! echo dax0.0 > drivers/kmem/unbind
//! echo dax0.0 > drivers/rust_dax_driver/new_id
//! cat devices/dax0.0/capacity
//! ```

use kernel::{
    dax,
    device::{
        attribute::{
            self,
            Attribute,
            Groups,
            OfDevice, //
        },
        Bound,
        Core,
        Device, //
    },
    iomem::Memory,
    prelude::*, //
};

struct SampleDriver;

/// What the driver keeps for a device, as long as it is bound.
struct SampleData<'bound> {
    ranges: KVec<Memory<'bound>>,
}

impl<'bound> SampleData<'bound> {
    fn read(ddev: &'bound dax::Device<Core<'_>>) -> Result<Self> {
        let mut ranges = KVec::new();

        dev_info!(ddev, "memory of node {}\n", ddev.target_node());
        for memory in ddev.configuration().ranges() {
            let range = memory.range();

            dev_info!(ddev, "range {:#x}-{:#x}\n", range.start(), range.end());
            ranges.push(memory, GFP_KERNEL)?;
        }

        Ok(Self { ranges })
    }
}

impl dax::Driver for SampleDriver {
    type Data<'bound> = SampleData<'bound>;

    const TYPE: dax::DriverType = dax::DriverType::Fsdev;
    const ATTRIBUTES: Groups<OfDevice<dax::Adapter<Self>>> = kernel::attributes![Capacity];

    fn probe<'bound>(
        ddev: &'bound dax::Device<Core<'_>>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        SampleData::read(ddev)
    }

    fn unbind<'bound>(ddev: &'bound dax::Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) {
        dev_info!(ddev, "gave {} ranges back\n", data.ranges.len());
    }
}

/// The file `capacity` of a device: the bytes of all of its ranges.
struct Capacity;

#[vtable]
impl Attribute<dax::Adapter<SampleDriver>> for Capacity {
    const NAME: &'static CStr = c"capacity";

    fn show<'a>(
        _: &'a Device<Bound>,
        data: Pin<&SampleData<'a>>,
        page: &mut attribute::Page<'_>,
    ) -> Result {
        let bytes: u64 = data.ranges.iter().map(|memory| memory.range().len()).sum();

        page.emit(fmt!("{}\n", bytes))
    }
}

kernel::module_dax_driver! {
    type: SampleDriver,
    name: "rust_dax_driver",
    authors: ["The hmem_rs developers"],
    description: "Rust DAX driver sample",
    license: "GPL v2",
}
