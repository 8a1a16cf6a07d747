// SPDX-License-Identifier: GPL-2.0

//! Runs one guest under QEMU until it is done, dead, or out of time.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};

use crate::channel::{Event, Reader};
use crate::cxl::CxlSpec;

/// The emulator.
const QEMU: &str = "qemu-system-x86_64";
/// How often the guest's output is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How long a guest that has said all may take to power off.
const POWER_OFF: Duration = Duration::from_secs(10);

/// Set by a signal or by a first failure elsewhere: all boots end.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// How a boot ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The guest said that it is done.
    Done,
    /// QEMU ended before that: the guest panicked, or QEMU itself failed.
    Died(String),
    /// Nothing more was to be hoped for.
    TimedOut(u64),
    /// The lab was stopped.
    Stopped,
}

/// What came of a boot.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What the guest told, in order; snapshots are unpacked and told by name only.
    pub events: Vec<Event>,
    /// How long it took.
    pub time: Duration,
}

/// One boot, ready to run.
pub struct Boot<'a> {
    /// QEMU's arguments, from [`crate::machine::arguments`].
    pub args: Vec<String>,
    /// Where logs and snapshots go.
    pub dir: &'a Path,
    /// Seconds until it counts as hung.
    pub timeout: u64,
    /// Hardware whose decoders the lab programs before the guest's first instruction.
    pub cxl: Option<&'a CxlSpec>,
}

impl Boot<'_> {
    /// The console of the guest.
    pub fn console(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// Runs it. `watch` sees each event as it comes.
    pub fn run(&self, mut watch: impl FnMut(&Event)) -> Result<Outcome> {
        let begun = Instant::now();
        let port = self.dir.join("port");
        for file in [&port, &self.console()] {
            File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        }
        let mut args = self.args.clone();
        args.extend([
            "-serial".into(),
            format!("file:{}", self.console().display()),
        ]);
        args.extend(["-serial".into(), format!("file:{}", port.display())]);
        let sockets = self.cxl.map(|_| Sockets::new()).transpose()?;
        if let Some(sockets) = &sockets {
            args.extend(sockets.args());
        }
        fs::write(self.dir.join("qemu-command"), command_text(&args))
            .context("cannot write the QEMU command")?;
        let mut qemu = Qemu::start(&args, self.dir)?;
        if let (Some(cxl), Some(sockets)) = (self.cxl, &sockets) {
            if let Err(error) = cxl.program(&sockets.qtest(), &sockets.qmp()) {
                // If QEMU is what failed, its own words say more than a broken socket.
                if let Some(status) = qemu.ended_within(Duration::from_secs(2)) {
                    bail!(
                        "QEMU ended with {status} before the guest started: {}",
                        qemu.said()
                    );
                }
                return Err(error.context("the platform firmware could not be played"));
            }
        }
        let mut from = File::open(&port).context("cannot read the guest's port")?;
        let mut reader = Reader::default();
        let mut events = Vec::new();
        let mut done_at = None;
        let limit = Duration::from_secs(self.timeout);
        let ending = loop {
            let ended = qemu.ended();
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)
                .context("cannot read the guest's port")?;
            for event in reader.feed(&bytes) {
                watch(&event);
                match event {
                    Event::Done => done_at = Some(Instant::now()),
                    Event::Snapshot(name, data) => {
                        unpack(&self.dir.join(&name), &data)?;
                        events.push(Event::Snapshot(name, Vec::new()));
                    }
                    other => events.push(other),
                }
            }
            if let Some(at) = done_at {
                if ended.is_some() || at.elapsed() > POWER_OFF {
                    break Ending::Done;
                }
            } else if let Some(status) = ended {
                break Ending::Died(died(&status, &qemu.said(), &self.console()));
            } else if begun.elapsed() > limit {
                break Ending::TimedOut(self.timeout);
            } else if STOP.load(Ordering::Relaxed) {
                break Ending::Stopped;
            }
            sleep(TICK);
        };
        drop(qemu);
        let _ = fs::remove_file(port);
        Ok(Outcome {
            ending,
            events,
            time: begun.elapsed(),
        })
    }
}

