// SPDX-License-Identifier: GPL-2.0

//! What a guest showed: reads the files of one snapshot, as `guest/init` recorded them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use crate::size::{Range, Size};
use crate::table::{self, Row};

/// One snapshot.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// /proc/iomem.
    pub iomem: Vec<IomemLine>,
    /// The dax bus, by address and then by name.
    pub dax: Vec<DaxSeen>,
    /// The `hmem.N` devices, by number.
    pub hmem: Vec<HmemSeen>,
    /// `daxctl list`.
    pub daxctl: Vec<DaxctlSeen>,
    /// hmem_rs' debugfs table; `None` if there is none.
    pub ranges: Option<Vec<Row>>,
    /// Lines of that table that make no sense.
    pub ranges_errors: Vec<String>,
    /// Names in /proc/modules with their sizes.
    pub modules: BTreeMap<String, u64>,
    /// The kernel log.
    pub log: String,
}

/// A line of /proc/iomem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IomemLine {
    /// How deep it is indented.
    pub depth: usize,
    /// Its range.
    pub range: Range,
    /// Its name.
    pub name: String,
}

/// A device on the dax bus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DaxSeen {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its first byte; without a size there is none.
    pub resource: Option<u64>,
    /// Its `target_node`.
    pub node: Option<i64>,
    /// Its alignment.
    pub align: Option<u64>,
    /// Its driver.
    pub driver: Option<String>,
    /// Whether its memory was taken away from the system, with the driver bound to it.
    pub unplugged: bool,
    /// The device above it.
    pub parent: String,
}

impl DaxSeen {
    /// What it maps, if it is one piece.
    pub fn range(&self) -> Option<Range> {
        Range::sized(self.resource?, self.size)
    }
}

/// An `hmem.N` device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HmemSeen {
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: Option<String>,
    /// The size of its dax region, if it has one.
    pub size: Option<u64>,
    /// Its `numa_node`.
    pub node: Option<i64>,
}

/// A device as daxctl lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaxctlSeen {
    /// Its name.
    pub chardev: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its `target_node`.
    pub node: Option<i64>,
    /// `system-ram` or `devdax`.
    pub mode: String,
    /// Whether daxctl calls it disabled.
    pub disabled: bool,
}

impl Seen {
    /// Reads the snapshot in `dir`.
    pub fn read(dir: &Path) -> Result<Self> {
        let text = |name: &str| {
            fs::read(dir.join(name))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .with_context(|| format!("the snapshot lacks {name}"))
        };
        let sysfs = attributes(&text("sysfs")?);
        let ranges = text("ranges").ok().map(|text| table::parse(&text));
        Ok(Self {
            iomem: iomem(&text("iomem")?),
            dax: dax(&sysfs),
            hmem: hmem(&sysfs),
            daxctl: daxctl(&text("daxctl.json")?)
                .context("daxctl list wrote no JSON that makes sense")?,
            ranges_errors: ranges
                .as_ref()
                .map(|(_, errors)| errors.clone())
                .unwrap_or_default(),
            ranges: ranges.map(|(rows, _)| rows),
            modules: modules(&text("modules")?),
            log: text("dmesg")?,
        })
    }
}

/// Parses /proc/iomem.
pub fn iomem(text: &str) -> Vec<IomemLine> {
    text.lines()
        .filter_map(|line| {
            let (range, name) = line.split_once(" : ")?;
            let trimmed = range.trim_start();
            Some(IomemLine {
                depth: (range.len() - trimmed.len()) / 2,
                range: trimmed.parse().ok()?,
                name: name.trim_end().to_string(),
            })
        })
        .collect()
}

/// `PATH:VALUE` lines, as grep writes them, to a map from device and attribute.
fn attributes(text: &str) -> BTreeMap<(String, String), String> {
    text.lines()
        .filter_map(|line| {
            let (path, value) = line.split_once('=')?;
            let (device, attribute) = path.split_once('/')?;
            Some((
                (device.to_string(), attribute.to_string()),
                value.trim().to_string(),
            ))
        })
        .collect()
}

type Attributes = BTreeMap<(String, String), String>;

fn names(sysfs: &Attributes, is: fn(&str) -> bool) -> Vec<String> {
    let mut names: Vec<String> = sysfs
        .keys()
        .map(|(device, _)| device.clone())
        .filter(|name| is(name))
        .collect();
    names.dedup();
    names
}

/// One attribute after the other of a device.
fn reader<'a>(sysfs: &'a Attributes, device: &str) -> impl Fn(&str) -> Option<&'a str> {
    let device = device.to_string();
    move |attribute| {
        sysfs
            .get(&(device.clone(), attribute.to_string()))
            .map(String::as_str)
    }
}

fn dax(sysfs: &Attributes) -> Vec<DaxSeen> {
    let mut devices: Vec<DaxSeen> = names(sysfs, |name| name.starts_with("dax"))
        .into_iter()
        .map(|name| {
            let get = reader(sysfs, &name);
            let size = get("size").and_then(number).unwrap_or(0);
            DaxSeen {
                size,
                resource: get("resource").and_then(number).filter(|_| size > 0),
                node: get("target_node").and_then(|text| text.parse().ok()),
                align: get("align").and_then(number),
                driver: get("driver").map(str::to_string),
                unplugged: get("state") == Some("unplugged"),
                parent: get("parent").unwrap_or_default().to_string(),
                name,
            }
        })
        .collect();
    devices.sort_by(|a, b| (a.resource, &a.name).cmp(&(b.resource, &b.name)));
    devices
}

