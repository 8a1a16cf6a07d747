// SPDX-License-Identifier: GPL-2.0
//! The command line of graft.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Puts this repository's overlay into a kernel tree and takes it out again.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  graft check ~/linux            would it fit?
  graft apply ~/linux            put it in; again after a change, to update
  graft undo ~/linux             take it out
  graft patches ~/linux out/v2 --version v2
                                 the mailable series, second sending
"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put the overlay and the edits into a kernel tree: all of it, or nothing
    Apply {
        #[command(flatten)]
        from: From,
    },
    /// Tell what apply would do, or everything that does not fit; write nothing
    Check {
        #[command(flatten)]
        from: From,
    },
    /// Take the graft out of a kernel tree
    Undo {
        /// The kernel source tree
        tree: PathBuf,
        /// Drop what someone changed in grafted files since
        #[arg(long)]
        force: bool,
    },
    /// Tell what a kernel tree holds
    Status {
        /// The kernel source tree
        tree: PathBuf,
    },
    /// Make the mailable series for a kernel tree, which may be pristine or grafted
    Patches {
        #[command(flatten)]
        from: From,
        /// Where the mails go; made if missing
        out: PathBuf,
        /// Which sending of the series this is
        #[arg(long, value_name = "vN", value_parser = revision)]
        version: Option<u32>,
        /// Ask for comments: [PATCH RFC]
        #[arg(long)]
        rfc: bool,
        /// Author and sign-off [default: what git is configured with]
        #[arg(long, value_name = "NAME <ADDRESS>")]
        author: Option<String>,
    },
}

/// "v2" or "2".
fn revision(words: &str) -> Result<u32, String> {
    let number = words.strip_prefix('v').unwrap_or(words);
    match number.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("write it like v2".into()),
    }
}

#[derive(clap::Args)]
struct From {
    /// The kernel source tree
    tree: PathBuf,
    /// The repository of the overlay [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    overlay: Option<PathBuf>,
    /// Try a kernel version that the edits were not made for
    #[arg(long)]
    any_version: bool,
}

impl From {
    fn apply(&self, options: graft::Options) -> Result<(), String> {
        let overlay = overlay(self.overlay.as_deref())?;
        let options = options.any_version(self.any_version);
        let report =
            graft::apply_with(&self.tree, &overlay, options).map_err(|error| error.to_string())?;
        say(&report);
        Ok(())
    }
}

/// The repository: as given, or the nearest one around the current directory.
fn overlay(given: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let here = std::env::current_dir().map_err(|error| format!("current directory: {error}"))?;
    here.ancestors()
        .find(|dir| dir.join("tools/graft/edits").is_dir())
        .map(Path::to_owned)
        .ok_or_else(|| "no repository around the current directory: give --overlay DIR".into())
}

/// Prints a line. Whoever reads may have had enough of it: that is no error.
fn say(line: &dyn std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn run(cli: Cli) -> Result<(), String> {
    let words = |error: graft::Error| error.to_string();
    match cli.command {
        Command::Apply { from } => from.apply(graft::Options::default())?,
        Command::Check { from } => from.apply(graft::Options::check())?,
        Command::Patches {
            from,
            out,
            version,
            rfc,
            author,
        } => {
            let overlay = overlay(from.overlay.as_deref())?;
            let mut options = graft::MailOptions::default();
            options.author = author;
            options.revision = version;
            options.rfc = rfc;
            options.any_version = from.any_version;
            for mail in graft::patches(&from.tree, &overlay, &out, &options).map_err(words)? {
                say(&mail.display());
            }
        }
        Command::Undo { tree, force } => say(&graft::undo(&tree, force).map_err(words)?),
        Command::Status { tree } => say(&graft::status(&tree).map_err(words)?),
    }
    Ok(())
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("graft: {message}");
            ExitCode::FAILURE
        }
    }
}
