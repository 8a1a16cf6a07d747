// SPDX-License-Identifier: GPL-2.0

//! How the parts of a [`CxlSpec`] hang together: ports, PCI bus numbers and register addresses.
//!
//! Pure: the QEMU arguments that build it, and the PCI configuration writes that make its registers
//! reachable, the way firmware does before it knows anything about CXL.

use anyhow::Result;

use super::spec::CxlSpec;

/// Where a function sits on PCI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Bus number.
    pub(super) bus: u8,
    /// Slot on that bus; the function is always 0.
    pub(super) slot: u8,
}

/// What can hold decoders, beside a host bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    /// The switch or device it belongs to.
    pub(super) id: String,
    /// Where its component registers appear once [`Topology::opening`] is written.
    pub(super) registers: u64,
}

/// A port that leads down, from a host bridge or a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// The bridge or switch that has it.
    pub(super) of: String,
    /// Its port number, which decoders use as target.
    pub(super) number: u8,
    /// The switch or device in it.
    pub(super) holds: String,
}

/// A write to a function's PCI configuration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfigWrite {
    /// The function.
    pub(super) place: Place,
    /// Offset, a multiple of 4.
    pub(super) offset: u8,
    /// What to write.
    pub(super) value: u32,
}

/// All parts at their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Topology {
    /// Ports that lead down, bridge by bridge.
    pub(super) ports: Vec<Port>,
    /// Switches and devices.
    pub(super) components: Vec<Component>,
    /// Configuration writes that open the way to all component registers, from the root down.
    pub(super) opening: Vec<ConfigWrite>,
    /// Configuration writes that take the addresses away again, so that the BIOS finds what it expects.
    pub(super) closing: Vec<ConfigWrite>,
    /// QEMU arguments.
    pub(super) arguments: Vec<String>,
    /// The host bridges' decoder sets, in the order of the spec: whether there is one.
    pub(super) bridge_decodes: Vec<bool>,
}

/// First address for component registers while the firmware works; free on q35 at that time.
const REGISTERS: u32 = 0xe000_0000;
/// A bridge forwards memory in steps of this.
const MEGABYTE: u32 = 1 << 20;

const COMMAND: u8 = 0x04;
const MEMORY_AND_MASTER: u32 = 0x6;
const BAR0: u8 = 0x10;
const BAR1: u8 = 0x14;
const BUS_NUMBERS: u8 = 0x18;
const MEMORY_WINDOW: u8 = 0x20;

/// PCI bus number of host bridge `index`; leaves room for 31 buses below each.
fn root_bus(index: usize) -> u8 {
    0x10 + 0x20 * index as u8
}

/// Gives out buses, addresses and slots from the root down.
struct Walk {
    bus: u8,
    address: u32,
    slot: u16,
    out: Topology,
}

impl Walk {
    fn argument(&mut self, name: &str, value: String) {
        self.out.arguments.extend([name.to_string(), value]);
    }

    fn config(&mut self, place: Place, offset: u8, value: u32) {
        self.out.opening.push(ConfigWrite {
            place,
            offset,
            value,
        });
        if offset == COMMAND {
            // Innermost first: a bridge is closed after what lies below it.
            self.out.closing.insert(
                0,
                ConfigWrite {
                    place,
                    offset,
                    value: 0,
                },
            );
        }
    }

    /// Passes buses and addresses on to what `below` puts behind the bridge function at `place`. The
    /// bridge must be open before anything below it can be reached, so the space is measured first.
    fn bridge(&mut self, place: Place, below: &dyn Fn(&mut Walk, u8)) {
        let secondary = self.bus + 1;
        let first = self.address;
        let mut inner = Walk {
            bus: secondary,
            address: first,
            slot: self.slot,
            out: Topology::default(),
        };
        below(&mut inner, secondary);
        let buses = u32::from(place.bus) | u32::from(secondary) << 8 | u32::from(inner.bus) << 16;
        self.config(place, BUS_NUMBERS, buses);
        self.config(
            place,
            MEMORY_WINDOW,
            (inner.address - 1) & 0xfff0_0000 | first >> 16,
        );
        self.config(place, COMMAND, MEMORY_AND_MASTER);
        self.bus = inner.bus;
        self.address = inner.address;
        self.slot = inner.slot;
        self.out.ports.append(&mut inner.out.ports);
        self.out.components.append(&mut inner.out.components);
        self.out.opening.append(&mut inner.out.opening);
        inner.out.closing.append(&mut self.out.closing);
        self.out.closing = inner.out.closing;
        self.out.arguments.append(&mut inner.out.arguments);
    }

