// SPDX-License-Identifier: GPL-2.0

//! Where QEMU put the CXL parts of the host's address map, read from `info mtree -o`.

use anyhow::{ensure, Result};

use crate::size::Range;

/// The CXL parts of the address map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AddressMap {
    /// Component registers of each host bridge, in the order they were made.
    pub(super) bridges: Vec<u64>,
    /// The windows, in the order they were made.
    pub(super) windows: Vec<Range>,
}

impl AddressMap {
    /// Reads QEMU's answer. Bridges of the same kind are told apart by their owner, which QEMU numbers
    /// in the order of creation; their addresses do not follow it.
    pub(super) fn parse(mtree: &str) -> Result<Self> {
        let mut bridges = Vec::new();
        let mut windows = Vec::new();
        let system = mtree
            .lines()
            .skip_while(|line| !line.starts_with("address-space: memory"))
            .skip(1);
        for line in system.take_while(|line| !line.trim().is_empty()) {
            let Some((addresses, rest)) = line.trim().split_once(' ') else {
                continue;
            };
            let Ok(range) = addresses.parse::<Range>() else {
                continue;
            };
            if rest.contains("): pxb-cxl-host") {
                bridges.push((owner(rest), range.start));
            } else if rest.contains("): cxl-fixed-memory-region") {
                windows.push((owner(rest), range));
            }
        }
        ensure!(
            !bridges.is_empty(),
            "QEMU shows no CXL host bridge registers in `info mtree -o`"
        );
        bridges.sort_unstable();
        windows.sort_unstable();
        Ok(Self {
            bridges: bridges.into_iter().map(|(_, at)| at).collect(),
            windows: windows.into_iter().map(|(_, range)| range).collect(),
        })
    }
}

/// The number in `owner:{dev path=/machine/unattached/device[29]}`.
fn owner(text: &str) -> u32 {
    let number = text
        .rsplit_once("device[")
        .and_then(|(_, rest)| rest.split_once(']'));
    number
        .and_then(|(digits, _)| digits.parse().ok())
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MTREE: &str = "\
address-space: cxl-rp
  0000000000000000-ffffffffffffffff (prio 0, container): bus master container

address-space: memory
  0000000000000000-ffffffffffffffff (prio 0, i/o): system
    0000000180000000-00000001800fffff (prio 0, i/o): cxl_host_reg owner:{obj path=/machine}
      0000000180000000-000000018000ffff (prio 0, i/o): pxb-cxl-host owner:{dev path=/machine/unattached/device[29]}
        0000000180000000-0000000180000fff (prio 0, i/o): cap0
      0000000180010000-000000018001ffff (prio 0, i/o): pxb-cxl-host owner:{dev path=/machine/unattached/device[28]}
    0000000190000000-000000028fffffff (prio 0, i/o): cxl-fixed-memory-region owner:{dev path=/machine/unattached/device[0]}
    0000000290000000-000000038fffffff (prio 0, i/o): cxl-fixed-memory-region owner:{dev path=/machine/unattached/device[1]}

address-space: other
    0000000390000000-000000048fffffff (prio 0, i/o): cxl-fixed-memory-region owner:{dev path=/machine/unattached/device[2]}
";

    #[test]
    fn finds_bridges_in_the_order_they_were_made() {
        let map = AddressMap::parse(MTREE).unwrap();
        assert_eq!(map.bridges, [0x1_8001_0000, 0x1_8000_0000]);
        let windows: Vec<_> = map.windows.iter().map(|range| range.start).collect();
        assert_eq!(windows, [0x1_9000_0000, 0x2_9000_0000]);
    }

    #[test]
    fn says_when_there_is_none() {
        assert!(AddressMap::parse("address-space: memory\n").is_err());
    }
}
