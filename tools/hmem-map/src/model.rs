// SPDX-License-Identifier: GPL-2.0

//! What hmem-map knows about a machine: the types behind `--json`, documented in `SCHEMA.md`.
//!
//! Two kinds of facts are kept apart. *Observed* fields repeat what a file said (`None` where the
//! file is missing or not readable). *Derived* ones, [`Map::soft_reserved`] and [`Map::areas`], are
//! computed from them and are what a person asks for: who owns which bytes.
//!
//! Fields are only ever added within one [`SCHEMA`] version; readers ignore what they do not know.

use crate::range::Range;
use serde::{Deserialize, Serialize};

/// Version of the JSON; raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// Everything known about one machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Name and version of the writer.
    pub tool: String,
    /// The kernel and its settings.
    pub system: System,
    /// What is missing from the picture and why, and what looks wrong.
    pub notes: Vec<Note>,
    /// Derived: each Soft Reserved range and each CXL window, divided among its owners.
    pub areas: Vec<Area>,
    /// Derived: the Soft Reserved ranges, from every source that tells, ascending, disjoint.
    pub soft_reserved: Vec<SoftReserved>,
    /// `/sys/bus/dax/devices`.
    pub dax_devices: Vec<DaxDevice>,
    /// The regions that the dax devices are cut from.
    pub dax_regions: Vec<DaxRegion>,
    /// `hmem.N` platform devices.
    pub hmem_devices: Vec<HmemDevice>,
    /// The CXL side.
    pub cxl: Cxl,
    /// debugfs table of hmem_rs; `None` when another driver is loaded or debugfs is not readable.
    pub hmem_rs: Option<HmemRs>,
    /// NUMA nodes.
    pub nodes: Vec<Node>,
    /// Hotpluggable memory blocks, ascending.
    pub memory_blocks: Vec<MemoryBlock>,
    /// `/sys/firmware/memmap`: what firmware handed to the kernel, before its command line changed it.
    pub firmware_map: Vec<FirmwareEntry>,
    /// `/proc/iomem` in file order; empty when the addresses are hidden.
    pub iomem: Vec<IomemEntry>,
}

/// The kernel and the settings that decide what becomes of the memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// `uname -r`.
    pub kernel: Option<String>,
    /// Kernel command line.
    pub cmdline: Option<String>,
    /// Bytes in a memory block.
    pub memory_block_size: Option<u64>,
    /// `auto_online_blocks`: what becomes of hot-added memory.
    pub auto_online_blocks: Option<String>,
    /// Which of the modules that matter are present (loaded, or built in with a `/sys/module` entry).
    pub modules: Vec<String>,
    /// `region_idle` of the hmem driver, if one is loaded.
    pub region_idle: Option<bool>,
    /// `dax.policy`: the rules for what memory becomes; absent where the kernel has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Addresses in `/proc/iomem` read as zero: not run as root.
    pub addresses_hidden: bool,
}

/// One line for the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What kind of line.
    pub kind: NoteKind,
    /// The line.
    pub text: String,
}

/// What a [`Note`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// Something on the machine that deserves attention: memory that nobody can use, for instance.
    Warning,
    /// A fact about the picture.
    Info,
    /// Hidden from this user; root would see it.
    NeedsRoot,
    /// A file said something that could not be understood.
    Unreadable,
}

/// One line of `/proc/iomem`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IomemEntry {
    /// Nesting, from 0.
    pub depth: u32,
    /// Address range.
    pub range: Range,
    /// Name of the resource.
    pub name: String,
}

/// One entry of `/sys/firmware/memmap`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmwareEntry {
    /// Address range.
    pub range: Range,
    /// Type as the kernel names it: `System RAM`, `Soft Reserved`, ...
    #[serde(rename = "type")]
    pub kind: String,
}

/// Where a Soft Reserved range is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// `/sys/firmware/memmap`.
    Firmware,
    /// `memmap=` on the kernel command line.
    CommandLine,
    /// debugfs of hmem_rs.
    HmemRs,
    /// `Soft Reserved` in `/proc/iomem`.
    Iomem,
    /// An `hmem.N` device; nothing else tells of the range.
    HmemDevice,
}

