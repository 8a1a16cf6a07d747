// SPDX-License-Identifier: GPL-2.0

//! The guest's file system: programs of this environment with their libraries, the kernel's modules, the
//! kselftest scripts and the job, one archive after another.

mod cpio;
mod programs;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::case::Ground;
use crate::scenario::{is_peer, Scenario, Step};
use cpio::Archive;

const INIT: &str = include_str!("init.sh");
const JOURNALCTL: &str = include_str!("journalctl");
const LIBRARY: &str = include_str!("lab.sh");

/// What one boot needs in its initramfs.
pub struct Job<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The kernel's flavour.
    pub flavour: &'a str,
    /// The kernel's version, like 7.3.
    pub kver: &'a str,
    /// How many times as long as in a fast kernel a step may take.
    pub patience: u64,
    /// Whether a shell on the console takes the place of the steps.
    pub interactive: bool,
}

/// Writes the initramfs of `job` to `to`; `kernel` is `out/<version>-<flavour>`.
pub fn write(job: &Job<'_>, kernel: &Path, ground: &Ground, to: &Path) -> Result<()> {
    let mut bytes = programs::archive(&ground.cache)?;
    bytes.extend(kernel_archive(kernel)?.bytes()?);
    bytes.extend(job_archive(job, ground)?.bytes()?);
    fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))
}

/// What comes with one kernel: its modules, and scripts of its own tests in /lab/selftests.
fn kernel_archive(kernel: &Path) -> Result<Archive> {
    let mut archive = Archive::default();
    let selftests = kernel.join("selftests");
    if selftests.is_dir() {
        archive.tree("lab/selftests", &selftests)?;
    }
    let releases: Vec<PathBuf> = match fs::read_dir(kernel.join("modules/lib/modules")) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
        // A kernel with everything built in.
        Err(_) => Vec::new(),
    };
    for release in releases {
        let name = release
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        archive.tree(&format!("usr/lib/modules/{name}"), &release)?;
    }
    Ok(archive)
}

fn job_archive(job: &Job<'_>, ground: &Ground) -> Result<Archive> {
    let mut archive = Archive::default();
    let selftests = ground.selftests.as_path();
    archive.text("init", 0o755, INIT);
    archive.text("lab/lab.sh", 0o644, LIBRARY);
    archive.text("lab/job", 0o644, job_script(job));
    if selftests.is_dir() {
        archive.tree("lab/hmem_rs", selftests)?;
    }
    for step in &job.scenario.steps {
        archive.text(
            &format!("lab/steps/{}", step.name),
            0o755,
            step_script(step, job, selftests)?,
        );
    }
    if !job.scenario.guest.no_autoload.is_empty() {
        let lines: String = job
            .scenario
            .guest
            .no_autoload
            .iter()
            .map(|module| format!("blacklist {module}\n"))
            .collect();
        archive.text("etc/modprobe.d/lab.conf", 0o644, lines);
    }
    let wanted = job.scenario.guest.ndctl.as_ref();
    if let Some(ndctl) = wanted.and_then(|wanted| ground.ndctl.get(wanted)) {
        archive.tree("lab/ndctl", ndctl)?;
        archive.text("usr/bin/journalctl", 0o755, JOURNALCTL);
    }
    if let Some(hmem_map) = &ground.hmem_map {
        programs::add(&mut archive, "usr/bin/hmem-map", hmem_map)?;
    }
    Ok(archive)
}

/// The job that `init.sh` runs: calls of the functions in `lab.sh`.
fn job_script(job: &Job<'_>) -> String {
    let mut lines = vec!["# What this boot does, in order.".to_string()];
    if job.scenario.guest.coldplug {
        lines.push("lab_coldplug".into());
    }
    if job.interactive {
        lines.push("lab_shell".into());
        return lines.join("\n") + "\n";
    }
    for step in job
        .scenario
        .steps
        .iter()
        .filter(|step| step.runs_on(job.flavour))
    {
        let timeout = step.timeout * job.patience;
        lines.push(format!("lab_step {} {timeout}", step.name));
        if job.scenario.snapshot_after(&step.name) {
            lines.push(format!("lab_snapshot after-{}", step.name));
        }
    }
    let stuck = if job.scenario.guest.stuck {
        " stuck"
    } else {
        ""
    };
    lines.push(format!("lab_snapshot end{stuck}"));
    lines.join("\n") + "\n"
}

fn step_script(step: &Step, job: &Job<'_>, selftests: &Path) -> Result<String> {
    let mut text = String::from("#!/bin/bash\n");
    let driver = crate::judge::driver_module(job.flavour);
    let mut export = |name: &str, value: &str| text += &format!("export {name}={}\n", quote(value));
    export("HMEM_MODULE", driver);
    export("HMEM_FLAVOUR", job.flavour);
    export("HMEM_KVER", job.kver);
    for (name, value) in &step.env {
        export(name, value);
    }
    match (&step.script, &step.run) {
        (Some(script), _) => {
            if !selftests.join(script).is_file() {
                bail!(
                    "{}: step {}: no script {script} in {}",
                    job.scenario.name,
                    step.name,
                    selftests.display()
                );
            }
            text += "cd /lab/hmem_rs || exit 1\n";
            text += &format!("exec ./{script}");
            for arg in &step.args {
                text += &format!(" {}", quote(arg));
            }
            text.push('\n');
        }
        (None, Some(lines)) => {
            text += ". /lab/lab.sh\nset -eu\n";
            text += "trap 'echo \"# failed: $BASH_COMMAND\"' ERR\n";
            text += lines.trim_start_matches('\n');
            text.push('\n');
        }
        (None, None) => unreachable!("a scenario without either is refused when it is read"),
    }
    Ok(text)
}

/// Quotes for the shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Step {
    /// Whether the step runs with `flavour`.
    pub fn runs_on(&self, flavour: &str) -> bool {
        (self.baseline || !is_peer(flavour))
            && (self.flavours.is_empty() || self.flavours.iter().any(|name| name == flavour))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        assert_eq!(quote("it's"), r"'it'\''s'");
    }

    #[test]
    fn the_job_follows_the_scenario() {
        let scenario = Scenario::parse(
            "x",
            "title = 'x'\n[[step]]\nname = 'one'\nrun = 'true'\n[[step]]\nname = 'two'\nrun = 'true'\n\
             flavours = ['peer']\n[[step]]\nname = 'three'\nrun = 'true'\nbaseline = false\n[expect]\n[after.one]\n",
        )
        .unwrap();
        let job = Job {
            scenario: &scenario,
            flavour: "lab",
            kver: "7.3",
            patience: 1,
            interactive: false,
        };
        let script = job_script(&job);
        assert!(
            script.ends_with(
                "lab_coldplug\nlab_step one 150\nlab_snapshot after-one\nlab_step three 150\n\
                 lab_snapshot end\n"
            ),
            "{script}"
        );
        let peer = Job {
            flavour: "peer",
            patience: 4,
            ..job
        };
        let script = job_script(&peer);
        assert!(
            script.contains("lab_step two 600") && !script.contains("three"),
            "{script}"
        );
    }
}
