// SPDX-License-Identifier: GPL-2.0

//! What a person sees while cases run: live lines on a terminal, one plain line a case otherwise. All of it
//! goes to stderr.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::case::Report;
use crate::channel::Event;

/// Progress of a whole run.
pub struct Progress {
    lines: Option<(MultiProgress, ProgressBar)>,
    done: AtomicUsize,
    total: usize,
    colour: bool,
}

/// Progress of one case.
pub struct Line {
    bar: Option<ProgressBar>,
    name: String,
}

impl Progress {
    /// For `total` cases.
    pub fn new(total: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        let lines = terminal.then(|| {
            let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let bar = lines.add(
                ProgressBar::new(total as u64)
                    .with_style(style("{bar:30} {pos}/{len}  {elapsed}  {msg}")),
            );
            bar.enable_steady_tick(Duration::from_millis(500));
            (lines, bar)
        });
        Self {
            lines,
            done: AtomicUsize::new(0),
            total,
            colour,
        }
    }

    /// A case begins.
    pub fn begin(&self, name: &str) -> Line {
        let bar = self.lines.as_ref().map(|(lines, total)| {
            let bar = lines.insert_before(
                total,
                ProgressBar::new_spinner()
                    .with_style(style("  {spinner} {prefix}  {elapsed}  {msg}")),
            );
            bar.set_prefix(name.to_string());
            bar.set_message("starts QEMU");
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Line {
            bar,
            name: name.to_string(),
        }
    }

    /// A case has ended.
    pub fn end(&self, line: Line, report: &Report) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = line.bar {
            bar.finish_and_clear();
        }
        let (word, colour) = match (&report.skipped, report.passed()) {
            (Some(skip), _) if skip.forgiven => ("skip", "33"),
            (_, true) => ("ok  ", "32"),
            _ => ("FAIL", "31"),
        };
        let word = if self.colour {
            format!("\x1b[{colour}m{word}\x1b[0m")
        } else {
            word.to_string()
        };
        let mut text = format!(
            "{word} {:3}/{} {}  {:.1} s",
            done,
            self.total,
            line.name,
            report.time.as_secs_f64()
        );
        if let Some(skip) = &report.skipped {
            text += &format!("  {}", skip.why);
        }
        if report.failed() {
            text += &failure(report);
        }
        self.say(&text);
        if let Some((_, total)) = &self.lines {
            total.inc(1);
        }
    }

    /// Everything has ended.
    pub fn finish(&self) {
        if let Some((_, total)) = &self.lines {
            total.finish_and_clear();
        }
    }

    /// Prints above the live lines.
    pub fn say(&self, text: &str) {
        match &self.lines {
            Some((lines, _)) => {
                let _ = lines.println(text);
            }
            None => eprintln!("{text}"),
        }
    }
}

impl Line {
    /// Shows what the guest does.
    pub fn watch(&self, event: &Event) {
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Boot(release, _) => bar.set_message(format!("booted {release}")),
            Event::Step(name) => bar.set_message(name.clone()),
            Event::Line(line) => bar.set_message(line.chars().take(60).collect::<String>()),
            Event::End(name, status, _) => bar.set_message(format!("{name}: status {status}")),
            Event::Snapshot(name, _) => bar.set_message(format!("snapshot {name}")),
            Event::Fault(_) | Event::Done => bar.set_message("done"),
        }
    }
}

/// What failed, and where to look.
pub fn failure(report: &Report) -> String {
    let mut text = String::new();
    for verdict in report.verdicts.iter().filter(|verdict| !verdict.ok) {
        text += &format!("\n       {}", verdict.check);
        text += &block("expected", &verdict.expected);
        text += &block("seen", &verdict.seen);
    }
    text + &format!("\n       log: {}", report.dir.join("console.log").display())
}

fn block(title: &str, text: &str) -> String {
    let mut out = String::new();
    for (index, line) in text.lines().enumerate() {
        let title = if index == 0 { title } else { "" };
        out += &format!("\n         {title:9} {line}");
    }
    out
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