/// A running QEMU, killed when it goes out of scope.
struct Qemu {
    child: Child,
    log: PathBuf,
}

impl Qemu {
    fn start(args: &[String], dir: &Path) -> Result<Self> {
        let log = dir.join("qemu.log");
        let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(QEMU)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| {
                format!("cannot start {QEMU}: use the toolbox, or install QEMU 11.1 or newer")
            })?;
        Ok(Self { child, log })
    }

    fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    fn ended_within(&mut self, time: Duration) -> Option<String> {
        let begun = Instant::now();
        loop {
            match self.ended() {
                None if begun.elapsed() < time => sleep(TICK),
                ended => return ended,
            }
        }
    }

    /// The last line that QEMU itself wrote.
    fn said(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines()
            .rfind(|line| !line.trim().is_empty())
            .unwrap_or("QEMU said nothing")
            .to_string()
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why QEMU ended before the guest was done, in one line.
fn died(status: &str, qemu: &str, console: &Path) -> String {
    let text = fs::read(console)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let panic = text
        .lines()
        .find(|line| line.contains("Kernel panic"))
        .or_else(|| {
            text.lines()
                .find(|line| line.contains("BUG:") || line.contains("Oops"))
        });
    match panic {
        Some(line) => format!("the guest's kernel died: {}", line.trim()),
        None if status == "exit status: 0" => "the guest powered off before it was done".into(),
        None => format!("QEMU died ({status}): {qemu}"),
    }
}

/// The last lines of a log, for people.
pub fn last_lines(file: &Path, count: usize) -> String {
    let text = fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn unpack(dir: &Path, data: &[u8]) -> Result<()> {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut tar = Command::new("tar")
        .args(["-xz", "--no-same-owner", "-f", "-", "-C"])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run tar")?;
    if let Some(mut stdin) = tar.stdin.take() {
        let _ = stdin.write_all(data);
    }
    if !tar.wait()?.success() {
        bail!("a snapshot of the guest is damaged (see {})", dir.display());
    }
    Ok(())
}

/// The command as one can paste it into a shell.
fn command_text(args: &[String]) -> String {
    let quoted: Vec<String> = args
        .iter()
        .map(|arg| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:+@".contains(c);
            if !arg.is_empty() && arg.chars().all(plain) {
                arg.clone()
            } else {
                format!("'{}'", arg.replace('\'', r"'\''"))
            }
        })
        .collect();
    format!("{QEMU} {}\n", quoted.join(" "))
}

/// Sockets to a machine that waits to be programmed. Their paths must be short (108 bytes), so they do not
/// lie beside the logs.
struct Sockets {
    dir: PathBuf,
}

impl Sockets {
    fn new() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "hmem-lab.{}.{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { dir })
    }

    fn qtest(&self) -> PathBuf {
        self.dir.join("qtest")
    }

    fn qmp(&self) -> PathBuf {
        self.dir.join("qmp")
    }

    fn args(&self) -> Vec<String> {
        let listen = |path: &Path| format!("unix:{},server=on,wait=off", path.display());
        [
            "-S",
            "-qtest",
            &listen(&self.qtest()),
            "-qtest-log",
            "none",
            "-qmp",
            &listen(&self.qmp()),
        ]
        .map(String::from)
        .to_vec()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_guest_is_one_line() {
        let dir = std::env::temp_dir().join(format!("hmem-lab-test.{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let console = dir.join("console");
        fs::write(
            &console,
            "[ 1.0] x\n[ 1.1] Kernel panic - not syncing: Attempted to kill init!\n",
        )
        .unwrap();
        assert!(died("exit status: 0", "", &console).contains("Attempted to kill init"));
        fs::write(&console, "").unwrap();
        assert_eq!(
            died("exit status: 1", "no such device", &console),
            "QEMU died (exit status: 1): no such device"
        );
        assert!(died("exit status: 0", "", &console).contains("powered off"));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            command_text(&["-append".into(), "a b".into()]),
            "qemu-system-x86_64 -append 'a b'\n"
        );
    }
}
