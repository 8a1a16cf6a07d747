// SPDX-License-Identifier: GPL-2.0

//! The kernel's own make.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{bail, Context, Result};

use crate::kernel::dirs::Dirs;
use crate::kernel::progress::Progress;
use crate::kernel::source::Source;

/// One source tree, one directory of objects, one log.
#[derive(Clone, Debug)]
pub(crate) struct Make {
    tree: PathBuf,
    /// Where objects go.
    pub(crate) obj: PathBuf,
    /// Everything that make prints.
    pub(crate) log: PathBuf,
    ccache: PathBuf,
    base: PathBuf,
    llvm: String,
    jobs: usize,
    /// For every call of make, such as `ARCH=arm64`.
    variables: Vec<String>,
}

impl Make {
    /// Objects go to `obj`, words to `log`.
    pub(crate) fn new(
        dirs: &Dirs,
        source: &Source,
        obj: PathBuf,
        log: PathBuf,
        jobs: usize,
        variables: Vec<String>,
    ) -> Self {
        Make {
            tree: source.tree.clone(),
            obj,
            log,
            ccache: dirs.cache.join("ccache"),
            base: dirs.build.clone(),
            llvm: std::env::var("LLVM").unwrap_or_else(|_| "1".into()),
            jobs,
            variables,
        }
    }

    /// Empties the log.
    pub(crate) fn begin_log(&self) -> Result<()> {
        File::create(&self.log).with_context(|| format!("cannot write {}", self.log.display()))?;
        Ok(())
    }

    /// The source tree.
    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// A command with the environment of a build. Results depend on nothing else, so that ccache finds them again.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        // Left by cargo run, or meant for the Makefile at the top.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO")
                || [
                    "LD_LIBRARY_PATH",
                    "MAKEFLAGS",
                    "MFLAGS",
                    "MAKELEVEL",
                    "RUSTFLAGS",
                ]
                .contains(&text.as_ref())
            {
                command.env_remove(&name);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("CCACHE_DIR", &self.ccache)
            .env("CCACHE_BASEDIR", &self.base)
            .env("CCACHE_NOHASHDIR", "1")
            // Preprocessing everything first takes a fifth of the time, and finds objects of another configuration:
            // for that, objects start as a copy of another flavour's, and make knows which option each rests on.
            .env("CCACHE_DEPEND", "1")
            .env("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970")
            .env("KBUILD_BUILD_USER", "hmem")
            .env("KBUILD_BUILD_HOST", "lab")
            .current_dir(&self.tree)
            .stdin(Stdio::null());
        command
    }

    /// `make` with these arguments.
    pub(crate) fn make(&self, args: &[&str]) -> Command {
        let mut command = self.command("make");
        command
            .arg(format!("O={}", self.obj.display()))
            .arg(format!("LLVM={}", self.llvm))
            .arg(format!("-j{}", self.jobs));
        if in_path("ccache") {
            command.arg(format!("CC=ccache {}", self.clang()));
        }
        command.args(&self.variables).args(args);
        command
    }

    /// `make` for a target that configures. ccache only passes on what it is asked then, about each option of the
    /// compiler; without it in the compiler's name, the build would configure once more.
    pub(crate) fn kconfig(&self, target: &str) -> Command {
        let mut command = self.make(&[target]);
        command.env("CCACHE_DISABLE", "1");
        command
    }

    fn clang(&self) -> String {
        match self.llvm.as_str() {
            suffix if suffix.starts_with('-') => format!("clang{suffix}"),
            dir if dir.ends_with('/') => format!("{dir}clang"),
            _ => "clang".into(),
        }
    }

