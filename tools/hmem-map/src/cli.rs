// SPDX-License-Identifier: GPL-2.0

//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  hmem-map                          the tree of this machine
  sudo hmem-map                     with addresses, and the reasons of hmem_rs
  hmem-map --svg map.svg            a picture to look at in a browser
  hmem-map --json | jq .areas       for programs; see SCHEMA.md
  sudo hmem-map snapshot /tmp/mine  record what the map is made of, for a bug report
  hmem-map --root /tmp/mine         look at a recording";

/// Shows who owns which Soft Reserved range or CXL window, and why.
///
/// For each range that firmware set aside, and for each window to CXL memory, it prints what lies in
/// it, whether the CXL drivers or hmem own it, what the dax devices made of it are bound to, and on
/// which node the memory is. It only reads; it runs without root, and says what root would add.
#[derive(Debug, Parser)]
#[command(name = "hmem-map", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record the files that the map is made of, for --root and for bug reports.
    ///
    /// Only memory ranges, CXL and dax devices, nodes, memory blocks, the kernel's command line and its
    /// log lines about these are recorded.
    #[command(
        after_help = "Example:\n  sudo hmem-map snapshot /tmp/mine && tar czf mine.tar.gz -C /tmp mine"
    )]
    Snapshot {
        /// A directory that is empty or does not exist yet.
        #[arg(value_name = "DIR")]
        directory: PathBuf,

        /// Read the system's files below DIR instead of /.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Read the system's files below DIR (made by 'hmem-map snapshot') instead of /.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) root: PathBuf,

    /// Print the tree (what happens without an option; with --svg, in addition).
    #[arg(long, conflicts_with = "json")]
    pub(crate) tree: bool,

    /// Print JSON, as documented in SCHEMA.md.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a picture, to scale, to FILE ('-': standard output).
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,

    /// Colour the tree.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(crate) color: When,

    /// Draw the tree with ASCII characters only.
    #[arg(long)]
    pub(crate) ascii: bool,

    /// Columns to fit the tree into (default: the terminal's; no limit elsewhere).
    #[arg(long, value_name = "N")]
    pub(crate) width: Option<usize>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