/// One Soft Reserved range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftReserved {
    /// Address range.
    pub range: Range,
    /// Who says so.
    pub sources: Vec<Source>,
    /// NUMA nodes of what lies in it, as far as known; ascending.
    pub nodes: Vec<i32>,
}

/// A Soft Reserved range or a CXL window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Which of the two.
    pub kind: AreaKind,
    /// Name of a window: `CXL Window 0`.
    pub name: Option<String>,
    /// Address range.
    pub range: Range,
    /// Who has which bytes: ascending, disjoint, together exactly `range`.
    pub parts: Vec<Part>,
}

/// Kind of an [`Area`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AreaKind {
    /// Firmware or the command line called it Soft Reserved.
    SoftReserved,
    /// A CXL fixed memory window.
    CxlWindow,
}

/// Bytes of an [`Area`] with one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Address range.
    pub range: Range,
    /// Who has it.
    pub owner: Owner,
    /// Whether these bytes are Soft Reserved.
    pub soft_reserved: bool,
    /// The CXL window around these bytes.
    pub window: Option<String>,
    /// NUMA node, where known.
    pub node: Option<i32>,
    /// Names of the dax devices with bytes in it.
    pub dax: Vec<String>,
    /// Why it is so, where known, in words.
    pub why: Option<String>,
}

/// Who has some bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Owner {
    /// A CXL region.
    Cxl {
        /// `regionN`.
        region: String,
    },
    /// The fallback driver.
    Hmem {
        /// `hmem.N`.
        device: String,
    },
    /// A CXL region and an hmem device both claim it: neither side gets to use it.
    Conflict {
        /// `regionN`.
        region: String,
        /// `hmem.N`.
        device: String,
    },
    /// A dax region of another origin (persistent memory, for instance).
    Dax {
        /// Parent device of the dax region.
        device: String,
    },
    /// Plain System RAM, not through a dax device.
    SystemRam,
    /// Something else in `/proc/iomem`.
    Other {
        /// Its name there.
        name: String,
    },
    /// hmem_rs left these bytes out; [`Part::why`] says why.
    Trimmed,
    /// hmem_rs waits for the CXL drivers before it decides.
    Waiting,
    /// Nobody.
    Nobody,
    /// The addresses that would tell are hidden from this user.
    Unknown,
}

/// What kind of device a dax region hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionKind {
    /// An `hmem.N` device.
    Hmem,
    /// A CXL region, through its `dax_regionN`.
    Cxl,
    /// Anything else.
    Other,
}

/// `dax_region/policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionPolicy {
    /// The actions in force, `kmem,unplugged`; `default` if there are none.
    pub actions: String,
    /// Where they come from: `rule 1: cxl:kmem,unplugged`, `no rule`, or `written`.
    pub source: String,
}

/// A range that dax devices are cut from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaxRegion {
    /// `dax_region/id`; the X in `daxX.Y`.
    pub id: Option<i32>,
    /// Name of the device it hangs on: `hmem.0`, `dax_region0`.
    pub parent: String,
    /// sysfs path of that device below the root, `/sys/devices/...`.
    pub path: String,
    /// What kind of device that is.
    pub kind: RegionKind,
    /// The CXL region behind it, for [`RegionKind::Cxl`].
    pub cxl_region: Option<String>,
    /// Driver of the parent device; no driver, no devices.
    pub driver: Option<String>,
    /// Address range, where it can be told.
    pub range: Option<Range>,
    /// Bytes.
    pub size: Option<u64>,
    /// Bytes that no device has yet.
    pub available_size: Option<u64>,
    /// What the administrator wants of it; absent where the kernel has no policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<RegionPolicy>,
    /// Alignment of its devices.
    pub align: Option<u64>,
    /// The device that waits to be configured.
    pub seed: Option<String>,
    /// Its devices, by name.
    pub devices: Vec<String>,
}

/// What a dax device is used as; the terms are daxctl's, but for [`Mode::Unbound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Bound to kmem.
    SystemRam,
    /// Bound to device_dax.
    Devdax,
    /// Bound to fsdev_dax.
    Famfs,
    /// No driver (daxctl says: devdax, disabled).
    Unbound,
    /// Another driver.
    Other,
}

