// SPDX-License-Identifier: GPL-2.0

//! The driver of the DAX bus.

use crate::{
    command::Command,
    memory::{
        DeviceMemory,
        Exclusive,
        BOUND, //
    },
    set,
    state::State, //
};
use kernel::{
    dax,
    device::{
        attribute::{
            self,
            Attribute,
            DriverAttribute,
            Groups,
            OfDevice,
            OfDriver, //
        },
        Bound,
        Core,
        Device, //
    },
    prelude::*, //
};

pub(crate) struct Kmem;

impl dax::Driver for Kmem {
    type Data<'bound> = DeviceMemory<'bound>;

    const TYPE: dax::DriverType = dax::DriverType::Kmem;
    const ATTRIBUTES: Groups<OfDevice<dax::Adapter<Self>>> = kernel::attributes![StateFile];
    const DRIVER_ATTRIBUTES: Groups<OfDriver> = kernel::attributes![driver: SetStateFile];
    const DEVICES: Option<dax::ListName<Self>> = dax::bound_devices!(BOUND);

    fn probe<'bound>(
        ddev: &'bound dax::Device<Core<'_>>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        // In a scope, so that nothing that could fail comes after the memory was added.
        pin_init::pin_init_scope(move || DeviceMemory::bind(ddev))
    }

    fn unbind<'bound>(_: &'bound dax::Device<Core<'_>>, data: Pin<&Self::Data<'bound>>) {
        data.unbind();
    }
}

/// `/sys/bus/dax/devices/daxX.Y/state`: the memory of one device.
struct StateFile;

#[vtable]
impl Attribute<dax::Adapter<Kmem>> for StateFile {
    const NAME: &'static CStr = c"state";

    fn show<'a>(
        _: &'a Device<Bound>,
        memory: Pin<&DeviceMemory<'a>>,
        page: &mut attribute::Page<'_>,
    ) -> Result {
        page.emit(fmt!("{}\n", memory.state().as_str()))
    }

    fn store<'a>(_: &'a Device<Bound>, memory: Pin<&DeviceMemory<'a>>, text: &[u8]) -> Result {
        let wanted = State::requested(attribute::word(text))?;

        set::apply(&Exclusive::new(), &[memory.get_ref()], wanted)
    }
}

/// `/sys/bus/dax/drivers/kmem/set_state`: the memory of several devices, as a unit.
struct SetStateFile;

#[vtable]
impl DriverAttribute for SetStateFile {
    const NAME: &'static CStr = c"set_state";

    fn store(text: &[u8]) -> Result {
        Command::parse(attribute::word(text))?.run()
    }
}
