// SPDX-License-Identifier: GPL-2.0

//! Builds kernels, boots them under QEMU, and proves what becomes of Soft Reserved memory.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hmem_lab::{bench, compare, kernel, kunit, list, run, test};

/// Builds kernels, boots them under QEMU, and proves what becomes of Soft Reserved memory
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Shell(run::ShellArgs),
    Test(test::Args),
    Compare(compare::Args),
    Kunit(kunit::Args),
    List(list::Args),
    Bench(bench::Args),
    Check(kernel::check::Args),
    Kernel(kernel::Args),
    Builds(kernel::builds::Args),
    Firmware(kernel::firmware::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => run::main(args),
        Command::Shell(args) => run::shell(args),
        Command::Test(args) => test::main(args),
        Command::Compare(args) => compare::main(args),
        Command::Kunit(args) => kunit::main(args),
        Command::List(args) => list::main(args),
        Command::Bench(args) => bench::main(args),
        Command::Check(args) => kernel::check::main(args),
        Command::Kernel(args) => kernel::main(args),
        Command::Builds(args) => kernel::builds::main(args),
        Command::Firmware(args) => kernel::firmware::main(args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("hmem-lab: {error:#}");
        ExitCode::FAILURE
    })
}
