// SPDX-License-Identifier: GPL-2.0

//! Shows who owns which Soft Reserved range or CXL window, and why.

mod cli;

use clap::Parser as _;
use cli::{Cli, Command, Policy, Show, When};
use hmem_map::render::style::Style;
use hmem_map::render::{svg, terminal};
use hmem_map::tree::Tree;
use hmem_map::{policy, snapshot, Map};
use std::env;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Some(Command::Snapshot { directory, root }) => record(root, directory),
        Some(Command::Policy {
            command: Policy::Check { rules, root, json },
        }) => check(rules, root, *json),
        None => show(&cli.show),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("hmem-map: {message}");
            ExitCode::FAILURE
        }
    }
}

fn open(root: &Path) -> Result<Tree, String> {
    Tree::new(root).map_err(|error| {
        let root = root.display();
        format!(
            "cannot read {root}: {error}; --root takes a directory that 'hmem-map snapshot' made"
        )
    })
}

fn record(root: &Path, directory: &Path) -> Result<(), String> {
    let map = snapshot::record(open(root)?, directory).map_err(|error| {
        let path = directory.display();
        match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => {
                format!("{path} is not empty; name a directory that is, or that does not exist yet")
            }
            _ => format!("cannot record into {path}: {error}"),
        }
    })?;
    let path = directory.display();
    eprintln!("recorded {path}; look at it with: hmem-map --root {path}");
    if map
        .notes
        .iter()
        .any(|n| n.kind == hmem_map::NoteKind::NeedsRoot)
    {
        eprintln!("as root it would hold more: addresses, and the decisions of hmem_rs");
    }
    Ok(())
}

fn check(rules: &str, root: &Path, json: bool) -> Result<(), String> {
    let tree = open(root)?;
    let report = policy::check(&hmem_map::read_tree(&tree), policy::nodes(&tree), rules)?;

    if json {
        let json =
            serde_json::to_string_pretty(&report).map_err(|e| format!("cannot write JSON: {e}"))?;
        return print(&format!("{json}\n"));
    }
    print(&report.to_string())
}

fn show(show: &Show) -> Result<(), String> {
    let map = hmem_map::read_tree(&open(&show.root)?);
    if let Some(file) = &show.svg {
        picture(&map, file)?;
    }
    if show.json {
        let json =
            serde_json::to_string_pretty(&map).map_err(|e| format!("cannot write JSON: {e}"))?;
        return print(&format!("{json}\n"));
    }
    if show.tree || show.svg.is_none() {
        return print(&terminal::render(&map, style(show)));
    }
    Ok(())
}

fn picture(map: &Map, file: &Path) -> Result<(), String> {
    let svg = svg::render(map);
    if file == Path::new("-") {
        return print(&svg);
    }
    fs::write(file, svg).map_err(|e| format!("cannot write {}: {e}", file.display()))
}

/// Prints; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

fn style(show: &Show) -> Style {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let terminal = io::stdout().is_terminal();
    let colour = match show.color {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
        }
    };
    // No locale at all is the console of an initramfs, which someone watches on a modern terminal.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let unicode = locale.is_none_or(|l| l.to_ascii_lowercase().replace('-', "").contains("utf8"));
    let size = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style {
        colour,
        ascii: show.ascii || !unicode,
        // A serial console says 0.
        width: show
            .width
            .or_else(|| terminal.then(size).flatten())
            .filter(|w| *w > 0),
    }
}
