// SPDX-License-Identifier: GPL-2.0

//! Which cases a test run has, and what they need before they can run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use serde::Deserialize;

use crate::case::{self, Kernel, Skip};
use crate::kernel::{Other, KVERS};
use crate::scenario::{Firmware, Scenario};

/// One case to run.
#[derive(Debug, Clone)]
pub struct Planned<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The kernel's version.
    pub kver: String,
    /// The kernel's flavour.
    pub flavour: String,
}

impl Planned<'_> {
    /// `scenario-version-flavour`.
    pub fn name(&self) -> String {
        case::name(self.scenario, &self.kver, &self.flavour)
    }
}

/// What narrows a test run down.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Words that a case's name holds, or tags that its scenario has; none means all.
    pub filters: Vec<String>,
    /// Kernel versions; none means all.
    pub kvers: Vec<String>,
    /// Flavours; none means all.
    pub flavours: Vec<String>,
    /// Whether no flavour means really all, stand-ins included.
    pub all: bool,
    /// Flavours that can run the scenarios of another one as well, with that one.
    pub stand_ins: BTreeMap<String, Other>,
}

impl Choice {
    /// The flavours that `scenario` runs on.
    fn flavours(&self, scenario: &Scenario) -> Vec<String> {
        let mut flavours = scenario.all_flavours();
        if self.all || !self.flavours.is_empty() {
            let stand_ins: Vec<String> = self
                .stand_ins
                .iter()
                .filter(|(stand_in, other)| {
                    flavours.contains(&other.name)
                        && (other.cxl || scenario.cxl.is_none())
                        && !flavours.contains(stand_in)
                        && !scenario.not_on.contains_key(*stand_in)
                })
                .map(|(stand_in, _)| stand_in.clone())
                .collect();
            flavours.extend(stand_ins);
        }
        flavours.retain(|flavour| self.flavours.is_empty() || self.flavours.contains(flavour));
        flavours
    }
}

/// The cases that `choice` leaves, ordered by scenario, version and flavour.
pub fn cases<'a>(scenarios: &'a [Scenario], choice: &Choice) -> Vec<Planned<'a>> {
    let kvers: Vec<&str> = match choice.kvers.as_slice() {
        [] => KVERS.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let mut cases = Vec::new();
    for scenario in scenarios {
        for kver in kvers.iter().filter(|kver| {
            scenario.kernels.is_empty() || scenario.kernels.iter().any(|k| k == *kver)
        }) {
            for flavour in choice.flavours(scenario) {
                let planned = Planned {
                    scenario,
                    kver: kver.to_string(),
                    flavour,
                };
                let name = planned.name();
                // The name of a scenario means that one; other words are looked for in all names.
                let exact =
                    |filter: &String| scenarios.iter().any(|scenario| scenario.name == *filter);
                let wanted = |filter: &String| match exact(filter) {
                    true => scenario.name == *filter || scenario.tags.contains(filter),
                    false => name.contains(filter.as_str()) || scenario.tags.contains(filter),
                };
                if choice.filters.is_empty() || choice.filters.iter().any(wanted) {
                    cases.push(planned);
                }
            }
        }
    }
    cases
}

/// Where something comes from that may be missing for a reason nobody here can help.
#[derive(Debug, Clone)]
pub enum Supply<T> {
    /// It is there.
    There(T),
    /// No package suite has it (any more, or yet).
    Nowhere(String),
    /// It should be there, but could not be made.
    Failed(String),
}

/// Kernels and firmware of a run.
#[derive(Debug, Default)]
pub struct Supplies {
    /// By version and flavour.
    pub kernels: BTreeMap<(String, String), Supply<PathBuf>>,
    /// The UEFI image, if any case needs it.
    pub ovmf: Option<Supply<PathBuf>>,
    /// The tests of ndctl that cases need, by version.
    pub ndctl: BTreeMap<String, Supply<PathBuf>>,
}

