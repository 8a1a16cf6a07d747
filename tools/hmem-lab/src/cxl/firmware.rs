// SPDX-License-Identifier: GPL-2.0

//! The act: find the decoders of a stopped machine, program and commit them, let the machine go.

use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use serde_json::json;

use super::decoder::{
    control, count, Decoder, COMMITTED, COMMIT_ERROR, GLOBAL_CONTROL, GLOBAL_ENABLE,
};
use super::machine::AddressMap;
use super::programming::programming;
use super::sockets::{Qmp, Qtest};
use super::spec::CxlSpec;
use super::topology::{ConfigWrite, Place, Topology};

/// PCI configuration mechanism 1.
const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;
/// CXL.cache and CXL.mem registers, from the start of the component registers.
const CACHE_MEM: u64 = 0x1000;
/// Capability id of the HDM decoders.
const HDM_DECODERS: u32 = 5;
/// What an absent PCI function reads as.
const NOTHING: u32 = u32::MAX;

impl CxlSpec {
    /// The QEMU arguments that build this hardware.
    pub fn qemu_args(&self) -> Result<Vec<String>> {
        Ok(Topology::new(self)?.arguments)
    }

    /// Plays platform firmware on a machine that waits at `-S`: programs and commits the decoders of all
    /// regions, then lets the machine run. `qtest` and `qmp` are the sockets of those names.
    ///
    /// Fails without letting it run if the windows are not where the spec says or a decoder did not commit.
    pub fn program(&self, qtest: &Path, qmp: &Path) -> Result<()> {
        let topology = Topology::new(self)?;
        let wanted = programming(self, &topology)?;
        let mut qmp = Qmp::connect(qmp)?;
        let map = AddressMap::parse(&qmp.human("info mtree -o")?)?;
        self.compare(&map)?;
        let mut bus = Qtest::connect(qtest)?;
        if !wanted.is_empty() {
            for &write in &topology.opening {
                config_write(&mut bus, write)?;
            }
            // Devices first, host bridges last: nothing is decoded before its target is ready.
            for component in topology.components.iter().rev() {
                if let Some(decoders) = wanted.get(&component.id) {
                    commit(&mut bus, component.registers, decoders)
                        .with_context(|| format!("programming {}", component.id))?;
                }
            }
            for ((bridge, &registers), &decodes) in self
                .bridges
                .iter()
                .zip(&map.bridges)
                .zip(&topology.bridge_decodes)
            {
                if let (Some(decoders), true) = (wanted.get(&bridge.id), decodes) {
                    commit(&mut bus, registers, decoders)
                        .with_context(|| format!("programming {}", bridge.id))?;
                }
            }
            for &write in &topology.closing {
                config_write(&mut bus, write)?;
            }
        }
        qmp.execute("cont", json!({})).map(drop)
    }

    fn compare(&self, map: &AddressMap) -> Result<()> {
        ensure!(
            map.bridges.len() == self.bridges.len(),
            "QEMU has {} host bridges, the scenario {}",
            map.bridges.len(),
            self.bridges.len()
        );
        for (index, window) in self.windows.iter().enumerate() {
            let Some(real) = map.windows.get(index) else {
                bail!("QEMU has no window {index}")
            };
            ensure!(
                window.range().as_ref() == Some(real),
                "window {index} lies at {real}, the scenario says {:#x}: correct it there",
                window.at.0
            );
        }
        Ok(())
    }
}

fn config_write(bus: &mut Qtest, write: ConfigWrite) -> Result<()> {
    let Place { bus: number, slot } = write.place;
    let function = 0x8000_0000 | u32::from(number) << 16 | u32::from(slot) << 11;
    bus.port_out(CONFIG_ADDRESS, function)?;
    ensure!(
        bus.port_in(CONFIG_DATA)? != NOTHING,
        "nothing on PCI at {number:02x}:{slot:02x}.0"
    );
    bus.port_out(CONFIG_ADDRESS, function | u32::from(write.offset))?;
    bus.port_out(CONFIG_DATA, write.value)
}

/// Finds the HDM decoder capability in component registers.
fn decoders_at(bus: &mut Qtest, registers: u64) -> Result<u64> {
    let array = registers + CACHE_MEM;
    let header = bus.read(array)?;
    for entry in 1..=u64::from(header >> 24) {
        let capability = bus.read(array + 4 * entry)?;
        if capability & 0xffff == HDM_DECODERS {
            return Ok(array + u64::from(capability >> 20));
        }
    }
    bail!("no HDM decoders in the registers at {registers:#x} (array header {header:#x})")
}

fn commit(bus: &mut Qtest, registers: u64, decoders: &[Decoder]) -> Result<()> {
    let hdm = decoders_at(bus, registers)?;
    let there_are = count(bus.read(hdm)?);
    ensure!(
        decoders.len() as u32 <= there_are,
        "{} regions, but only {there_are} decoders",
        decoders.len()
    );
    for (index, decoder) in (0..).zip(decoders) {
        for (offset, value) in decoder.writes(index).map_err(anyhow::Error::msg)? {
            bus.write(hdm + offset, value)?;
        }
        let state = bus.read(hdm + control(index))?;
        ensure!(
            state & COMMITTED != 0 && state & COMMIT_ERROR == 0,
            "decoder {index} refused {:#x}+{:#x} (control {state:#x})",
            decoder.base,
            decoder.size
        );
    }
    bus.write(hdm + GLOBAL_CONTROL, GLOBAL_ENABLE)
}