fn hmem(sysfs: &Attributes) -> Vec<HmemSeen> {
    let mut devices: Vec<HmemSeen> = names(sysfs, |name| name.starts_with("hmem."))
        .into_iter()
        .map(|name| {
            let get = reader(sysfs, &name);
            HmemSeen {
                driver: get("driver").map(str::to_string),
                size: get("dax_region/size").and_then(number),
                node: get("numa_node").and_then(|text| text.parse().ok()),
                name,
            }
        })
        .collect();
    devices.sort_by_key(|device| {
        device
            .name
            .trim_start_matches("hmem.")
            .parse::<u64>()
            .unwrap_or(u64::MAX)
    });
    devices
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn modules(text: &str) -> BTreeMap<String, u64> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_string(), words.next()?.parse().ok()?))
        })
        .collect()
}

/// Devices in `daxctl list -RDMi`: a device may be listed by itself or within its region, and one lone
/// object is written without a list around it.
fn daxctl(text: &str) -> Result<Vec<DaxctlSeen>> {
    let mut devices = Vec::new();
    if !text.trim().is_empty() {
        collect(&serde_json::from_str(text)?, &mut devices);
    }
    devices.sort_by(|a, b| a.chardev.cmp(&b.chardev));
    Ok(devices)
}

fn collect(value: &Value, devices: &mut Vec<DaxctlSeen>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, devices)),
        Value::Object(object) => {
            if let Some(chardev) = object.get("chardev").and_then(Value::as_str) {
                devices.push(DaxctlSeen {
                    chardev: chardev.to_string(),
                    size: object.get("size").map(json_size).unwrap_or(0),
                    node: object.get("target_node").and_then(Value::as_i64),
                    mode: object
                        .get("mode")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_string(),
                    disabled: object.get("state").and_then(Value::as_str) == Some("disabled"),
                });
            }
            object.values().for_each(|item| collect(item, devices));
        }
        _ => {}
    }
}

/// A size that daxctl wrote: a number, or with `-u` text like `1024.00 MiB (1073.74 MB)`.
fn json_size(value: &Value) -> u64 {
    let Some(text) = value.as_str() else {
        return value.as_u64().unwrap_or(0);
    };
    let mut words = text.split_whitespace();
    let amount: f64 = words
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0.0);
    let shift = match words.next() {
        Some("KiB") => 10,
        Some("MiB") => 20,
        Some("GiB") => 30,
        Some("TiB") => 40,
        _ => 0,
    };
    (amount * (1u64 << shift) as f64) as u64
}

/// A size for people.
pub(crate) fn bytes(number: u64) -> String {
    Size(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IOMEM: &str = "00000000-00000fff : Reserved\n100000000-13fffffff : Soft Reserved\n  \
                         100000000-13fffffff : dax0.0\n    100000000-13fffffff : System RAM (kmem)\n";

    #[test]
    fn reads_iomem() {
        let lines = iomem(IOMEM);
        assert_eq!(lines.len(), 4);
        assert_eq!(
            (lines[3].depth, lines[3].name.as_str()),
            (2, "System RAM (kmem)")
        );
    }

    #[test]
    fn reads_sysfs() {
        let text = "dax0.0/size=1073741824\ndax0.0/resource=0x100000000\ndax0.0/target_node=0\n\
                    dax0.0/driver=kmem\ndax0.0/parent=hmem.0\nhmem.0/driver=hmem\n\
                    hmem.0/dax_region/size=1073741824\nhmem.0/numa_node=0\nhmem.10/numa_node=1\nhmem.9/numa_node=-1\n";
        let sysfs = attributes(text);
        let dax = dax(&sysfs);
        assert_eq!(dax.len(), 1);
        assert_eq!(dax[0].range(), Range::sized(1 << 32, 1 << 30));
        assert_eq!(dax[0].driver.as_deref(), Some("kmem"));
        let hmem = hmem(&sysfs);
        assert_eq!(
            hmem.iter().map(|h| h.name.as_str()).collect::<Vec<_>>(),
            ["hmem.0", "hmem.9", "hmem.10"]
        );
        assert_eq!(hmem[1].node, Some(-1));
        assert_eq!(hmem[1].driver, None);
    }

    #[test]
    fn reads_daxctl() {
        let text = r#"{"path":"/platform/hmem.0","id":0,"size":1073741824,"devices":[
            {"chardev":"dax0.0","size":1073741824,"target_node":0,"align":2097152,"mode":"system-ram","movable":true}]}"#;
        let devices = daxctl(text).unwrap();
        assert_eq!(devices[0].size, 1 << 30);
        assert_eq!(devices[0].mode, "system-ram");
        assert!(!devices[0].disabled);
        let human = daxctl(
            r#"[{"chardev":"dax1.0","size":"512.00 MiB (536.87 MB)","mode":"devdax","state":"disabled"}]"#,
        );
        assert_eq!(
            human.unwrap(),
            [DaxctlSeen {
                chardev: "dax1.0".into(),
                size: 512 << 20,
                node: None,
                mode: "devdax".into(),
                disabled: true
            }]
        );
        assert!(daxctl("").unwrap().is_empty());
        assert!(daxctl("{").is_err());
    }
}