/// Kernels that `cases` boot.
pub fn kernels(cases: &[Planned<'_>]) -> BTreeSet<(String, String)> {
    cases
        .iter()
        .map(|case| (case.kver.clone(), case.flavour.clone()))
        .collect()
}

/// Whether a scenario needs something beside a kernel that may be missing.
pub fn may_be_skipped(scenario: &Scenario, forgiven: &Forgiven) -> bool {
    let ndctl = scenario.guest.ndctl.as_ref();
    ndctl.is_some_and(|wanted| forgiven.forgives(&ndctl_id(wanted)))
        || scenario.machine.firmware == Firmware::Ovmf && forgiven.forgives(FIRMWARE)
}

/// What `forgiven-skips.toml` knows the UEFI image by.
const FIRMWARE: &str = "firmware-image";

/// What it knows the tests of a version of ndctl by.
fn ndctl_id(version: &str) -> String {
    format!("ndctl-{version}")
}

/// Whether a case needs the UEFI image.
pub fn needs_ovmf(cases: &[Planned<'_>]) -> bool {
    cases
        .iter()
        .any(|case| case.scenario.machine.firmware == Firmware::Ovmf)
}

/// Why a case cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// What it needs is nowhere to be had.
    Skip(Skip),
    /// What it needs is broken.
    Broken(String),
}

impl Supplies {
    /// The kernel for `case`, or why it cannot run.
    pub fn kernel(
        &self,
        case: &Planned<'_>,
        forgiven: &Forgiven,
    ) -> std::result::Result<Kernel, Obstacle> {
        if case.scenario.machine.firmware == Firmware::Ovmf {
            there(self.ovmf.as_ref(), FIRMWARE, forgiven)?;
        }
        if let Some(wanted) = &case.scenario.guest.ndctl {
            there(self.ndctl.get(wanted), &ndctl_id(wanted), forgiven)?;
        }
        let key = (case.kver.clone(), case.flavour.clone());
        let id = format!("kernel-{}", case.kver);
        let dir = there(self.kernels.get(&key), &id, forgiven)?;
        let (kver, flavour) = key;
        Ok(Kernel {
            kver,
            flavour,
            dir: dir.clone(),
        })
    }
}

/// What was looked for, or why there is none; `id` is what `forgiven-skips.toml` knows it by.
fn there<'a, T>(
    supply: Option<&'a Supply<T>>,
    id: &str,
    forgiven: &Forgiven,
) -> std::result::Result<&'a T, Obstacle> {
    match supply {
        Some(Supply::There(found)) => Ok(found),
        Some(Supply::Nowhere(why)) => Err(forgiven.skip(id, why)),
        Some(Supply::Failed(why)) => Err(Obstacle::Broken(why.clone())),
        None => Err(Obstacle::Broken(format!("{id} was not looked for"))),
    }
}

/// Skips that do not fail a run: `forgiven-skips.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgiven {
    #[serde(default)]
    skip: Vec<ForgivenSkip>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForgivenSkip {
    id: String,
    reason: String,
}

