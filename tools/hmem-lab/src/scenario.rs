// SPDX-License-Identifier: GPL-2.0

//! A scenario is data: what machine boots, what happens in it, what must be seen.
//!
//! One TOML file a scenario; its name is the file's stem. `README.md` beside this crate describes the
//! format for people who write scenarios; this file is what the tools believe. Unknown keys are errors, so
//! that an expectation that is spelt wrong cannot be silently ignored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use serde::Deserialize;

use crate::cxl::CxlSpec;
use crate::expect::Expect;
use crate::size::Size;
use crate::soft_reserved::{self, SizedAt};

/// A whole scenario, as one TOML file says it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The file's stem; filled in by [`load`].
    #[serde(skip)]
    pub name: String,
    /// Where it was read from.
    #[serde(skip)]
    pub file: PathBuf,
    /// One line for listings.
    pub title: String,
    /// Why the scenario exists and what it proves.
    #[serde(default)]
    pub about: String,
    /// Words to filter by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Kernel versions it runs on; empty means all the lab knows.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// Flavours of the Rust driver it runs on, the baseline apart.
    #[serde(default = "lab_only")]
    pub flavours: Vec<String>,
    /// Flavours that stand in for one of those, but not here, with the reason.
    #[serde(default)]
    pub not_on: BTreeMap<String, String>,
    /// Seconds until the guest counts as hung. It is a limit for a broken run, not a measure.
    #[serde(default = "default_timeout")]
    pub timeout: u64,
    /// The machine under QEMU.
    #[serde(default)]
    pub machine: Machine,
    /// CXL host bridges, devices, windows and what the firmware programmed.
    #[serde(default)]
    pub cxl: Option<CxlSpec>,
    /// The kernel's command line.
    #[serde(default)]
    pub kernel: Kernel,
    /// How the guest's user space starts.
    #[serde(default)]
    pub guest: Guest,
    /// What happens in the guest, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
    /// What must be seen when all steps are done.
    pub expect: Expect,
    /// What must be seen after a named step.
    #[serde(default)]
    pub after: BTreeMap<String, Expect>,
    /// The C driver with the same inputs.
    #[serde(default)]
    pub baseline: Baseline,
}

fn lab_only() -> Vec<String> {
    vec!["lab".into()]
}

fn default_timeout() -> u64 {
    180
}

/// What QEMU emulates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Machine {
    /// RAM, all of it.
    pub memory: Size,
    /// Highest memory with hotplug slots; moves CXL windows up, too.
    pub max_memory: Option<Size>,
    /// Memory slots.
    pub slots: u32,
    /// Processors.
    pub cpus: u32,
    /// Which firmware runs first.
    pub firmware: Firmware,
    /// Ranges the command line makes Soft Reserved: `SIZE@ADDRESS`, or several alike, `SIZE@ADDRESS every DISTANCE, N
    /// times`.
    #[serde(deserialize_with = "soft_reserved::ranges")]
    pub soft_reserved: Vec<SizedAt>,
    /// NUMA nodes in order.
    #[serde(rename = "node")]
    pub nodes: Vec<Node>,
    /// Whether the firmware has an HMAT (with latency and bandwidth of each node).
    pub hmat: bool,
    /// Memory that the firmware itself sets aside (EFI_MEMORY_SP). Needs `firmware = "ovmf"`.
    #[serde(rename = "sp-mem")]
    pub sp_mem: Vec<SpMem>,
    /// More QEMU arguments. `{kernel}` and `{initrd}` in them become the paths of those files.
    pub qemu: Vec<String>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            memory: Size(4 << 30),
            max_memory: None,
            slots: 0,
            cpus: 2,
            firmware: Firmware::Seabios,
            soft_reserved: Vec::new(),
            nodes: Vec::new(),
            hmat: false,
            sp_mem: Vec::new(),
            qemu: Vec::new(),
        }
    }
}

/// The firmware that runs before the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// QEMU's BIOS: fast, knows e820 only.
    Seabios,
    /// UEFI from the OVMF package.
    Ovmf,
}

/// A NUMA node.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Node {
    /// Its RAM; a node without is one for `sp-mem` or a CXL window.
    #[serde(default)]
    pub memory: Option<Size>,
    /// Its processors, as `0-1`.
    #[serde(default)]
    pub cpus: Option<String>,
    /// The node whose processors reach it best (HMAT).
    #[serde(default)]
    pub initiator: Option<u32>,
}

/// A `sp-mem` device: memory that the firmware describes as specific purpose.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SpMem {
    /// Its size.
    pub size: Size,
    /// Its NUMA node.
    pub node: u32,
}

/// The kernel's command line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Kernel {
    /// Words added to what the lab itself needs.
    pub append: Vec<String>,
    /// Modules that must not load by themselves (`module_blacklist=`).
    pub blacklist: Vec<String>,
}

