// SPDX-License-Identifier: GPL-2.0

//! One scenario on both kernels: which boots make a pair, and what their snapshots differ in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::difference::{self, Difference};
use super::facts::Facts;
use super::intended::{List, Place};
use crate::case;
use crate::plan::Planned;
use crate::scenario::{is_peer, peer_of, BaselineMode, Scenario};

/// A scenario and a kernel's version; the flavours are the scenario's own.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The kernel's version.
    pub kver: String,
    /// The flavour with our drivers.
    pub ours: String,
}

/// What came of a pair.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The scenario.
    pub scenario: String,
    /// `scenario-version`.
    pub name: String,
    /// Snapshots that were compared.
    pub snapshots: usize,
    /// Facts that are the same in both.
    pub same: usize,
    /// Differences, with the snapshot they are in, and what explains them.
    pub differences: Vec<(String, Difference, Option<Place>)>,
    /// Steps that only our drivers take, and steps that only the C drivers take.
    pub alone: [Vec<String>; 2],
    /// Why there is nothing to compare.
    pub problem: Option<String>,
}

impl Outcome {
    /// Whether both drivers agree in all that they should.
    pub fn passed(&self) -> bool {
        self.problem.is_none() && self.unexplained().next().is_none()
    }

    /// Differences that nobody meant.
    pub fn unexplained(&self) -> impl Iterator<Item = &(String, Difference, Option<Place>)> {
        self.differences
            .iter()
            .filter(|(_, _, place)| place.is_none())
    }
}

/// Reads the table in debugfs, which the C driver does not have: no other step.
const TABLE: &str = "cxl-table.sh";

/// The pairs among `cases`, and the scenarios that have none, with the reason.
pub fn pairs<'a>(cases: &[Planned<'a>]) -> (Vec<Pair<'a>>, Vec<(String, String)>) {
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    for case in cases.iter().filter(|case| !is_peer(&case.flavour)) {
        let scenario = case.scenario;
        if scenario.baseline.mode == BaselineMode::None {
            alone.push((scenario.name.clone(), scenario.baseline.reason.clone()));
        } else if peer_of(&case.flavour) == scenario.baseline.flavour {
            pairs.push(Pair {
                scenario,
                kver: case.kver.clone(),
                ours: case.flavour.clone(),
            });
        }
    }
    alone.sort();
    alone.dedup();
    (pairs, alone)
}

impl Pair<'_> {
    /// `scenario-version`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.scenario.name, self.kver)
    }

    /// Where the boots left their snapshots: the C driver's, ours.
    pub fn dirs(&self, out: &Path) -> [PathBuf; 2] {
        [self.scenario.baseline.flavour.as_str(), &self.ours]
            .map(|flavour| out.join(case::name(self.scenario, &self.kver, flavour)))
    }

    /// Compares the snapshots in `out`.
    pub fn compare(&self, out: &Path, list: &List) -> Outcome {
        let mut outcome = Outcome {
            scenario: self.scenario.name.clone(),
            name: self.name(),
            alone: self.steps_of_one(),
            ..Outcome::default()
        };
        if let Err(error) = self.snapshots(out, list, &mut outcome) {
            outcome.problem = Some(format!("{error:#}"));
        }
        outcome
    }

    fn snapshots(&self, out: &Path, list: &List, outcome: &mut Outcome) -> Result<()> {
        let [c, rust] = self.dirs(out);
        for name in self.names() {
            let log = name == "end";
            let read = |dir: &Path| {
                let dir = dir.join(&name);
                Facts::read(&dir, log).with_context(|| format!("no snapshot in {}", dir.display()))
            };
            let (differences, same) = difference::between(&read(&c)?, &read(&rust)?);
            outcome.snapshots += 1;
            outcome.same += same;
            outcome
                .differences
                .extend(differences.into_iter().map(|found| {
                    let place = list.explain(&self.scenario.name, &found);
                    (name.clone(), found, place)
                }));
        }
        Ok(())
    }

    /// Steps that only our drivers take, and steps that only the C drivers take.
    fn steps_of_one(&self) -> [Vec<String>; 2] {
        let [c, ours] = [self.scenario.baseline.flavour.as_str(), &self.ours];
        [(ours, c), (c, ours)].map(|(one, other)| {
            let steps = self.scenario.steps.iter();
            steps
                .filter(|step| step.runs_on(one) && !step.runs_on(other))
                .filter(|step| step.script.as_deref() != Some(TABLE))
                .map(|step| step.name.clone())
                .collect()
        })
    }

    /// Snapshots that both boots have: after steps that both run, and the last one.
    fn names(&self) -> Vec<String> {
        self.scenario
            .steps
            .iter()
            .filter(|step| {
                step.runs_on(&self.ours) && step.runs_on(&self.scenario.baseline.flavour)
            })
            .filter(|step| self.scenario.snapshot_after(&step.name))
            .map(|step| format!("after-{}", step.name))
            .chain(["end".to_string()])
            .collect()
    }
}