/// One range of a dax device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Address range.
    pub range: Range,
    /// Where it begins in the device, in pages.
    pub page_offset: Option<u64>,
}

/// One dax device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaxDevice {
    /// `daxX.Y`.
    pub name: String,
    /// sysfs path below the root, `/sys/devices/...`.
    pub path: String,
    /// Parent device of its dax region, as [`DaxRegion::parent`].
    pub region: String,
    /// `dax_region/id`.
    pub region_id: Option<i32>,
    /// Its ranges; empty when it has none, or when they are hidden (then `size` is not 0).
    pub mappings: Vec<Mapping>,
    /// Bytes.
    pub size: Option<u64>,
    /// Alignment in bytes.
    pub align: Option<u64>,
    /// Driver, or none.
    pub driver: Option<String>,
    /// What the driver makes of it.
    pub mode: Mode,
    /// Node that its memory goes to.
    pub target_node: Option<i32>,
    /// Node that the device is near to.
    pub numa_node: Option<i32>,
    /// `state` of kmem, from Linux 7.3 on: `unplugged`, `offline`, `online`, `online_kernel`, `online_movable`.
    pub state: Option<String>,
    /// `memmap_on_memory`.
    pub memmap_on_memory: Option<bool>,
    /// Memory blocks inside its ranges.
    pub memory_blocks: Vec<MemoryBlock>,
}

/// One hotpluggable memory block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryBlock {
    /// Number, as in `memoryN`.
    pub id: u64,
    /// Address range; absent if the block size is not known.
    pub range: Option<Range>,
    /// `online`, `offline` or `going-offline`.
    pub state: Option<String>,
    /// `valid_zones`: for an online block the zone it is in (`Normal`, `Movable`).
    pub zone: Option<String>,
    /// Node it belongs to.
    pub node: Option<i32>,
}

/// One `hmem.N` platform device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmemDevice {
    /// `hmem.N`.
    pub name: String,
    /// N, the memregion id.
    pub id: Option<i32>,
    /// sysfs path below the root.
    pub path: String,
    /// Parent device: `hmem_platform.0` (older kernels: `platform`).
    pub host: String,
    /// Driver, or none.
    pub driver: Option<String>,
    /// Address range, where it can be told.
    pub range: Option<Range>,
    /// Node it is near to.
    pub numa_node: Option<i32>,
}

/// The CXL side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cxl {
    /// Windows that the host decodes to CXL.
    pub windows: Vec<CxlWindow>,
    /// Regions.
    pub regions: Vec<CxlRegion>,
    /// Every decoder below the windows: of ports, switches and endpoints.
    pub decoders: Vec<CxlDecoder>,
    /// Memory devices.
    pub memdevs: Vec<CxlMemdev>,
}

/// A CXL fixed memory window: a root decoder, its line in `/proc/iomem`, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CxlWindow {
    /// `CXL Window N`, or the decoder's name where iomem does not show it.
    pub name: String,
    /// Root decoder, `decoder0.N`.
    pub decoder: Option<String>,
    /// Address range, where not hidden.
    pub range: Option<Range>,
    /// Bytes.
    pub size: Option<u64>,
    /// Number of host bridges that it interleaves over.
    pub interleave_ways: Option<u32>,
    /// Bytes to one before it goes on to the next.
    pub interleave_granularity: Option<u64>,
    /// `target_list`: dport ids.
    pub targets: Option<String>,
    /// Takes volatile memory.
    pub cap_ram: Option<bool>,
    /// Takes persistent memory.
    pub cap_pmem: Option<bool>,
}

/// A decoder of a port, a switch or an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CxlDecoder {
    /// `decoderX.Y`.
    pub name: String,
    /// The port it belongs to: `port1`, `endpoint2`.
    pub port: String,
    /// Address range; `None` when idle or hidden.
    pub range: Option<Range>,
    /// Bytes; 0 when idle.
    pub size: Option<u64>,
    /// Region that it serves.
    pub region: Option<String>,
    /// Cannot be changed before the next reset.
    pub locked: Option<bool>,
}

