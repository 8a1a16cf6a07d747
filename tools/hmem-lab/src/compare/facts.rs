// SPDX-License-Identifier: GPL-2.0

//! What a snapshot shows, as facts that two kernels can be compared in: object, attribute, value.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::Value;

use super::names::Names;
use super::tree;
use crate::seen::Seen;

/// Attributes of an object.
pub type Attributes = BTreeMap<String, String>;

/// All facts of a snapshot: by kind, and by object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<(&'static str, String), Attributes>);

/// What is compared of the kernel log.
static RELEVANT: LazyLock<Regex> =
    LazyLock::new(|| constant(r"(?i)dax|hmem|kmem|cxl|memory|soft reserved|hotplug|offlin|onlin"));

/// What differs from boot to boot, or from build to build, and says nothing.
static NOISE: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // Who writes: a process, in either of two forms
        (r"\(([0-9]+)\):", "(#):"),
        (r"\b([a-z_-]+)\[[0-9]+\]:", "$1[#]:"),
        // What the image, the initial memory disk and the processor leave free
        (r"\b[0-9]+(K|kB)\b", "#K"),
        (r"\b0x[0-9a-f]{16}\b", "#"),
        (r"\b[0-9]+ (usecs|ms|us)\b", "# $1"),
    ]
    .map(|(expression, with)| (constant(expression), with))
    .into()
});

fn constant(expression: &str) -> Regex {
    Regex::new(expression).expect("the expression is constant, and a test compiles it")
}

impl Facts {
    /// Reads the snapshot in `dir`; the log only on demand, since that of the last snapshot holds all others.
    pub fn read(dir: &Path, log: bool) -> Result<Self> {
        let seen = Seen::read(dir)?;
        let json = |name: &str| -> Result<Value> {
            let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))
        };
        let cxl = json("cxl.json")?;
        let names = Names::of(&seen.dax, &seen.hmem, &cxl);
        let mut facts = Self::default();
        tree::read(&dir.join("map"), &names, &mut facts)?;
        facts.json("daxctl", "list", "", &json("daxctl.json")?, &names);
        facts.json("cxl", "list", "", &cxl, &names);
        facts.iomem(&seen, &names);
        for module in seen.modules.keys() {
            facts.add("modules", driver(module), "loaded", "yes");
        }
        if log {
            facts.log(&seen.log);
        }
        Ok(facts)
    }

    /// Adds one fact. What is told twice about the same is one value.
    pub(super) fn add(&mut self, kind: &'static str, object: &str, attribute: &str, value: &str) {
        let attributes = self.0.entry((kind, object.to_string())).or_default();
        let known = attributes.entry(attribute.to_string()).or_default();
        if known.is_empty() {
            *known = value.to_string();
        } else if known != value {
            *known += &format!(", {value}");
        }
    }

    /// Whether there is anything about an object.
    pub(super) fn knows(&self, kind: &'static str, object: &str) -> bool {
        self.0.contains_key(&(kind, object.to_string()))
    }

    /// Every object with its attributes.
    pub fn objects(&self) -> &BTreeMap<(&'static str, String), Attributes> {
        &self.0
    }

    /// How many facts there are.
    pub fn count(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Takes JSON apart: what has a name is an object, all else an attribute of what encloses it.
    fn json(&mut self, kind: &'static str, object: &str, path: &str, value: &Value, names: &Names) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.json(kind, object, &format!("{path}[{index}]"), item, names);
                }
            }
            Value::Object(fields) => {
                // `daxctl list` names a region by its path.
                let name = [
                    "chardev", "decoder", "region", "memdev", "port", "endpoint", "bus",
                ]
                .into_iter()
                .chain((kind == "daxctl").then_some("path"))
                .find_map(|key| fields.get(key)?.as_str())
                .filter(|_| !fields.contains_key("position"));
                let (object, path) = match name {
                    Some(name) => {
                        let name = names.apply(name);
                        self.add(kind, &name, "in", object);
                        (name, String::new())
                    }
                    None => (object.to_string(), format!("{path}.")),
                };
                for (key, field) in fields.iter().filter(|(key, _)| *key != "id") {
                    self.json(
                        kind,
                        &object,
                        &(path.clone() + &names.apply(key)),
                        field,
                        names,
                    );
                }
            }
            Value::Null => {}
            Value::String(text) => self.add(kind, object, path, &names.apply(text)),
            other => self.add(kind, object, path, &other.to_string()),
        }
    }

    fn iomem(&mut self, seen: &Seen, names: &Names) {
        let mut above: Vec<String> = Vec::new();
        // Whether a ROM below 1 MiB is found differs from boot to boot.
        let lines = seen.iomem.iter().filter(|line| line.range.start >= 1 << 20);
        for line in lines {
            above.truncate(line.depth);
            let name = names.apply(&line.name);
            let below = above.last().map_or("(top)", String::as_str).to_string();
            self.add(
                "iomem",
                &format!("{} : {name}", line.range),
                "below",
                &below,
            );
            above.push(name);
        }
    }

    fn log(&mut self, log: &str) {
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        // Each build names itself.
        let lines = log.lines().filter(|line| !line.contains("Linux version"));
        for line in lines.filter(|line| RELEVANT.is_match(line)) {
            *times.entry(quiet(line)).or_default() += 1;
        }
        for (line, times) in times {
            self.add("log", &line, "times", &times.to_string());
        }
    }
}

/// A line of the log without what varies.
fn quiet(line: &str) -> String {
    let text = match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((_, text)) => text,
        None => line,
    };
    let mut text = Names::forget(text.trim_end());
    for (noise, with) in NOISE.iter() {
        text = noise.replace_all(&text, *with).into_owned();
    }
    text
}

/// The driver of Soft Reserved memory has one name in a comparison, as in a scenario.
pub(super) fn driver(module: &str) -> &str {
    match module {
        "dax_hmem" | "hmem_rs" => "driver",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_lose_what_varies() {
        assert_eq!(
            quiet("[    2.123456] kmem dax2.0: mapping0: 0x100000000-0x13fffffff could not reserve region"),
            "kmem dax#: mapping0: 0x100000000-0x13fffffff could not reserve region"
        );
        assert_eq!(
            quiet("[    2.1] cxl-hold-data.s (156): drop_caches: 3"),
            "cxl-hold-data.s (#): drop_caches: 3"
        );
        assert_eq!(
            quiet("[    0.1] Memory: 39967K/41937K available"),
            "Memory: #K/#K available"
        );
    }

    #[test]
    fn json_is_taken_apart_by_name() {
        let value = serde_json::from_str(
            r#"[{"path":"/platform/hmem.0","id":0,"size":5,"devices":[{"chardev":"dax0.0","mappings":[{"start":1}]}]}]"#,
        )
        .unwrap();
        let mut facts = Facts::default();
        facts.json("daxctl", "list", "", &value, &Names::default());
        let seen: Vec<String> = facts
            .objects()
            .iter()
            .flat_map(|((_, object), attributes)| {
                attributes
                    .iter()
                    .map(move |(attribute, value)| format!("{object} {attribute}={value}"))
            })
            .collect();
        assert_eq!(
            seen,
            [
                "/platform/hmem.# in=list",
                "/platform/hmem.# path=/platform/hmem.#",
                "/platform/hmem.# size=5",
                "dax# chardev=dax#",
                "dax# in=/platform/hmem.#",
                "dax# mappings[0].start=1"
            ]
        );
    }
}
