// SPDX-License-Identifier: GPL-2.0

//! What a device is called in a comparison. Numbers of devices follow the order in which drivers came to them, which two
//! boots need not share: a device is called after its addresses, or after the hardware it belongs to.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::seen::{DaxSeen, HmemSeen};
use crate::size::Range;

/// Names that the kernel numbers.
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(dax_region|dax|hmem\.|region|decoder|port|endpoint|mem|root)[0-9]+(\.[0-9]+)?\b",
    )
    .expect("the expression is constant, and a test compiles it")
});

/// The names of one snapshot.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// Reads `dax` devices, the `hmem.N` devices, and `cxl list` where there is a CXL bus.
    pub fn of(dax: &[DaxSeen], hmem: &[HmemSeen], cxl: &Value) -> Self {
        let mut names = Self::default();
        let place = |range: Option<Range>| range.map_or("empty".into(), |range| range.to_string());
        names.cxl(cxl, "");
        for device in dax {
            let name = format!("dax({})", place(device.range()));
            names.0.insert(device.name.clone(), name);
        }
        // Only its devices tell where a region begins: they are ordered by address.
        for region in hmem {
            let mut devices = dax.iter().filter(|device| device.parent == region.name);
            let start = devices.find_map(|device| device.resource);
            let range = start.and_then(|start| Range::sized(start, region.size?));
            names
                .0
                .insert(region.name.clone(), format!("hmem({})", place(range)));
        }
        names
    }

    /// Takes in a tree of `cxl list`: what encloses an object tells what it is.
    fn cxl(&mut self, value: &Value, above: &str) {
        let mut here = above.to_string();
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.cxl(item, above)),
            Value::Object(object) => {
                let text = |key: &str| object.get(key).and_then(Value::as_str);
                let host = text("host").unwrap_or_default();
                let memdev = object.get("memdev").and_then(|memdev| memdev.get("host"));
                let named = if let Some(name) = text("bus") {
                    Some((
                        name,
                        format!("root({})", text("provider").unwrap_or_default()),
                    ))
                } else if let Some(name) = text("port") {
                    Some((name, format!("port({host})")))
                } else if let Some(name) = text("endpoint") {
                    let host = memdev.and_then(Value::as_str).unwrap_or(host);
                    Some((name, format!("endpoint({host})")))
                } else if let Some(name) = text("memdev") {
                    Some((name, format!("mem({host})")))
                } else if let (Some(name), Some(range)) = (text("region"), extent(value)) {
                    Some((name, format!("region({range})")))
                } else {
                    None
                };
                if let Some((name, stable)) = named {
                    // A decoder's target names its region as well; only the region itself lies in a decoder's list.
                    if object.get("decoder").is_none() {
                        if let Some(number) = name.strip_prefix("region") {
                            self.0.insert(
                                format!("dax_region{number}"),
                                stable.replacen("region", "dax_region", 1),
                            );
                        }
                        here = stable.clone();
                        self.0.insert(name.to_string(), stable);
                    }
                }
                if let Some(name) = text("decoder").filter(|_| object.get("position").is_none()) {
                    let index = name.rsplit('.').next().unwrap_or_default();
                    self.0
                        .entry(name.to_string())
                        .or_insert(format!("decoder({above}, {index})"));
                }
                object.values().for_each(|item| self.cxl(item, &here));
            }
            _ => {}
        }
    }

    /// The text with every numbered name in it replaced; a device that is unknown here keeps its kind.
    pub fn apply(&self, text: &str) -> String {
        NUMBERED
            .replace_all(text, |found: &Captures<'_>| match self.0.get(&found[0]) {
                Some(name) => name.clone(),
                None => format!("{}#", &found[1]),
            })
            .into_owned()
    }

    /// The text with the numbers gone: for the log, which tells of devices that are no more.
    pub fn forget(text: &str) -> String {
        NUMBERED.replace_all(text, "$1#").into_owned()
    }
}

/// Where an object of `cxl list` lies.
fn extent(object: &Value) -> Option<Range> {
    let number = |key: &str| object.get(key)?.as_u64();
    Range::sized(number("resource")?, number("size")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CXL: &str = r#"[{"bus":"root0","provider":"ACPI.CXL","ports:root0":[{"port":"port2","host":"pci0000:10",
        "endpoints:port2":[{"endpoint":"endpoint3","host":"mem1","memdev":{"memdev":"mem1","host":"0000:11:00.0"},
        "decoders:endpoint3":[{"decoder":"decoder3.0","resource":4294967296,"size":268435456,"region":"region7"}]}]}],
        "decoders:root0":[{"decoder":"decoder0.1","resource":4294967296,"size":1073741824,
        "regions:decoder0.1":[{"region":"region7","resource":4294967296,"size":268435456}]}]}]"#;

    #[test]
    fn devices_are_called_after_what_they_are() {
        let dax = DaxSeen {
            name: "dax2.0".into(),
            size: 1 << 30,
            resource: Some(1 << 32),
            parent: "hmem.2".into(),
            ..DaxSeen::default()
        };
        let hmem = HmemSeen {
            name: "hmem.2".into(),
            size: Some(2 << 30),
            ..HmemSeen::default()
        };
        let names = Names::of(&[dax], &[hmem], &serde_json::from_str(CXL).unwrap());
        for (name, stable) in [
            ("dax2.0", "dax(0x100000000-0x13fffffff)"),
            (
                "/hmem_platform.0/hmem.2/x",
                "/hmem_platform.0/hmem(0x100000000-0x17fffffff)/x",
            ),
            ("port2", "port(pci0000:10)"),
            ("endpoint3", "endpoint(0000:11:00.0)"),
            ("mem1", "mem(0000:11:00.0)"),
            ("decoder3.0", "decoder(endpoint(0000:11:00.0), 0)"),
            ("decoder0.1", "decoder(root(ACPI.CXL), 1)"),
            (
                "region7/dax_region7",
                "region(0x100000000-0x10fffffff)/dax_region(0x100000000-0x10fffffff)",
            ),
            ("dax9.0 memory12 cxl_mem.3", "dax# memory12 cxl_mem.3"),
        ] {
            assert_eq!(names.apply(name), stable, "{name}");
        }
        assert_eq!(Names::forget("kmem dax0.1: region3"), "kmem dax#: region#");
    }
}