/// One CXL region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CxlRegion {
    /// `regionN`.
    pub name: String,
    /// sysfs path below the root.
    pub path: String,
    /// Root decoder it lies in.
    pub decoder: Option<String>,
    /// Address range, where not hidden.
    pub range: Option<Range>,
    /// Bytes.
    pub size: Option<u64>,
    /// Whether its decoders are committed.
    pub committed: Option<bool>,
    /// `ram` or `pmem`.
    pub mode: Option<String>,
    /// Driver, or none.
    pub driver: Option<String>,
    /// Number of devices that it interleaves over.
    pub interleave_ways: Option<u32>,
    /// Bytes to one before it goes on to the next.
    pub interleave_granularity: Option<u64>,
    /// Endpoint decoders, in order of position.
    pub targets: Vec<String>,
    /// Memory devices behind them, in the same order, where known.
    pub memdevs: Vec<String>,
}

/// One CXL memory device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CxlMemdev {
    /// `memN`.
    pub name: String,
    /// Device behind it, a PCI address as a rule.
    pub host: Option<String>,
    /// Driver, or none.
    pub driver: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Volatile bytes.
    pub ram_size: Option<u64>,
    /// Persistent bytes.
    pub pmem_size: Option<u64>,
    /// Node it is near to.
    pub numa_node: Option<i32>,
    /// Its endpoint port, once the topology is up.
    pub endpoint: Option<String>,
}

/// One NUMA node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Number.
    pub id: i32,
    /// Its processors, as a list; empty for a node of memory only.
    pub cpus: Option<String>,
    /// Bytes of System RAM.
    pub mem_total: Option<u64>,
    /// Numbers of its memory blocks.
    pub memory_blocks: Vec<u64>,
}

/// debugfs of hmem_rs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HmemRs {
    /// The table `ranges`.
    pub ranges: Vec<RangeDecision>,
}

/// How far hmem_rs is with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Waits until the CXL drivers had their chance.
    Waiting,
    /// Decided.
    Decided,
    /// There is none: something was missing to make it.
    Failed,
}

/// One range of the walk, and what hmem_rs made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeDecision {
    /// The range as firmware or HMAT describes it.
    pub range: Range,
    /// Target node.
    pub node: i32,
    /// Host device, `hmem_platform.0`.
    pub host: String,
    /// How far.
    pub state: Decision,
    /// The negative error of a decision that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Bytes of it that are Soft Reserved.
    pub reserved: u64,
    /// Bytes that CXL keeps.
    pub cxl: u64,
    /// Bytes that hmem registered.
    pub hmem: u64,
    /// Bytes given up.
    pub trimmed: u64,
    /// The pieces, in the order of the table.
    pub pieces: Vec<Piece>,
}

/// One piece of a decided range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Piece {
    /// Kept by CXL.
    Cxl {
        /// Address range.
        range: Range,
        /// The regions that cover it.
        regions: Vec<String>,
    },
    /// Registered by hmem.
    Hmem {
        /// Address range.
        range: Range,
        /// `hmem.N`; none if the device could not be made.
        device: Option<String>,
        /// 0, or the negative error.
        errno: i32,
    },
    /// Given up.
    Trimmed {
        /// Address range.
        range: Range,
        /// The driver's word for why.
        reason: String,
    },
}

impl Piece {
    /// Address range of the piece.
    pub fn range(&self) -> Range {
        match self {
            Self::Cxl { range, .. } | Self::Hmem { range, .. } | Self::Trimmed { range, .. } => {
                *range
            }
        }
    }
}

impl Map {
    /// The dax device called `name`.
    pub fn dax_device(&self, name: &str) -> Option<&DaxDevice> {
        self.dax_devices.iter().find(|d| d.name == name)
    }

    /// The dax devices cut from the region on device `parent` (`hmem.0`, `dax_region0`).
    pub fn dax_devices_on<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a DaxDevice> {
        self.dax_devices.iter().filter(move |d| d.region == parent)
    }

    /// The CXL region called `name`.
    pub fn cxl_region(&self, name: &str) -> Option<&CxlRegion> {
        self.cxl.regions.iter().find(|r| r.name == name)
    }

    /// The lines of `/proc/iomem` called `name`.
    pub fn iomem_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a IomemEntry> {
        self.iomem.iter().filter(move |e| e.name == name)
    }
}