/// How user space starts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Guest {
    /// Whether udev coldplugs all devices before the steps, as a distribution does. Without it nothing
    /// loads by itself, and a step decides the order.
    pub coldplug: bool,
    /// Modules that udev must not load by their alias, though `modprobe NAME` still does (modprobe.d).
    pub no_autoload: Vec<String>,
    /// The version of ndctl of which the tests are there, for `lab_ndctl`; "tools" for that of the guest's tools.
    pub ndctl: Option<String>,
    /// Whether the steps bring the kernel to where nobody can look at the dax bus any more: only its log, /proc/iomem
    /// and the modules are looked at.
    pub stuck: bool,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            coldplug: true,
            no_autoload: Vec::new(),
            ndctl: None,
            stuck: false,
        }
    }
}

/// Something that happens in the guest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Its name: in reports, and for `[after.NAME]`.
    pub name: String,
    /// A kselftest script from tools/testing/selftests/hmem_rs.
    #[serde(default)]
    pub script: Option<String>,
    /// Arguments for the script.
    #[serde(default)]
    pub args: Vec<String>,
    /// Or shell lines (bash, `set -eu`), which succeed with status 0.
    #[serde(default)]
    pub run: Option<String>,
    /// Environment of either.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Seconds it may take in the guest.
    #[serde(default = "default_step_timeout")]
    pub timeout: u64,
    /// Flavours that run it; empty means all.
    #[serde(default)]
    pub flavours: Vec<String>,
    /// Whether the C driver runs it, too.
    #[serde(default = "yes")]
    pub baseline: bool,
}

fn yes() -> bool {
    true
}

fn default_step_timeout() -> u64 {
    150
}

/// What the C driver shows with the same inputs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Baseline {
    /// Whether the C driver is asked at all, and what of it.
    pub mode: BaselineMode,
    /// The flavour that has it.
    pub flavour: String,
    /// Why it is not the same; needed unless it is.
    pub reason: String,
    /// With `own`: these kinds of expectation take the place of the scenario's.
    pub expect: Expect,
    /// With `own`: the same after a named step.
    pub after: BTreeMap<String, Expect>,
}

impl Default for Baseline {
    fn default() -> Self {
        Self {
            mode: BaselineMode::default(),
            flavour: PEER.into(),
            reason: String::new(),
            expect: Expect::default(),
            after: BTreeMap::new(),
        }
    }
}

/// How the C driver compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineMode {
    /// It must show the same (what only hmem_rs has is not asked of it).
    #[default]
    Same,
    /// It shows something else, which is written down.
    Own,
    /// It cannot run this.
    None,
}

impl Scenario {
    /// Reads one scenario from TOML text.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut scenario: Scenario = toml::from_str(text)?;
        scenario.name = name.to_string();
        scenario.check()?;
        Ok(scenario)
    }

    /// The flavours it runs on, the baseline's included.
    pub fn all_flavours(&self) -> Vec<String> {
        let mut all = self.flavours.clone();
        if self.baseline.mode != BaselineMode::None {
            all.push(self.baseline.flavour.clone());
        }
        all
    }

    /// What `flavour` must show at the end (`None`) or after a step.
    pub fn expectation(&self, flavour: &str, after: Option<&str>) -> Expect {
        let nothing = Expect::default();
        let of = |end: &Expect, after_steps: &BTreeMap<String, Expect>| match after {
            None => end.clone(),
            Some(step) => after_steps.get(step).unwrap_or(&nothing).clone(),
        };
        let ours = of(&self.expect, &self.after);
        if !is_peer(flavour) {
            return ours;
        }
        let ours = ours.without_rust_only();
        match self.baseline.mode {
            BaselineMode::Own => of(&self.baseline.expect, &self.baseline.after).over(ours),
            _ => ours,
        }
    }

    /// Steps after which a snapshot is wanted.
    pub fn snapshot_after(&self, step: &str) -> bool {
        self.after.contains_key(step) || self.baseline.after.contains_key(step)
    }

    fn check(&self) -> Result<()> {
        if self.title.is_empty() {
            bail!("title is empty");
        }
        if self.baseline.mode != BaselineMode::Same && self.baseline.reason.is_empty() {
            bail!("[baseline] differs: say why in reason");
        }
        if let Some(peer) = self.flavours.iter().find(|flavour| is_peer(flavour)) {
            bail!("flavours names {peer}: the baseline runs by itself");
        }
        if let Some((flavour, _)) = self.not_on.iter().find(|(_, reason)| reason.is_empty()) {
            bail!("not-on: say why not on {flavour}");
        }
        if !is_peer(&self.baseline.flavour) {
            bail!(
                "[baseline] flavour {} has no C drivers",
                self.baseline.flavour
            );
        }
        let mut names = std::collections::BTreeSet::new();
        for step in &self.steps {
            if !names.insert(step.name.as_str()) {
                bail!("two steps are named {}", step.name);
            }
            if step.name.is_empty()
                || step
                    .name
                    .contains(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            {
                bail!("step name {:?}: use letters, digits and -", step.name);
            }
            if step.script.is_some() == step.run.is_some() {
                bail!("step {}: give either script or run", step.name);
            }
            let lines = || step.run.iter().flat_map(|run| run.lines());
            if let Some(line) = lines().find(|line| line.trim_start().starts_with("! ")) {
                bail!(
                    "step {}: lab_not COMMAND can fail, {line:?} cannot",
                    step.name
                );
            }
        }
        for name in self.after.keys().chain(self.baseline.after.keys()) {
            if !names.contains(name.as_str()) {
                bail!("[after.{name}]: no such step");
            }
        }
        if !self.machine.sp_mem.is_empty() && self.machine.firmware != Firmware::Ovmf {
            bail!("sp-mem needs firmware = \"ovmf\": SeaBIOS drops the range");
        }
        let total: u64 = self
            .machine
            .nodes
            .iter()
            .filter_map(|node| node.memory)
            .map(|size| size.0)
            .sum();
        if !self.machine.nodes.is_empty() && total != self.machine.memory.0 {
            bail!(
                "the nodes hold {} of the machine's {}",
                Size(total),
                self.machine.memory
            );
        }
        self.expect.check()?;
        self.baseline.expect.check()?;
        self.after
            .values()
            .chain(self.baseline.after.values())
            .try_for_each(Expect::check)
    }
}