impl Forgiven {
    /// Reads the list.
    pub fn load(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no good list of skips", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        if let Some(skip) = list.skip.iter().find(|skip| skip.reason.is_empty()) {
            bail!("skip {}: say why in reason", skip.id);
        }
        Ok(list)
    }

    /// Whether that skip is on the list.
    pub fn forgives(&self, id: &str) -> bool {
        self.skip.iter().any(|skip| skip.id == id)
    }

    fn skip(&self, id: &str, why: &str) -> Obstacle {
        let forgiven = self.forgives(id);
        Obstacle::Skip(Skip {
            id: id.to_string(),
            why: why.to_string(),
            forgiven,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios() -> Vec<Scenario> {
        [
            ("small", "title = 'x'\ntags = ['quick']\n[expect]\n"),
            ("uefi", "title = 'x'\nkernels = ['7.3']\n[machine]\nfirmware = 'ovmf'\n[baseline]\nmode = 'none'\nreason = 'x'\n[expect]\n"),
        ]
        .map(|(name, text)| Scenario::parse(name, text).unwrap())
        .to_vec()
    }

    fn names(choice: &Choice) -> Vec<String> {
        cases(&scenarios(), choice)
            .iter()
            .map(Planned::name)
            .collect()
    }

    /// `debug` for `lab`, perhaps with CXL devices.
    fn stand_ins(cxl: bool) -> BTreeMap<String, Other> {
        let lab = Other {
            name: "lab".into(),
            cxl,
        };
        [("debug".into(), lab)].into()
    }

    #[test]
    fn some_kernels_know_no_cxl_devices() {
        let cxl = "title = 'x'\n[cxl]\nbridge = [{ id = 'hb0' }]\n[expect]\n";
        let all = |cxl_too| {
            let scenarios = [Scenario::parse("one", cxl).unwrap()];
            let choice = Choice {
                flavours: vec!["debug".into()],
                stand_ins: stand_ins(cxl_too),
                ..Choice::default()
            };
            cases(&scenarios, &choice).len()
        };
        assert_eq!((all(true), all(false)), (KVERS.len(), 0));
    }

    #[test]
    fn some_scenarios_are_not_for_a_stand_in() {
        let choice = Choice {
            flavours: vec!["debug".into()],
            stand_ins: stand_ins(true),
            ..Choice::default()
        };
        let all = |not_on: &str| {
            let text = format!("title = 'x'\n{not_on}\n[expect]\n");
            let scenarios = [Scenario::parse("one", &text)?];
            anyhow::Ok(cases(&scenarios, &choice).len())
        };
        assert_eq!(all("").unwrap(), KVERS.len());
        assert_eq!(all("not-on = { debug = 'why' }").unwrap(), 0);
        assert_eq!(all("not-on = { removal = 'why' }").unwrap(), KVERS.len());
        all("not-on = { debug = '' }").unwrap_err();
    }

    #[test]
    fn a_run_is_every_kernel_of_every_scenario() {
        assert_eq!(
            names(&Choice::default()),
            [
                "small-7.3-lab",
                "small-7.3-peer",
                "small-7.2-lab",
                "small-7.2-peer",
                "uefi-7.3-lab"
            ]
        );
        assert_eq!(
            names(&Choice {
                filters: vec!["quick".into()],
                kvers: vec!["7.2".into()],
                ..Choice::default()
            })
            .len(),
            2
        );
        assert_eq!(
            names(&Choice {
                filters: vec!["uefi".into()],
                ..Choice::default()
            }),
            ["uefi-7.3-lab"]
        );
        assert_eq!(
            names(&Choice {
                filters: vec!["-7.2-".into()],
                ..Choice::default()
            })
            .len(),
            2
        );
        assert_eq!(
            names(&Choice {
                flavours: vec!["peer".into()],
                ..Choice::default()
            })
            .len(),
            2
        );
        assert_eq!(
            names(&Choice {
                flavours: vec!["debug".into()],
                stand_ins: stand_ins(true),
                kvers: vec!["7.3".into()],
                ..Choice::default()
            }),
            ["small-7.3-debug", "uefi-7.3-debug"]
        );
        assert_eq!(
            names(&Choice {
                all: true,
                stand_ins: stand_ins(true),
                kvers: vec!["7.3".into()],
                filters: vec!["small".into()],
                ..Choice::default()
            }),
            ["small-7.3-lab", "small-7.3-peer", "small-7.3-debug"]
        );
        assert!(names(&Choice {
            filters: vec!["nothing".into()],
            ..Choice::default()
        })
        .is_empty());
    }

    #[test]
    fn only_listed_skips_are_forgiven() {
        let forgiven =
            Forgiven::parse("[[skip]]\nid = 'firmware-image'\nreason = 'the suite may lose it'\n")
                .unwrap();
        let scenarios = scenarios();
        let cases = cases(
            &scenarios,
            &Choice {
                kvers: vec!["7.3".into()],
                ..Choice::default()
            },
        );
        let uefi = cases
            .iter()
            .find(|case| case.scenario.name == "uefi")
            .unwrap();
        let mut supplies = Supplies {
            ovmf: Some(Supply::Nowhere("no suite".into())),
            ..Supplies::default()
        };
        assert!(matches!(
            supplies.kernel(uefi, &forgiven),
            Err(Obstacle::Skip(Skip { forgiven: true, .. }))
        ));
        supplies.ovmf = Some(Supply::There("x".into()));
        supplies.kernels.insert(
            ("7.3".into(), "lab".into()),
            Supply::Nowhere("no suite".into()),
        );
        assert!(matches!(
            supplies.kernel(uefi, &forgiven),
            Err(Obstacle::Skip(Skip {
                forgiven: false,
                ..
            }))
        ));
        supplies.kernels.insert(
            ("7.3".into(), "lab".into()),
            Supply::Failed("does not compile".into()),
        );
        assert!(matches!(
            supplies.kernel(uefi, &forgiven),
            Err(Obstacle::Broken(_))
        ));
        supplies
            .kernels
            .insert(("7.3".into(), "lab".into()), Supply::There("x".into()));
        assert!(supplies.kernel(uefi, &forgiven).is_ok());
        assert!(Forgiven::parse("[[skip]]\nid = 'x'\nreason = ''\n").is_err());
    }

    #[test]
    fn tests_of_a_version_that_nobody_has() {
        let text = "title = 'x'\n[guest]\nndctl = '85'\n[expect]\n";
        let scenarios = [Scenario::parse("one", text).unwrap()];
        let cases = cases(&scenarios, &Choice::default());
        let forgiven = Forgiven::parse("[[skip]]\nid = 'ndctl-85'\nreason = 'old'\n").unwrap();
        let with = |tests: Option<Supply<PathBuf>>| {
            let kernel = (
                (cases[0].kver.clone(), cases[0].flavour.clone()),
                Supply::There("x".into()),
            );
            let supplies = Supplies {
                kernels: [kernel].into(),
                ovmf: None,
                ndctl: tests
                    .map(|tests| ("85".into(), tests))
                    .into_iter()
                    .collect(),
            };
            supplies.kernel(&cases[0], &forgiven)
        };
        assert!(with(Some(Supply::There("x".into()))).is_ok());
        assert!(matches!(
            with(Some(Supply::Nowhere("no suite".into()))),
            Err(Obstacle::Skip(Skip { forgiven: true, .. }))
        ));
        for broken in [None, Some(Supply::Failed("no network".into()))] {
            assert!(matches!(with(broken), Err(Obstacle::Broken(_))));
        }
    }
}
