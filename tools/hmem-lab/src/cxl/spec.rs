// SPDX-License-Identifier: GPL-2.0

//! The `[cxl]` table of a scenario: what is plugged together, and what the firmware programmed.
//!
//! ```toml
//! [[cxl.bridge]]              # a host bridge; several interleave or have windows of their own
//! id = "hb0"
//! [[cxl.device]]              # a memory expander below it
//! id = "mem0"
//! under = "hb0"
//! size = "512M"
//! [[cxl.window]]              # what the host decodes for CXL; `at` is checked against the machine
//! at = "0x190000000"
//! size = "4G"
//! bridges = ["hb0"]
//! [[cxl.region]]              # what the firmware committed before the kernel started
//! at = "0x190000000"
//! size = "256M"
//! devices = ["mem0"]
//! ```

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure, Context, Result};
use serde::Deserialize;

use super::decoder::{granularity_code, ways_code, STEP};
use crate::size::{Range, Size};

/// CXL hardware and what the platform firmware made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CxlSpec {
    /// Host bridges.
    #[serde(rename = "bridge")]
    pub bridges: Vec<Bridge>,
    /// Switches below host bridges.
    #[serde(rename = "switch")]
    pub switches: Vec<Switch>,
    /// Memory expanders.
    #[serde(rename = "device")]
    pub devices: Vec<Device>,
    /// Windows of the host's address map, in address order.
    #[serde(rename = "window")]
    pub windows: Vec<Window>,
    /// Regions that the firmware commits.
    #[serde(rename = "region")]
    pub regions: Vec<Region>,
}

/// A CXL host bridge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bridge {
    /// Its name here and in QEMU.
    pub id: String,
    /// Whether it has decoders though it has one port only. Without them Linux cannot assemble a region
    /// that the firmware programmed.
    #[serde(default = "yes")]
    pub decoders: bool,
}

/// A switch: one port up, one down for each device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Switch {
    /// Its name here and in QEMU.
    pub id: String,
    /// The bridge that it is plugged into.
    pub under: String,
}

/// A Type-3 device with volatile memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Device {
    /// Its name here and in QEMU.
    pub id: String,
    /// The bridge or switch that it is plugged into.
    pub under: String,
    /// Bytes of memory.
    pub size: Size,
}

/// A part of the host's address map that goes to CXL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// Its first address. The machine's layout decides it; a wrong one stops the run and names the right one.
    pub at: Size,
    /// Bytes.
    pub size: Size,
    /// The bridges that it interleaves over, in order.
    pub bridges: Vec<String>,
    /// Bytes for one bridge before the next.
    #[serde(default = "finest")]
    pub granularity: u32,
}

/// A region that the firmware programmed and committed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Region {
    /// Its first address.
    pub at: Size,
    /// Bytes.
    pub size: Size,
    /// The devices that it interleaves over, in order.
    pub devices: Vec<String>,
    /// Bytes for one device before the next.
    #[serde(default = "finest")]
    pub granularity: u32,
    /// Device memory passed over before it, on each of its devices.
    #[serde(default = "none")]
    pub skip: Size,
    /// Whether its decoders are locked.
    #[serde(default)]
    pub locked: bool,
}

fn yes() -> bool {
    true
}

fn finest() -> u32 {
    256
}

fn none() -> Size {
    Size(0)
}

/// How many host bridges fit: each takes a stretch of PCI bus numbers.
const BRIDGES: usize = 8;

impl Window {
    /// Its addresses.
    pub fn range(&self) -> Option<Range> {
        Range::sized(self.at.0, self.size.0)
    }
}

impl Region {
    /// Its addresses.
    pub fn range(&self) -> Option<Range> {
        Range::sized(self.at.0, self.size.0)
    }
}

