// SPDX-License-Identifier: GPL-2.0

//! What a scenario expects, kind by kind. A kind that is left out is not looked at; a list that is given is
//! the whole list: one device more or less is a failure.

use anyhow::{Context, Result};
use regex::Regex;
use serde::Deserialize;

use crate::size::{Range, Size};

/// The expectations at one moment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Expect {
    /// All dax devices, in the order of their addresses.
    pub dax: Option<Vec<Dax>>,
    /// All `hmem.N` platform devices.
    pub hmem: Option<Vec<Hmem>>,
    /// All `Soft Reserved` lines of /proc/iomem. hmem_rs only: the C driver shows none.
    pub soft_reserved: Option<Vec<Range>>,
    /// All ranges of hmem_rs' debugfs table.
    pub ranges: Option<Vec<Decision>>,
    /// Lines that /proc/iomem must hold, as it writes them: `100000000-13fffffff : dax0.0`.
    pub iomem: Option<Vec<String>>,
    /// Expressions that no line of /proc/iomem may match.
    pub iomem_absent: Option<Vec<String>>,
    /// Expressions that the kernel log must match.
    pub log: Option<Vec<String>>,
    /// The same, for what only hmem_rs says.
    pub log_rust: Option<Vec<String>>,
    /// Expressions that no line of the kernel log may match.
    pub log_absent: Option<Vec<String>>,
    /// Modules that must be loaded. `driver` stands for hmem_rs or dax_hmem.
    pub modules: Option<Vec<String>>,
    /// Modules that must not be loaded.
    pub modules_absent: Option<Vec<String>>,
    /// Complaints of the kernel that are expected here, with the reason.
    pub allow: Option<Vec<Allow>>,
}

/// A dax device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dax {
    /// Its name, where it matters.
    pub name: Option<String>,
    /// What it maps; left out for a device without size.
    pub range: Option<Range>,
    /// Its `target_node`.
    pub node: Option<i64>,
    /// Its driver: kmem, device_dax or none.
    pub driver: Option<String>,
    /// Its alignment.
    pub align: Option<Size>,
    /// The bus device above it, like `hmem.0` or `dax_region0`.
    pub parent: Option<String>,
}

/// An `hmem.N` device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hmem {
    /// Its name, where it matters.
    pub name: Option<String>,
    /// Its driver: hmem or none.
    pub driver: Option<String>,
    /// The size of its dax region.
    pub size: Option<Size>,
    /// Its `numa_node`.
    pub node: Option<i64>,
}

/// A row of debugfs `hmem_rs/ranges`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Decision {
    /// The range of the hmem walk.
    pub range: Range,
    /// Its node.
    pub node: Option<i64>,
    /// waiting, decided or failed.
    pub state: Option<String>,
    /// Bytes of it that are Soft Reserved.
    pub reserved: Option<Size>,
    /// Parts that CXL keeps, with the names of the regions where they matter.
    pub cxl: Option<Vec<CxlPart>>,
    /// Pieces that hmem registered.
    pub hmem: Option<Vec<Piece>>,
    /// Parts given up.
    pub trimmed: Option<Vec<Range>>,
}

/// A part of a range that a CXL region covers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CxlPart {
    /// Its bytes.
    pub range: Range,
    /// Number of regions that cover it.
    pub regions: Option<usize>,
}

/// A piece that hmem registered, or tried to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Piece {
    /// Its bytes.
    pub range: Range,
    /// What its registration returned.
    #[serde(default)]
    pub errno: i32,
}

/// A complaint of the kernel that is expected.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Allow {
    /// Expression for the line.
    pub line: String,
    /// Why it is no failure.
    pub reason: String,
}

impl Expect {
    /// Without what only hmem_rs can show, for the C driver.
    pub fn without_rust_only(self) -> Self {
        Self {
            soft_reserved: None,
            ranges: None,
            log_rust: None,
            ..self
        }
    }

    /// The kinds of `self`, and of `other` where `self` says nothing.
    pub fn over(self, other: Self) -> Self {
        Self {
            dax: self.dax.or(other.dax),
            hmem: self.hmem.or(other.hmem),
            soft_reserved: self.soft_reserved.or(other.soft_reserved),
            ranges: self.ranges.or(other.ranges),
            iomem: self.iomem.or(other.iomem),
            iomem_absent: self.iomem_absent.or(other.iomem_absent),
            log: self.log.or(other.log),
            log_rust: self.log_rust.or(other.log_rust),
            log_absent: self.log_absent.or(other.log_absent),
            modules: self.modules.or(other.modules),
            modules_absent: self.modules_absent.or(other.modules_absent),
            allow: self.allow.or(other.allow),
        }
    }

    /// Refuses expressions that are none, and allowances without a reason.
    pub fn check(&self) -> Result<()> {
        let lists = [
            &self.iomem_absent,
            &self.log,
            &self.log_rust,
            &self.log_absent,
        ];
        for expression in lists.into_iter().flatten().flatten() {
            Regex::new(expression)
                .with_context(|| format!("{expression:?} is no regular expression"))?;
        }
        for allow in self.allow.iter().flatten() {
            Regex::new(&allow.line)
                .with_context(|| format!("{:?} is no regular expression", allow.line))?;
            anyhow::ensure!(
                !allow.reason.is_empty(),
                "allow {:?}: say why in reason",
                allow.line
            );
        }
        Ok(())
    }
}
