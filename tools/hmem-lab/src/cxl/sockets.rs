// SPDX-License-Identifier: GPL-2.0

//! QEMU's two control sockets: QMP to ask and to start the machine, qtest to reach its hardware while it
//! stands still.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use serde_json::{json, Value};

/// How long QEMU may take to open a socket or to answer; a limit for a broken run.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, line by line.
struct Lines {
    writer: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Lines {
    fn connect(socket: &Path) -> Result<Self> {
        let started = Instant::now();
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if started.elapsed() > PATIENCE => {
                    return Err(error)
                        .with_context(|| format!("QEMU does not answer on {}", socket.display()))
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            writer: stream.try_clone()?,
            reader: BufReader::new(stream),
        })
    }

    fn say(&mut self, text: &str) -> Result<()> {
        self.writer
            .write_all(format!("{text}\n").as_bytes())
            .context("QEMU's socket is gone")
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        if self
            .reader
            .read_line(&mut line)
            .context("QEMU does not answer")?
            == 0
        {
            bail!("QEMU closed its socket");
        }
        Ok(line.trim().to_string())
    }
}

/// The machine monitor.
pub(super) struct Qmp(Lines);

impl Qmp {
    /// Connects, waiting for the socket to appear.
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        let mut qmp = Self(Lines::connect(socket)?);
        qmp.0.hear().context("no QMP greeting")?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs one command and returns what it returned.
    pub(super) fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        self.0
            .say(&json!({ "execute": command, "arguments": arguments }).to_string())?;
        loop {
            let mut answer: Value =
                serde_json::from_str(&self.0.hear()?).context("QMP does not speak JSON")?;
            if let Some(error) = answer.get("error") {
                bail!(
                    "QMP {command}: {}",
                    error["desc"].as_str().unwrap_or("failed")
                );
            }
            if let Some(result) = answer.get_mut("return") {
                return Ok(result.take());
            }
            // Anything else is an event.
        }
    }

    /// Runs a command of the human monitor.
    pub(super) fn human(&mut self, command: &str) -> Result<String> {
        let answer = self.execute("human-monitor-command", json!({ "command-line": command }))?;
        Ok(answer.as_str().unwrap_or_default().to_string())
    }
}

/// The machine's buses, as its firmware would drive them.
pub(super) struct Qtest(Lines);

impl Qtest {
    /// Connects, waiting for the socket to appear.
    pub(super) fn connect(socket: &Path) -> Result<Self> {
        Ok(Self(Lines::connect(socket)?))
    }

    fn ask(&mut self, command: &str) -> Result<Option<u64>> {
        self.0.say(command)?;
        loop {
            let line = self.0.hear()?;
            if line.starts_with("IRQ") {
                continue;
            }
            let Some(rest) = line.strip_prefix("OK") else {
                bail!("qtest {command}: {line}")
            };
            let value = rest.trim().trim_start_matches("0x");
            return Ok(u64::from_str_radix(value, 16).ok());
        }
    }

    /// Reads 4 bytes of memory space.
    pub(super) fn read(&mut self, address: u64) -> Result<u32> {
        let command = format!("readl {address:#x}");
        Ok(self
            .ask(&command)?
            .with_context(|| format!("qtest {command}: no value"))? as u32)
    }

    /// Writes 4 bytes of memory space.
    pub(super) fn write(&mut self, address: u64, value: u32) -> Result<()> {
        self.ask(&format!("writel {address:#x} {value:#x}"))
            .map(drop)
    }

    /// Reads an i/o port.
    pub(super) fn port_in(&mut self, port: u16) -> Result<u32> {
        let command = format!("inl {port:#x}");
        Ok(self
            .ask(&command)?
            .with_context(|| format!("qtest {command}: no value"))? as u32)
    }

    /// Writes an i/o port.
    pub(super) fn port_out(&mut self, port: u16, value: u32) -> Result<()> {
        self.ask(&format!("outl {port:#x} {value:#x}")).map(drop)
    }
}