    /// Gives the function at `place` a megabyte for its component registers.
    fn registers(&mut self, place: Place, id: &str) {
        self.config(place, BAR0, self.address);
        self.config(place, BAR1, 0);
        self.out.components.push(Component {
            id: id.to_string(),
            registers: u64::from(self.address),
        });
        self.address += MEGABYTE;
    }

    fn device(&mut self, spec: &CxlSpec, bus: u8, port: &str, id: &str) {
        let place = Place { bus, slot: 0 };
        let (serial, size) = spec
            .devices
            .iter()
            .enumerate()
            .find_map(|(index, device)| (device.id == id).then_some((index + 1, device.size.0)))
            .unwrap_or_default();
        self.argument(
            "-object",
            format!("memory-backend-ram,id={id}-ram,size={size},share=on"),
        );
        self.argument(
            "-device",
            format!("cxl-type3,bus={port},id={id},volatile-memdev={id}-ram,sn={serial}"),
        );
        self.registers(place, id);
        self.config(place, COMMAND, MEMORY_AND_MASTER);
    }

    fn port(&mut self, of: &str, kind: &str, place: Place, holds: &str) -> String {
        let name = format!("{of}-port{}", place.slot);
        self.slot += 1;
        let number = place.slot;
        self.argument(
            "-device",
            format!(
                "{kind},bus={of},id={name},port={number},addr={number:#x},chassis=0,slot={}",
                self.slot
            ),
        );
        self.out.ports.push(Port {
            of: of.to_string(),
            number,
            holds: holds.to_string(),
        });
        name
    }

    fn switch(&mut self, spec: &CxlSpec, bus: u8, port: &str, id: &str) {
        let place = Place { bus, slot: 0 };
        self.argument("-device", format!("cxl-upstream,bus={port},id={id}"));
        self.registers(place, id);
        // Its own registers lie before what it forwards.
        self.bridge(place, &|walk, secondary| {
            let devices = spec.devices.iter().filter(|device| device.under == id);
            for (slot, device) in devices.enumerate() {
                let place = Place {
                    bus: secondary,
                    slot: slot as u8,
                };
                let port = walk.port(id, "cxl-downstream", place, &device.id);
                walk.bridge(place, &|walk, bus| {
                    walk.device(spec, bus, &port, &device.id)
                });
            }
        });
    }
}

impl Topology {
    /// Lays out a spec that passed [`CxlSpec::check`].
    pub(super) fn new(spec: &CxlSpec) -> Result<Self> {
        spec.check()?;
        let mut walk = Walk {
            bus: 0,
            address: REGISTERS,
            slot: 0,
            out: Self::default(),
        };
        walk.argument("-M", machine(spec));
        for (index, bridge) in spec.bridges.iter().enumerate() {
            let root = root_bus(index);
            walk.bus = root;
            let id = bridge.id.as_str();
            let decoders = if bridge.decoders { "on" } else { "off" };
            walk.argument(
                "-device",
                format!("pxb-cxl,bus=pcie.0,id={id},bus_nr={root},hdm_for_passthrough={decoders}"),
            );
            let plugged = (spec
                .switches
                .iter()
                .filter(|it| it.under == id)
                .map(|it| (&it.id, true)))
            .chain(
                spec.devices
                    .iter()
                    .filter(|it| it.under == id)
                    .map(|it| (&it.id, false)),
            );
            let mut ports = 0;
            for (slot, (below, is_switch)) in plugged.enumerate() {
                let place = Place {
                    bus: root,
                    slot: slot as u8,
                };
                let port = walk.port(id, "cxl-rp", place, below);
                walk.bridge(place, &|walk, bus| {
                    if is_switch {
                        walk.switch(spec, bus, &port, below);
                    } else {
                        walk.device(spec, bus, &port, below);
                    }
                });
                ports += 1;
            }
            walk.out.bridge_decodes.push(bridge.decoders || ports > 1);
        }
        Ok(walk.out)
    }

    /// The port of `of` that leads to `id`, itself or through a switch in that port.
    pub(super) fn port_to(&self, of: &str, id: &str) -> Option<u8> {
        self.ports
            .iter()
            .find(|port| {
                port.of == of && (port.holds == id || self.port_to(&port.holds, id).is_some())
            })
            .map(|port| port.number)
    }
}

