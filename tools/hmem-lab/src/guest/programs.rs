// SPDX-License-Identifier: GPL-2.0

//! Programs for the guest, taken from the environment that the lab itself runs in, with the libraries that
//! ldd names. The archive is kept in the cache until one of the programs changes.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{bail, Context, Result};

use super::cpio::Archive;

/// Raised when the archive's layout changes.
const LAYOUT: u32 = 2;

const PROGRAMS: &[&str] = &[
    "awk", "basename", "bash", "cat", "chmod", "chrt", "cmp", "cp", "cut", "cxl", "date", "daxctl",
    "dd", "diff", "dirname", "dmesg", "env", "expr", "false", "find", "grep", "gzip", "head", "id",
    "jq", "kexec", "kmod", "ln", "ls", "mkdir", "mkfifo", "mktemp", "mount", "mv", "ndctl",
    "numactl", "od", "perl", "printf", "readlink", "realpath", "rm", "rmdir", "sed", "seq",
    "sleep", "sort", "stat", "stty", "sync", "tail", "tar", "taskset", "tee", "test", "timeout",
    "touch", "tr", "true", "udevadm", "umount", "uname", "uniq", "uuidgen", "wc", "xargs",
];

/// Modules that the perl programs among the tests use.
const PERL_MODULES: &[&str] = &["constant", "strict", "warnings"];

/// Libraries that programs open by name only, so that ldd does not show them.
const OPENED: &[&str] = &[
    "libkmod.so.2",
    "libacl.so.1",
    "libblkid.so.1",
    "libmount.so.1",
    "libzstd.so.1",
    "liblzma.so.5",
    "libz.so.1",
];

const SEARCH: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"];

/// One thread of this process makes the archive, the others find it.
static MAKING: Mutex<()> = Mutex::new(());

/// The archive of all programs, from the cache or made anew.
pub(super) fn archive(cache: &Path) -> Result<Vec<u8>> {
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let programs = found()?;
    let file = cache
        .join("guest")
        .join(format!("programs-{:016x}.cpio", stamp(&programs)?));
    if let Ok(bytes) = fs::read(&file) {
        return Ok(bytes);
    }
    let bytes = build(&programs)?.bytes()?;
    fs::create_dir_all(file.parent().unwrap_or(cache))
        .and_then(|()| {
            // Another process may be writing the same file: only a whole one gets the name.
            let part = file.with_extension(format!("part{}", std::process::id()));
            fs::write(&part, &bytes)?;
            fs::rename(&part, &file)
        })
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(bytes)
}

fn found() -> Result<Vec<(&'static str, PathBuf)>> {
    let mut missing = Vec::new();
    let mut programs = Vec::new();
    for name in PROGRAMS {
        match SEARCH
            .iter()
            .map(|dir| Path::new(dir).join(name))
            .find(|path| path.is_file())
        {
            Some(path) => programs.push((*name, path)),
            None => missing.push(*name),
        }
    }
    if !missing.is_empty() {
        bail!(
            "the guest needs programs that are not installed: {}; use the toolbox, or install them",
            missing.join(" ")
        );
    }
    Ok(programs)
}

