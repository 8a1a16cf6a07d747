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
  sudo hmem-map snapshot mine       record what the map is made of, for a bug report
  hmem-map --root mine              look at a recording";

const POLICY_EXAMPLES: &str = "\
Examples:
  sudo hmem-map policy check 'hmem:device_dax'
  sudo hmem-map policy check 'node2:kmem,online_movable;*:kmem,unplugged'
  hmem-map policy check --root mine '8G@0x850000000:never-ram'";

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
    #[command(after_help = "Example:\n  sudo hmem-map snapshot mine && tar czf mine.tar.gz mine")]
    Snapshot {
        /// A directory that is empty or does not exist yet.
        #[arg(value_name = "DIR")]
        directory: PathBuf,

        /// Read the system's files below DIR instead of /.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
    },

    /// Work with policies: the rules for what memory becomes (dax.policy).
    Policy {
        #[command(subcommand)]
        command: Policy,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Check a policy, and show which range of the machine would become what under it.
    ///
    /// Nothing is changed. A policy that the kernel would refuse is refused here, with the same reason
    /// at the same place, and the status is 1. Ranges are what firmware set aside and the CXL regions;
    /// what a policy does not say about a range stays as it would be without a policy.
    #[command(after_help = POLICY_EXAMPLES)]
    Check {
        /// The rules, as for dax.policy= on the kernel's command line.
        #[arg(value_name = "RULES", allow_hyphen_values = true)]
        rules: String,

        /// Read the system's files below DIR (made by 'hmem-map snapshot') instead of /.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,

        /// Print JSON, as documented in SCHEMA.md.
        #[arg(long)]
        json: bool,
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