/// The machine's CXL properties; QEMU wants all windows in one argument.
fn machine(spec: &CxlSpec) -> String {
    let mut text = "cxl=on".to_string();
    for (index, window) in spec.windows.iter().enumerate() {
        for (target, bridge) in window.bridges.iter().enumerate() {
            text += &format!(",cxl-fmw.{index}.targets.{target}={bridge}");
        }
        text += &format!(",cxl-fmw.{index}.size={}", window.size.0);
        if window.bridges.len() > 1 {
            text += &format!(
                ",cxl-fmw.{index}.interleave-granularity={}",
                window.granularity
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> CxlSpec {
        toml::from_str(text).unwrap()
    }

    fn two_below_a_switch() -> CxlSpec {
        spec(
            r#"
            bridge = [{ id = "hb0" }, { id = "hb1", decoders = false }]
            switch = [{ id = "sw0", under = "hb0" }]
            device = [
                { id = "mem0", under = "sw0", size = "512M" },
                { id = "mem1", under = "sw0", size = "512M" },
                { id = "mem2", under = "hb0", size = "256M" },
                { id = "mem3", under = "hb1", size = "256M" },
            ]
            window = [{ at = "0x190000000", size = "4G", bridges = ["hb0"] }]
            "#,
        )
    }

    #[test]
    fn ports_lead_to_devices_through_switches() {
        let topology = Topology::new(&two_below_a_switch()).unwrap();
        assert_eq!(topology.port_to("hb0", "mem1"), Some(0));
        assert_eq!(topology.port_to("sw0", "mem1"), Some(1));
        assert_eq!(topology.port_to("hb0", "mem2"), Some(1));
        assert_eq!(topology.port_to("hb1", "mem2"), None);
        assert_eq!(topology.bridge_decodes, [true, false]);
    }

    #[test]
    fn buses_and_windows_nest() {
        let topology = Topology::new(&two_below_a_switch()).unwrap();
        let value = |bus, slot, offset| {
            let place = Place { bus, slot };
            topology
                .opening
                .iter()
                .find(|it| it.place == place && it.offset == offset)
                .unwrap()
                .value
        };
        // Root port 0: buses 17 (the switch) to 20, registers of switch and two devices.
        assert_eq!(value(0x10, 0, BUS_NUMBERS), 0x14_11_10);
        assert_eq!(value(0x10, 0, MEMORY_WINDOW), 0xe020_e000);
        // The switch forwards what lies after its own registers.
        assert_eq!(value(0x11, 0, BAR0), 0xe000_0000);
        assert_eq!(value(0x11, 0, BUS_NUMBERS), 0x14_12_11);
        assert_eq!(value(0x11, 0, MEMORY_WINDOW), 0xe020_e010);
        assert_eq!(value(0x12, 1, BUS_NUMBERS), 0x14_14_12);
        assert_eq!(value(0x14, 0, BAR0), 0xe020_0000);
        // The next root port goes on after it, the next bridge has its own buses.
        assert_eq!(value(0x10, 1, BUS_NUMBERS), 0x15_15_10);
        assert_eq!(value(0x30, 0, BUS_NUMBERS), 0x31_31_30);
        let registers: Vec<_> = topology
            .components
            .iter()
            .map(|it| (it.id.as_str(), it.registers))
            .collect();
        assert_eq!(
            registers,
            [
                ("sw0", 0xe000_0000),
                ("mem0", 0xe010_0000),
                ("mem1", 0xe020_0000),
                ("mem2", 0xe030_0000),
                ("mem3", 0xe040_0000)
            ]
        );
    }

    #[test]
    fn opens_from_the_root_and_closes_towards_it() {
        let topology = Topology::new(&two_below_a_switch()).unwrap();
        let opened: Vec<_> = topology
            .opening
            .iter()
            .filter(|it| it.offset == COMMAND)
            .map(|it| it.place)
            .collect();
        let mut closed: Vec<_> = topology.closing.iter().map(|it| it.place).collect();
        assert_eq!(opened[0], Place { bus: 0x10, slot: 0 });
        let last = *closed.last().unwrap();
        assert!(last.bus == 0x10 || last.bus == 0x30, "{last:?}");
        closed.reverse();
        let sort = |mut places: Vec<Place>| {
            places.sort_by_key(|place| (place.bus, place.slot));
            places
        };
        assert_eq!(sort(opened), sort(closed));
    }

    #[test]
    fn says_it_to_qemu() {
        let arguments = Topology::new(&two_below_a_switch())
            .unwrap()
            .arguments
            .join(" ");
        for words in [
            "-M cxl=on,cxl-fmw.0.targets.0=hb0,cxl-fmw.0.size=4294967296 ",
            "-device pxb-cxl,bus=pcie.0,id=hb1,bus_nr=48,hdm_for_passthrough=off",
            "-device cxl-upstream,bus=hb0-port0,id=sw0",
            "-device cxl-downstream,bus=sw0,id=sw0-port1,port=1,addr=0x1,chassis=0,slot=3",
            "-device cxl-type3,bus=hb0-port1,id=mem2,volatile-memdev=mem2-ram,sn=3",
        ] {
            assert!(arguments.contains(words), "{words}\n{arguments}");
        }
    }
}