/// Changes when a program does; its libraries come with the package system, whose status file counts too.
fn stamp(programs: &[(&'static str, PathBuf)]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    LAYOUT.hash(&mut hasher);
    for path in programs
        .iter()
        .map(|(_, path)| path.as_path())
        .chain([Path::new("/var/lib/dpkg/status")])
    {
        path.hash(&mut hasher);
        if let Ok(meta) = fs::metadata(path) {
            (meta.len(), meta.mtime(), meta.ino()).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn build(programs: &[(&'static str, PathBuf)]) -> Result<Archive> {
    let mut archive = Archive::default();
    for dir in ["bin", "sbin", "lib", "lib64"] {
        archive.link(dir, &format!("usr/{dir}"));
    }
    for dir in [
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "etc",
        "usr/lib64",
        "usr/sbin",
        "usr/lib/systemd",
        "var",
    ] {
        archive.dir(dir);
    }
    archive.char_device("dev/console", 5, 1);
    archive.text("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\n");
    archive.text("etc/group", 0o644, "root:x:0:\n");
    for (name, path) in programs {
        archive.copy(&format!("usr/bin/{name}"), path);
    }
    let paths: Vec<&Path> = programs.iter().map(|(_, path)| path.as_path()).collect();
    for library in libraries(&paths)? {
        archive.copy(&inside(&library), &library);
    }
    for module in perl_modules()? {
        archive.copy(&inside(&module), &module);
    }
    for name in ["modprobe", "rmmod", "insmod", "lsmod", "depmod", "modinfo"] {
        archive.link(&format!("usr/sbin/{name}"), "../bin/kmod");
    }
    archive.link("usr/bin/sh", "bash");
    archive.link("usr/lib/systemd/systemd-udevd", "../../bin/udevadm");
    // The one rule that counts here: load the module that an alias names. The others only cost time.
    let rule = Path::new("/usr/lib/udev/rules.d/80-drivers.rules");
    archive.copy("usr/lib/udev/rules.d/80-drivers.rules", rule);
    Ok(archive)
}

/// Adds one program with its libraries.
pub(super) fn add(archive: &mut Archive, path: &str, program: &Path) -> Result<()> {
    archive.copy(path, program);
    for library in libraries(&[program])? {
        archive.copy(&inside(&library), &library);
    }
    Ok(())
}

/// The path in the guest: everything lies below /usr there.
fn inside(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = path.trim_start_matches('/');
    if path.starts_with("usr/") {
        path.to_string()
    } else {
        format!("usr/{path}")
    }
}

fn libraries(programs: &[&Path]) -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("ldd")
        .args(programs)
        .output()
        .context("cannot run ldd")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if let Some(line) = text.lines().find(|line| line.contains("not found")) {
        bail!("a program of the guest lacks a library: {}", line.trim());
    }
    let mut all: BTreeSet<PathBuf> = text.lines().filter_map(library).collect();
    let dirs: BTreeSet<PathBuf> = all
        .iter()
        .filter_map(|path| path.parent())
        .map(Path::to_path_buf)
        .collect();
    if programs.len() > 1 {
        for name in OPENED {
            all.extend(
                dirs.iter()
                    .map(|dir| dir.join(name))
                    .find(|path| path.is_file()),
            );
        }
    }
    Ok(all)
}

/// The files of the perl modules, with those that they use.
fn perl_modules() -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("perl")
        .args(PERL_MODULES.iter().map(|module| format!("-M{module}")))
        .args(["-e", r#"print "$_\n" for values %INC"#])
        .output()
        .context("cannot run perl")?;
    if !output.status.success() {
        bail!(
            "perl lacks a module: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().map(PathBuf::from).collect())
}

/// `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)` or `/lib64/ld-linux-x86-64.so.2 (0x...)`.
fn library(line: &str) -> Option<PathBuf> {
    line.split_whitespace()
        .find(|word| word.starts_with('/') && !word.ends_with(':'))
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ldd() {
        assert_eq!(
            library("\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)"),
            Some("/lib/x86_64-linux-gnu/libc.so.6".into())
        );
        assert_eq!(
            library("\t/lib64/ld-linux-x86-64.so.2 (0x00007f)"),
            Some("/lib64/ld-linux-x86-64.so.2".into())
        );
        assert_eq!(library("/usr/bin/jq:"), None);
        assert_eq!(library("\tstatically linked"), None);
    }

    #[test]
    fn everything_lies_below_usr() {
        assert_eq!(inside(Path::new("/lib64/ld.so")), "usr/lib64/ld.so");
        assert_eq!(inside(Path::new("/usr/lib/x.so")), "usr/lib/x.so");
    }
}