impl CxlSpec {
    /// Finds what cannot be built or programmed, before anything is started.
    pub fn check(&self) -> Result<()> {
        ensure!(!self.bridges.is_empty(), "[cxl] has no [[cxl.bridge]]");
        ensure!(
            self.bridges.len() <= BRIDGES,
            "[cxl] has more than {BRIDGES} bridges"
        );
        self.check_names()?;
        for window in &self.windows {
            self.check_window(window)
                .with_context(|| format!("window at {:#x}", window.at.0))?;
        }
        for pair in self.windows.windows(2) {
            ensure!(pair[0].at < pair[1].at, "windows must be in address order");
        }
        for region in &self.regions {
            self.check_region(region)
                .with_context(|| format!("region at {:#x}", region.at.0))?;
        }
        for (i, region) in self.regions.iter().enumerate() {
            for other in &self.regions[..i] {
                let (Some(a), Some(b)) = (region.range(), other.range()) else {
                    continue;
                };
                ensure!(
                    a.end < b.start || b.end < a.start,
                    "regions {a} and {b} overlap"
                );
            }
        }
        self.check_capacity()
    }

    fn check_names(&self) -> Result<()> {
        let mut ids = BTreeSet::new();
        let all = (self.bridges.iter().map(|it| &it.id))
            .chain(self.switches.iter().map(|it| &it.id))
            .chain(self.devices.iter().map(|it| &it.id));
        for id in all {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            ensure!(
                id.starts_with(|c: char| c.is_ascii_alphabetic()) && id.chars().all(plain),
                "bad id {id:?}"
            );
            ensure!(ids.insert(id), "two things are named {id}");
        }
        for switch in &self.switches {
            ensure!(
                self.is_bridge(&switch.under),
                "switch {}: no bridge {}",
                switch.id,
                switch.under
            );
            ensure!(
                self.devices.iter().any(|device| device.under == switch.id),
                "switch {} has no devices",
                switch.id
            );
        }
        for device in &self.devices {
            ensure!(
                self.is_bridge(&device.under) || self.is_switch(&device.under),
                "device {}: no bridge or switch {}",
                device.id,
                device.under
            );
            // QEMU refuses other sizes of device memory.
            ensure!(
                device.size.0 != 0 && device.size.0 % STEP == 0,
                "device {}: its size must be a multiple of 256M",
                device.id
            );
        }
        Ok(())
    }

    fn check_window(&self, window: &Window) -> Result<()> {
        ensure!(window.range().is_some(), "it has no size");
        ensure!(
            window.at.0 % STEP == 0 && window.size.0 % STEP == 0,
            "not a multiple of 256M"
        );
        for bridge in &window.bridges {
            ensure!(self.is_bridge(bridge), "no bridge {bridge}");
        }
        let ways = window.bridges.len();
        ensure!(
            [1, 2, 4].contains(&ways),
            "it interleaves over {ways} bridges, not 1, 2 or 4"
        );
        ensure!(
            granularity_code(window.granularity).is_some(),
            "bad granularity {}",
            window.granularity
        );
        Ok(())
    }

    fn check_region(&self, region: &Region) -> Result<()> {
        let window = self.window_of(region)?;
        ensure!(
            region.at.0 % STEP == 0 && region.size.0 % STEP == 0,
            "not a multiple of 256M"
        );
        let ways = region.devices.len();
        ensure!(
            u8::try_from(ways).ok().and_then(ways_code).is_some(),
            "{ways} devices cannot interleave"
        );
        ensure!(
            region.size.0 % (STEP * ways as u64) == 0,
            "each device's share must be a multiple of 256M"
        );
        ensure!(
            granularity_code(region.granularity).is_some(),
            "bad granularity {}",
            region.granularity
        );
        let bridges = window.bridges.len();
        ensure!(
            ways % bridges == 0,
            "{ways} devices do not spread over the window's {bridges} bridges"
        );
        ensure!(
            bridges == 1 || region.granularity == window.granularity,
            "its granularity must be the window's ({}) as that interleaves",
            window.granularity
        );
        let mut seen = BTreeSet::new();
        for (position, id) in region.devices.iter().enumerate() {
            ensure!(seen.insert(id), "device {id} is in it twice");
            let bridge = self.bridge_of(id)?;
            let wanted = &window.bridges[position % bridges];
            ensure!(
                bridge == wanted,
                "device {id} is below {bridge}; position {position} is {wanted}'s"
            );
        }
        Ok(())
    }

