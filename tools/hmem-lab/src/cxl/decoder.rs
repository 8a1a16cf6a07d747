// SPDX-License-Identifier: GPL-2.0

//! An HDM decoder as registers, by the CXL specification's HDM Decoder Capability Structure.
//!
//! Pure: what to write where, nothing is written here.

/// Window addresses and sizes that a decoder can hold come in steps of this many bytes.
pub(super) const STEP: u64 = 256 << 20;

/// Offset of the global control register from the start of the capability.
pub(super) const GLOBAL_CONTROL: u64 = 0x04;
/// Global control: the decoders decode.
pub(super) const GLOBAL_ENABLE: u32 = 1 << 1;

/// Decoder control: this decoder's registers no longer change until reset.
const LOCK_ON_COMMIT: u32 = 1 << 8;
/// Decoder control: take the registers into use.
const COMMIT: u32 = 1 << 9;
/// Decoder control, read only: the commit succeeded.
pub(super) const COMMITTED: u32 = 1 << 10;
/// Decoder control, read only: the commit was refused.
pub(super) const COMMIT_ERROR: u32 = 1 << 11;
/// Decoder control: host-only coherent memory, which is what a memory expander has.
const HOST_ONLY: u32 = 1 << 12;

/// Where a decoder sends an access it decodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Host bridge or switch: the downstream port numbers, in interleave order.
    Ports(Vec<u8>),
    /// Endpoint: device memory, after leaving `skip` bytes of it out.
    Memory {
        /// Bytes of device memory passed over before this decoder's share.
        skip: u64,
    },
}

/// What one decoder is programmed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoder {
    /// First host physical address.
    pub(super) base: u64,
    /// Bytes of host physical address space.
    pub(super) size: u64,
    /// Over how many targets (of this component) or devices (of an endpoint's set) it interleaves.
    pub(super) ways: u8,
    /// Bytes sent to one target before the next.
    pub(super) granularity: u32,
    /// Where accesses go.
    pub(super) route: Route,
    /// Whether the decoder is locked when committed.
    pub(super) locked: bool,
}

/// The register code of an interleave over `ways` targets.
pub(super) fn ways_code(ways: u8) -> Option<u32> {
    Some(match ways {
        1 | 2 | 4 | 8 | 16 => ways.trailing_zeros(),
        3 | 6 | 12 => 8 + (ways / 3).trailing_zeros(),
        _ => return None,
    })
}

/// The register code of an interleave granularity in bytes.
pub(super) fn granularity_code(bytes: u32) -> Option<u32> {
    (bytes.is_power_of_two() && (256..=16 << 10).contains(&bytes))
        .then(|| bytes.trailing_zeros() - 8)
}

/// How many decoders the capability register announces.
pub(super) fn count(capability: u32) -> u32 {
    match capability & 0xf {
        0 => 1,
        code @ 1..=8 => code * 2,
        code => (code - 4) * 4,
    }
}

/// Offset of decoder `index`'s control register from the start of the capability.
pub(super) fn control(index: u32) -> u64 {
    0x20 + 0x20 * u64::from(index)
}

impl Decoder {
    /// The writes that program and commit this decoder as number `index`, in order; offsets count from
    /// the start of the capability. Everything but the last write only prepares.
    pub(super) fn writes(&self, index: u32) -> Result<Vec<(u64, u32)>, String> {
        let at = 0x10 + 0x20 * u64::from(index);
        if self.base % STEP != 0 || self.size % STEP != 0 || self.size == 0 {
            return Err(format!(
                "a decoder cannot hold {:#x}+{:#x}: base and size must be multiples of 256M",
                self.base, self.size
            ));
        }
        let ways = ways_code(self.ways)
            .ok_or_else(|| format!("no decoder interleaves over {} targets", self.ways))?;
        let granularity = granularity_code(self.granularity).ok_or_else(|| {
            format!(
                "granularity {} is not a power of two from 256 to 16K",
                self.granularity
            )
        })?;
        let route = match &self.route {
            Route::Ports(ports) if ports.len() != usize::from(self.ways) || ports.len() > 8 => {
                return Err(format!(
                    "{} targets for a decoder of {} ways (at most 8)",
                    ports.len(),
                    self.ways
                ))
            }
            Route::Ports(ports) => ports
                .iter()
                .enumerate()
                .fold(0, |list, (at, &port)| list | u64::from(port) << (8 * at)),
            Route::Memory { skip } => *skip,
        };
        let lock = if self.locked { LOCK_ON_COMMIT } else { 0 };
        Ok(vec![
            (at, self.base as u32),
            (at + 0x4, (self.base >> 32) as u32),
            (at + 0x8, self.size as u32),
            (at + 0xc, (self.size >> 32) as u32),
            (at + 0x14, route as u32),
            (at + 0x18, (route >> 32) as u32),
            (
                control(index),
                granularity | ways << 4 | lock | COMMIT | HOST_ONLY,
            ),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_way() -> Decoder {
        Decoder {
            base: 0x3_9000_0000,
            size: 0x2000_0000,
            ways: 2,
            granularity: 1024,
            route: Route::Ports(vec![0, 3]),
            locked: false,
        }
    }

    #[test]
    fn encodes_a_bridge_decoder() {
        assert_eq!(
            two_way().writes(1).unwrap(),
            vec![
                (0x30, 0x9000_0000),
                (0x34, 0x3),
                (0x38, 0x2000_0000),
                (0x3c, 0),
                (0x44, 0x0300),
                (0x48, 0),
                (0x40, 0x1212),
            ]
        );
    }

    #[test]
    fn encodes_an_endpoint_decoder() {
        let decoder = Decoder {
            ways: 1,
            granularity: 256,
            route: Route::Memory {
                skip: 0x1_1000_0000,
            },
            locked: true,
            ..two_way()
        };
        let writes = decoder.writes(0).unwrap();
        assert_eq!(
            &writes[4..],
            &[(0x24, 0x1000_0000), (0x28, 0x1), (0x20, 0x1300)]
        );
    }

    #[test]
    fn refuses_what_registers_cannot_hold() {
        let odd_base = Decoder {
            base: 0x3_9080_0000,
            ..two_way()
        };
        let odd_ways = Decoder {
            ways: 5,
            ..two_way()
        };
        let odd_granularity = Decoder {
            granularity: 384,
            ..two_way()
        };
        let few_targets = Decoder {
            ways: 4,
            ..two_way()
        };
        for decoder in [odd_base, odd_ways, odd_granularity, few_targets] {
            assert!(decoder.writes(0).is_err(), "{decoder:?}");
        }
    }

    #[test]
    fn codes_follow_the_specification() {
        assert_eq!(
            [1, 2, 4, 8, 16, 3, 6, 12].map(ways_code),
            [0, 1, 2, 3, 4, 8, 9, 10].map(Some)
        );
        assert_eq!(ways_code(5), None);
        assert_eq!([256, 512, 16384].map(granularity_code), [0, 1, 6].map(Some));
        assert_eq!(granularity_code(128), None);
        assert_eq!([0, 1, 2, 5, 8, 9, 12].map(count), [1, 2, 4, 10, 16, 20, 32]);
    }
}
