// SPDX-License-Identifier: GPL-2.0

//! What one long step shows on stderr: a live line on a terminal, else a plain line now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a plain line is printed.
const PLAIN: Duration = Duration::from_secs(20);

/// The progress of one step.
pub(crate) struct Progress {
    what: String,
    bar: Option<ProgressBar>,
    begun: Instant,
    said: Instant,
}

impl Progress {
    /// Begins a step of which nobody knows how long it is.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {prefix}  {elapsed}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(what.clone());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            eprintln!("{what}");
        }
        let now = Instant::now();
        Progress {
            what,
            bar,
            begun: now,
            said: now,
        }
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self, text: impl Into<String>) {
        match &self.bar {
            Some(bar) => bar.set_message(text.into()),
            None if self.said.elapsed() >= PLAIN => {
                self.said = Instant::now();
                eprintln!(
                    "{}: {} s, {}",
                    self.what,
                    self.begun.elapsed().as_secs(),
                    text.into()
                );
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