    fn check_capacity(&self) -> Result<()> {
        let mut used: BTreeMap<&str, u64> = BTreeMap::new();
        for region in &self.regions {
            for id in &region.devices {
                *used.entry(id).or_default() +=
                    region.skip.0 + region.size.0 / region.devices.len() as u64;
            }
        }
        for device in &self.devices {
            let used = Size(used.get(device.id.as_str()).copied().unwrap_or(0));
            ensure!(
                used <= device.size,
                "regions take {used} of device {}, which has {}",
                device.id,
                device.size
            );
        }
        Ok(())
    }

    /// The window that a region lies in.
    pub(super) fn window_of(&self, region: &Region) -> Result<&Window> {
        let Some(range) = region.range() else {
            bail!("it has no size")
        };
        self.windows
            .iter()
            .find(|window| {
                window
                    .range()
                    .is_some_and(|it| it.start <= range.start && range.end <= it.end)
            })
            .context("no window holds it")
    }

    /// The device of that name.
    pub(super) fn device(&self, id: &str) -> Result<&Device> {
        self.devices
            .iter()
            .find(|device| device.id == id)
            .with_context(|| format!("no device {id}"))
    }

    /// The bridge above a device.
    pub(super) fn bridge_of(&self, id: &str) -> Result<&str> {
        let under = self.device(id)?.under.as_str();
        Ok(self
            .switches
            .iter()
            .find(|switch| switch.id == under)
            .map_or(under, |switch| &switch.under))
    }

    fn is_bridge(&self, id: &str) -> bool {
        self.bridges.iter().any(|bridge| bridge.id == id)
    }

    fn is_switch(&self, id: &str) -> bool {
        self.switches.iter().any(|switch| switch.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        [[bridge]]
        id = "hb0"
        [[device]]
        id = "mem0"
        under = "hb0"
        size = "512M"
        [[window]]
        at = "0x190000000"
        size = "4G"
        bridges = ["hb0"]
        [[region]]
        at = "0x190000000"
        size = "256M"
        devices = ["mem0"]
    "#;

    fn check(text: &str) -> Result<()> {
        toml::from_str::<CxlSpec>(text)?.check()
    }

    #[test]
    fn takes_a_good_one() {
        check(SMALL).unwrap();
    }

    #[test]
    fn refuses_what_cannot_be_built() {
        for (from, to, says) in [
            (
                "under = \"hb0\"",
                "under = \"hb1\"",
                "no bridge or switch hb1",
            ),
            (
                "bridges = [\"hb0\"]",
                "bridges = [\"mem0\"]",
                "no bridge mem0",
            ),
            ("\"256M\"", "\"128M\"", "multiple of 256M"),
            (
                "\"256M\"",
                "\"1G\"",
                "take 1G of device mem0, which has 512M",
            ),
            (
                "at = \"0x190000000\"\n        size = \"256M\"",
                "at = \"4G\"\nsize = \"256M\"",
                "no window holds it",
            ),
            (
                "devices = [\"mem0\"]",
                "devices = [\"mem0\", \"mem0\"]",
                "each device's share",
            ),
            (
                "devices = [\"mem0\"]",
                "devices = [\"mem7\"]",
                "no device mem7",
            ),
            (
                "devices = [\"mem0\"]",
                "devices = [\"mem0\"]\ngranularity = 100",
                "bad granularity",
            ),
            ("id = \"mem0\"", "id = \"hb0\"", "two things are named hb0"),
            ("id = \"mem0\"", "id = \"a,b\"", "bad id"),
            ("under = \"hb0\"", "undre = \"hb0\"", "undre"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let error = format!("{:#}", check(&SMALL.replace(from, to)).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn refuses_overlapping_regions() {
        let text = format!(
            "{SMALL}\n[[region]]\nat = \"0x190000000\"\nsize = \"256M\"\ndevices = [\"mem0\"]\n"
        );
        assert!(format!("{:#}", check(&text).unwrap_err()).contains("overlap"));
    }
}
