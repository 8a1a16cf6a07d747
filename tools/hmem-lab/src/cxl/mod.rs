// SPDX-License-Identifier: GPL-2.0

//! CXL hardware for scenarios, with the platform firmware that real servers have and QEMU lacks.
//!
//! Real firmware may hand the kernel memory expanders whose HDM decoders are programmed already; which
//! part of a Soft Reserved range they cover decides who owns it. Here the scenario says what is plugged
//! ([`CxlSpec`]); QEMU builds it ([`CxlSpec::qemu_args`]) and waits, and [`CxlSpec::program`] commits the
//! decoders through the qtest socket before the first guest instruction.

mod decoder;
mod firmware;
mod machine;
mod programming;
mod sockets;
mod spec;
mod topology;

pub use spec::{Bridge, CxlSpec, Device, Region, Switch, Window};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{programming::programming, topology::Topology};
    use crate::scenario;

    #[test]
    fn every_scenario_can_be_built_and_programmed() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        for scenario in scenario::load(&dir).unwrap() {
            let Some(cxl) = &scenario.cxl else { continue };
            let name = &scenario.name;
            let topology = Topology::new(cxl).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            let all =
                programming(cxl, &topology).unwrap_or_else(|error| panic!("{name}: {error:#}"));
            for (id, decoders) in all {
                for (index, decoder) in (0..).zip(&decoders) {
                    decoder
                        .writes(index)
                        .unwrap_or_else(|error| panic!("{name}: {id}: {error}"));
                }
            }
        }
    }
}
