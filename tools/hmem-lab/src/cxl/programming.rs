// SPDX-License-Identifier: GPL-2.0

//! From regions to decoders: what each device, switch and host bridge is programmed to.
//!
//! Pure. A region's device at position `p` is reached through window target `p mod bridges`, then the
//! bridge's and the switch's targets in turn, so each level interleaves coarser than the one above it.

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};

use super::decoder::{Decoder, Route};
use super::spec::{CxlSpec, Region};
use super::topology::Topology;

/// The decoders of each device, switch and host bridge, by name, in decoder order.
pub(super) type Programming = BTreeMap<String, Vec<Decoder>>;

/// Works out the decoders for all regions of a spec that passed [`CxlSpec::check`].
pub(super) fn programming(spec: &CxlSpec, topology: &Topology) -> Result<Programming> {
    let mut regions: Vec<&Region> = spec.regions.iter().collect();
    // The specification wants decoders of one component in ascending address order.
    regions.sort_by_key(|region| region.at);
    let mut all = Programming::new();
    for region in regions {
        one(spec, topology, region, &mut all)
            .with_context(|| format!("region at {:#x}", region.at.0))?;
    }
    Ok(all)
}

fn one(spec: &CxlSpec, topology: &Topology, region: &Region, all: &mut Programming) -> Result<()> {
    let mut add = |id: &str, ways: usize, granularity: u32, route: Route| {
        all.entry(id.to_string()).or_default().push(Decoder {
            base: region.at.0,
            size: region.size.0,
            ways: ways as u8,
            // One target needs no granularity, but the registers hold one.
            granularity: if ways == 1 {
                region.granularity
            } else {
                granularity
            },
            route,
            locked: region.locked,
        });
    };
    for id in &region.devices {
        let route = Route::Memory {
            skip: region.skip.0,
        };
        add(id, region.devices.len(), region.granularity, route);
    }
    let bridges = &spec.window_of(region)?.bridges;
    for (index, bridge) in bridges.iter().enumerate() {
        let below: Vec<&str> = region
            .devices
            .iter()
            .skip(index)
            .step_by(bridges.len())
            .map(String::as_str)
            .collect();
        let ports = targets(topology, bridge, &below)?;
        let coarser = region.granularity * bridges.len() as u32;
        for switch in spec
            .switches
            .iter()
            .filter(|switch| &switch.under == bridge)
        {
            let behind = |id: &&&str| {
                spec.device(id)
                    .is_ok_and(|device| device.under == switch.id)
            };
            let below: Vec<&str> = below.iter().filter(behind).copied().collect();
            if !below.is_empty() {
                let outer = coarser * ports.len() as u32;
                let ports = targets(topology, &switch.id, &below)?;
                add(&switch.id, ports.len(), outer, Route::Ports(ports));
            }
        }
        add(bridge, ports.len(), coarser, Route::Ports(ports));
    }
    Ok(())
}

/// The ports of `of` that lead to `devices`, in interleave order: each once, in the order that repeats.
fn targets(topology: &Topology, of: &str, devices: &[&str]) -> Result<Vec<u8>> {
    let ports: Vec<u8> = devices
        .iter()
        .map(|id| {
            topology
                .port_to(of, id)
                .with_context(|| format!("device {id} is not below {of}"))
        })
        .collect::<Result<_>>()?;
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let first: Vec<u8> = ports.iter().take(distinct.len()).copied().collect();
    ensure!(
        ports
            .iter()
            .enumerate()
            .all(|(at, port)| *port == first[at % first.len()])
            && {
                let mut sorted = first.clone();
                sorted.sort_unstable();
                sorted == distinct
            },
        "its devices must take turns over the ports of {of} (they use {ports:?})"
    );
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Programming> {
        let spec: CxlSpec = toml::from_str(text).unwrap();
        let topology = Topology::new(&spec)?;
        programming(&spec, &topology)
    }

    const FOUR: &str = r#"
        bridge = [{ id = "hb0" }, { id = "hb1" }]
        switch = [{ id = "sw0", under = "hb0" }, { id = "sw1", under = "hb1" }]
        device = [
            { id = "a", under = "sw0", size = "512M" },
            { id = "b", under = "sw1", size = "512M" },
            { id = "c", under = "sw0", size = "512M" },
            { id = "d", under = "sw1", size = "512M" },
        ]
        window = [{ at = "0x190000000", size = "4G", bridges = ["hb0", "hb1"] }]
        region = [{ at = "0x190000000", size = "1G", devices = ["a", "b", "c", "d"] }]
    "#;

    #[test]
    fn each_level_is_coarser() {
        let all = plan(FOUR).unwrap();
        let a = &all["a"][0];
        assert_eq!(
            (a.ways, a.granularity, &a.route),
            (4, 256, &Route::Memory { skip: 0 })
        );
        let bridge = &all["hb1"][0];
        assert_eq!((bridge.ways, &bridge.route), (1, &Route::Ports(vec![0])));
        let switch = &all["sw1"][0];
        assert_eq!(
            (switch.ways, switch.granularity, &switch.route),
            (2, 512, &Route::Ports(vec![0, 1]))
        );
    }

    #[test]
    fn order_on_the_switch_follows_positions() {
        let all =
            plan(&FOUR.replace(r#"["a", "b", "c", "d"]"#, r#"["c", "b", "a", "d"]"#)).unwrap();
        assert_eq!(all["sw0"][0].route, Route::Ports(vec![1, 0]));
        assert_eq!(all["sw1"][0].route, Route::Ports(vec![0, 1]));
    }

    #[test]
    fn decoders_ascend_whatever_the_order_in_the_file() {
        let all = plan(
            r#"
            bridge = [{ id = "hb0" }]
            device = [{ id = "a", under = "hb0", size = "1G" }]
            window = [{ at = "0x190000000", size = "4G", bridges = ["hb0"] }]
            region = [
                { at = "0x1b0000000", size = "256M", devices = ["a"], locked = true },
                { at = "0x190000000", size = "256M", devices = ["a"], skip = "256M" },
            ]
            "#,
        )
        .unwrap();
        let bases: Vec<_> = all["hb0"]
            .iter()
            .map(|decoder| (decoder.base, decoder.locked))
            .collect();
        assert_eq!(bases, [(0x1_9000_0000, false), (0x1_b000_0000, true)]);
        assert_eq!(all["a"][0].route, Route::Memory { skip: 256 << 20 });
    }

    #[test]
    fn devices_must_take_turns() {
        let text = r#"
            bridge = [{ id = "hb0" }]
            switch = [{ id = "sw0", under = "hb0" }, { id = "sw1", under = "hb0" }]
            device = [
                { id = "a", under = "sw0", size = "512M" },
                { id = "b", under = "sw0", size = "512M" },
                { id = "c", under = "sw1", size = "512M" },
                { id = "d", under = "sw1", size = "512M" },
            ]
            window = [{ at = "0x190000000", size = "4G", bridges = ["hb0"] }]
            region = [{ at = "0x190000000", size = "1G", devices = ["a", "b", "c", "d"] }]
        "#;
        assert!(format!("{:#}", plan(text).unwrap_err()).contains("take turns"));
        let good =
            plan(&text.replace(r#"["a", "b", "c", "d"]"#, r#"["a", "c", "b", "d"]"#)).unwrap();
        assert_eq!((good["hb0"][0].ways, good["hb0"][0].granularity), (2, 256));
        assert_eq!((good["sw1"][0].ways, good["sw1"][0].granularity), (2, 512));
    }
}