/// The flavour that holds the C drivers.
pub const PEER: &str = "peer";

/// Whether a flavour holds the C drivers: that one, and those that stand on it.
pub fn is_peer(flavour: &str) -> bool {
    flavour == PEER || flavour.ends_with("_peer")
}

/// The flavour that differs from this one in having the C drivers.
pub fn peer_of(flavour: &str) -> String {
    match flavour {
        "lab" => PEER.into(),
        other => format!("{other}_{PEER}"),
    }
}

/// Reads all scenarios below `dir`, ordered by name.
pub fn load(dir: &Path) -> Result<Vec<Scenario>> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for file in toml_files(dir)? {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut scenario = Scenario::parse(&name, &text)
            .with_context(|| format!("{} is no good scenario", file.display()))?;
        if let Some(other) = scenarios.iter().find(|other| other.name == name) {
            bail!(
                "two scenarios are named {name}: {} and {}",
                other.file.display(),
                file.display()
            );
        }
        scenario.file = file;
        scenarios.push(scenario);
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

fn toml_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(toml_files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        title = "one range"
        [machine]
        soft-reserved = ["1G@4G"]
        [[step]]
        name = "look"
        run = "true"
        [expect]
        dax = [{ range = "0x100000000-0x13fffffff", node = 0, driver = "kmem" }]
        soft-reserved = ["0x100000000-0x13fffffff"]
        [after.look]
        log = ["hmem"]
    "#;

    #[test]
    fn reads_a_scenario() {
        let scenario = Scenario::parse("one", SMALL).unwrap();
        assert_eq!(scenario.machine.soft_reserved[0].at, 1 << 32);
        assert_eq!(scenario.all_flavours(), ["lab", "peer"]);
        assert!(scenario.snapshot_after("look"));
    }

    #[test]
    fn the_baseline_is_not_asked_for_what_only_rust_has() {
        let scenario = Scenario::parse("one", SMALL).unwrap();
        assert!(scenario.expectation("lab", None).soft_reserved.is_some());
        let peer = scenario.expectation("peer", None);
        assert!(peer.soft_reserved.is_none());
        assert_eq!(peer.dax.as_ref().map(Vec::len), Some(1));
    }

    #[test]
    fn an_own_baseline_replaces_the_kinds_it_names() {
        let text = format!(
            "{SMALL}\n[baseline]\nmode = \"own\"\nreason = \"C loses it\"\n[baseline.expect]\ndax = []\n"
        );
        let scenario = Scenario::parse("one", &text).unwrap();
        assert_eq!(
            scenario
                .expectation("peer", None)
                .dax
                .as_ref()
                .map(Vec::len),
            Some(0)
        );
        assert_eq!(
            scenario.expectation("lab", None).dax.as_ref().map(Vec::len),
            Some(1)
        );
    }

    #[test]
    fn the_baseline_has_c_drivers() {
        let with = |flavour: &str| {
            let text = format!("{SMALL}\n[baseline]\nflavour = \"{flavour}\"\n");
            Scenario::parse("one", &text)
        };
        assert_eq!(
            with("cxltest_peer").unwrap().all_flavours(),
            ["lab", "cxltest_peer"]
        );
        assert!(with("cxltest").is_err());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(Scenario::parse(
            "x",
            &SMALL.replace("soft-reserved = [\"0x", "soft-reservd = [\"0x")
        )
        .is_err());
        assert!(Scenario::parse("x", &SMALL.replace("[after.look]", "[after.lock]")).is_err());
        assert!(Scenario::parse("x", &format!("{SMALL}\n[baseline]\nmode = \"none\"\n")).is_err());
        assert!(Scenario::parse("x", &SMALL.replace("run = \"true\"", "")).is_err());
        assert!(Scenario::parse("x", &SMALL.replace("\"true\"", "\"! true\"")).is_err());
        assert!(Scenario::parse("x", &SMALL.replace("1G@4G", "1G")).is_err());
    }
}
