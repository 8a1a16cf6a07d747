// SPDX-License-Identifier: GPL-2.0

//! `hmem-lab run`: the demonstration. Builds a kernel, boots one scenario, shows the guest's map.
//! `hmem-lab shell`: the same machine, with a shell in it.

use std::fs;
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{bail, Context, Result};

use crate::case::{self, Ground, Kernel};
use crate::channel::Event;
use crate::guest::{self, Job};
use crate::kernel::KVERS;
use crate::machine::{self, Accel};
use crate::plan::{Supplies, Supply};
use crate::progress;
use crate::scenario::{self, Firmware, Scenario};
use crate::supply::{self, Source};
use crate::{picture, place};

/// Boots one scenario and shows what became of the memory that was set aside.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  hmem-lab run                                     the demonstration
  hmem-lab run --scenario cxl-region-smaller       another one; hmem-lab list names them
  hmem-lab run --flavour peer                      the same with the C driver")]
pub struct Args {
    /// Which scenario
    #[arg(long, default_value = "demo")]
    pub scenario: String,
    /// Kernel version; 7.2 where no suite has 7.3
    #[arg(long, value_name = "VERSION")]
    pub kver: Option<String>,
    /// Kernel flavour
    #[arg(long, default_value = "lab")]
    pub flavour: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// Boots one scenario's machine with a shell on the console.
#[derive(Debug, clap::Args)]
#[command(after_help = "The shell ends with the machine: exit, or Ctrl-A X.")]
pub struct ShellArgs {
    /// Which scenario
    #[arg(default_value = "demo")]
    pub scenario: String,
    /// Kernel version; 7.2 where no suite has 7.3
    #[arg(long, value_name = "VERSION")]
    pub kver: Option<String>,
    /// Kernel flavour
    #[arg(long, default_value = "lab")]
    pub flavour: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub source: Source,
}

/// Runs the demonstration.
pub fn main(args: Args) -> Result<ExitCode> {
    let (scenario, kernel, ground) = prepare(
        &args.scenario,
        args.kver.as_deref(),
        &args.flavour,
        &args.source,
    )?;
    let dir = place::repository()?.join("out/run");
    say(&format!(
        "boots Linux {} ({}): {}",
        kernel.kver, kernel.flavour, scenario.title
    ));
    let report = case::run(&scenario, &kernel, &ground, &dir, live);
    say(&format!("{:.1} s in all", report.time.as_secs_f64()));
    if let Ok(map) = picture::read(&dir) {
        println!(
            "\n{}",
            picture::text(
                &map,
                std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
            )
        );
        println!("the same as a picture: {}", dir.join("map.svg").display());
    }
    println!("logs and snapshots: {}", dir.display());
    if report.passed() {
        println!("all {} checks of the scenario hold", report.verdicts.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("not as expected:{}", progress::failure(&report));
    Ok(ExitCode::FAILURE)
}

fn say(text: &str) {
    eprintln!("hmem-lab: {text}");
}

/// What the guest does, as it does it.
pub(crate) fn live(event: &Event) {
    match event {
        Event::Boot(release, seconds) => {
            say(&format!("Linux {release} is up after {seconds:.1} s"))
        }
        Event::Step(name) => say(&format!("step {name}")),
        Event::Line(line) => eprintln!("    {line}"),
        Event::End(name, 0, seconds) => say(&format!("step {name} is done after {seconds:.1} s")),
        Event::End(name, status, _) => say(&format!("step {name} failed with status {status}")),
        Event::Fault(what) => say(what),
        Event::Snapshot(..) | Event::Done => {}
    }
}

/// The scenario, the kernel, and everything else that one boot needs.
pub(crate) fn prepare(
    name: &str,
    kver: Option<&str>,
    flavour: &str,
    source: &Source,
) -> Result<(Scenario, Kernel, Ground)> {
    let repository = place::repository()?;
    let scenarios = scenario::load(&repository.join("tools/hmem-lab/scenarios"))?;
    let Some(scenario) = scenarios.into_iter().find(|scenario| scenario.name == name) else {
        bail!("no scenario {name}: hmem-lab list names them");
    };
    let kernel = kernel(kver, flavour, source)?;
    let mut supplies = Supplies::default();
    if scenario.machine.firmware == Firmware::Ovmf {
        match source.firmware() {
            Supply::Nowhere(why) | Supply::Failed(why) => bail!("{why}"),
            there => supplies.ovmf = Some(there),
        }
    }
    if let Some(wanted) = &scenario.guest.ndctl {
        match supply::ndctl(wanted) {
            Supply::Nowhere(why) | Supply::Failed(why) => bail!("{why}"),
            there => supplies.ndctl.insert(wanted.clone(), there),
        };
    }
    let ground = supply::ground(&repository, &supplies, Accel::Tcg)?;
    Ok((scenario, kernel, ground))
}

/// The version asked for; if none was, the newest that can be had.
fn kernel(kver: Option<&str>, flavour: &str, source: &Source) -> Result<Kernel> {
    let wanted: Vec<&str> = kver.map_or(KVERS.to_vec(), |kver| vec![kver]);
    for (index, kver) in wanted.iter().enumerate() {
        match source.kernel(kver, flavour) {
            Supply::There(dir) => {
                return Ok(Kernel {
                    kver: kver.to_string(),
                    flavour: flavour.to_string(),
                    dir,
                });
            }
            Supply::Nowhere(why) => match wanted.get(index + 1) {
                Some(next) => say(&format!("{why}: takes {next}")),
                None => bail!("{why}"),
            },
            Supply::Failed(why) => bail!("{why}"),
        }
    }
    bail!("no kernel version is known");
}

/// Runs the shell.
pub fn shell(args: ShellArgs) -> Result<ExitCode> {
    let (scenario, kernel, ground) = prepare(
        &args.scenario,
        args.kver.as_deref(),
        &args.flavour,
        &args.source,
    )?;
    if scenario
        .cxl
        .as_ref()
        .is_some_and(|cxl| !cxl.regions.is_empty())
    {
        say("the firmware's regions of this scenario are left out: a shell cannot wait for them");
    }
    let dir = place::repository()?.join("out/shell");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let initrd = dir.join("initrd");
    let job = Job {
        scenario: &scenario,
        flavour: &kernel.flavour,
        kver: &kernel.kver,
        patience: 1,
        interactive: true,
    };
    guest::write(&job, &kernel.dir, &ground, &initrd)?;
    let mut command = shell_command(&scenario, &kernel, &initrd, &ground)?;
    // QEMU takes this process's place, and with it the terminal.
    Err(command.exec()).context("cannot start qemu-system-x86_64")
}

fn shell_command(
    scenario: &Scenario,
    kernel: &Kernel,
    initrd: &Path,
    ground: &Ground,
) -> Result<Command> {
    let mut command = Command::new("qemu-system-x86_64");
    command
        .args(machine::arguments(
            scenario,
            &kernel.dir.join("bzImage"),
            initrd,
            ground.ovmf.as_deref(),
            ground.accel,
        )?)
        .args(["-serial", "mon:stdio", "-serial", "null"]);
    Ok(command)
}