    /// The compilers, to the version.
    pub(crate) fn toolchain(&self) -> String {
        let clang = self.clang();
        let line = |program: &str| {
            let output = self.command(program).arg("--version").output();
            let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            text.unwrap_or_default()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        [clang.as_str(), "rustc", "bindgen"].map(line).join("\n")
    }

    /// Runs a command with its words going to the log, and shows how far it is. Returns how many steps make told.
    pub(crate) fn run(
        &self,
        mut command: Command,
        what: &str,
        progress: &mut Progress,
    ) -> Result<usize> {
        let log = File::options().append(true).open(&self.log)?;
        let begin = log.metadata()?.len();
        let mut child = command
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
        let mut tail = Tail::open(&self.log, begin)?;
        let status = loop {
            let ended = child.try_wait()?;
            if let Some(step) = tail.read()? {
                progress.show(format!("{} steps, {step}", tail.steps));
            }
            match ended {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(150)),
            }
        };
        if status.success() {
            return Ok(tail.steps);
        }
        bail!("{}", self.failure(what, begin));
    }

    /// What went wrong, as far as the log tells from `begin` on, and where the log is.
    fn failure(&self, what: &str, begin: u64) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text =
            String::from_utf8_lossy(text.get(begin as usize..).unwrap_or_default()).into_owned();
        if text.contains("No space left on device") {
            return format!("{what} failed: no space left in {}: free some, or set HMEM_BUILD to a larger place", self.obj.display());
        }
        let mut message = format!("{what} failed; log: {}", self.log.display());
        for line in errors(&text) {
            message += "\n  ";
            message += line;
        }
        message
    }
}

/// The lines of a log that tell an error, with the place that rustc names in the line below.
fn errors(text: &str) -> Vec<&str> {
    let words = [
        "error:",
        "error[",
        "Error: ",
        "undefined reference",
        "undefined symbol",
        "undefined!",
        "*** ",
    ];
    let mut lines = Vec::new();
    let mut after = false;
    for line in text.lines() {
        let place = after && line.trim_start().starts_with("-->");
        after = words.iter().any(|word| line.contains(word));
        // make repeats on each level that it stopped.
        if place
            || after
                && !line.contains("*** Waiting")
                && !(line.starts_with("make") && line.contains("] Error ") && !lines.is_empty())
        {
            lines.push(line);
        }
    }
    lines.truncate(30);
    lines
}

/// What a growing log says.
struct Tail {
    file: File,
    rest: String,
    steps: usize,
}

impl Tail {
    fn open(path: &Path, begin: u64) -> Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(begin))?;
        Ok(Tail {
            file,
            rest: String::new(),
            steps: 0,
        })
    }

    /// Reads what is new; the last step in it.
    fn read(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        self.rest += &String::from_utf8_lossy(&bytes);
        let Some(end) = self.rest.rfind('\n') else {
            return Ok(None);
        };
        let mut last = None;
        for line in self.rest[..end].lines().filter(|line| is_step(line)) {
            self.steps += 1;
            last = Some(line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        self.rest.drain(..=end);
        Ok(last)
    }
}

/// Whether a line is one of make's `  CC      init/main.o`.
fn is_step(line: &str) -> bool {
    let Some(step) = line.strip_prefix("  ") else {
        return false;
    };
    let word = step.split(' ').next().unwrap_or_default();
    word.len() > 1
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Whether there is such a program.
fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_build() {
        assert!(is_step("  CC      init/main.o"));
        assert!(is_step("  RUSTC L rust/kernel.o"));
        assert!(is_step("  CC [M]  drivers/dax/bus.o"));
        assert!(!is_step("  warning: x"));
        assert!(!is_step("make[2]: x"));
    }

    #[test]
    fn errors_of_a_log() {
        let log = "  CC x.o\nerror[E0425]: cannot find value\n  --> drivers/dax/a.rs:3:5\n   |\nmake[3]: *** [x] Error 1\nmake[2]: *** [y] Error 2\n";
        assert_eq!(
            errors(log),
            [
                "error[E0425]: cannot find value",
                "  --> drivers/dax/a.rs:3:5"
            ]
        );
        assert_eq!(errors("make: *** [x] Error 2\n").len(), 1);
    }
}
