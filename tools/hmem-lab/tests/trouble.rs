// SPDX-License-Identifier: GPL-2.0

//! What goes wrong on the host ends in one line that says what to do, and the next run does not trip over it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("hmem-lab-{name}.{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    /// A program that takes the place of another one.
    fn program(&self, name: &str, script: &str) {
        let file = self.0.join(name);
        fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What passes for a built kernel of the flavour lab until somebody boots it.
    fn kernel(&self) {
        let kernel = self.0.join("7.3-lab");
        fs::create_dir_all(kernel.join("modules/lib/modules/7.3")).unwrap();
        fs::write(kernel.join("bzImage"), "no kernel").unwrap();
    }

    /// The search path, with the programs in here first.
    fn path(&self) -> String {
        format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hmem-lab"));
    command.args(arguments);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It failed, and said why in one line, the last one, which has these words; lines before it tell what it did.
fn one_line(command: &mut Command, words: &[&str]) {
    let output = command.output().unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    let complains = |line: &&str| line.starts_with("hmem-lab: ");
    assert_eq!(text.lines().filter(complains).count(), 1, "{text}");
    let last = text.lines().last().filter(complains).unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "no '{word}' in: {text}");
    }
}

#[test]
fn versions_and_flavours_that_there_are_not() {
    one_line(
        &mut lab(&["kernel", "--kver", "6.1"]),
        &["6.1", "7.3 or 7.2"],
    );
    one_line(
        &mut lab(&["test", "--kver", "6.1"]),
        &["6.1", "7.3 and 7.2"],
    );
    one_line(&mut lab(&["kernel", "--flavour", "nope"]), &["nope", "lab"]);
    one_line(
        &mut lab(&["run", "--scenario", "nope"]),
        &["nope", "hmem-lab list"],
    );
}

#[test]
fn a_directory_that_is_no_kernel_tree() {
    let scratch = Scratch::new("no-tree");
    let dir = scratch.0.display().to_string();
    one_line(
        &mut lab(&["kernel", "--ksrc", &dir]),
        &[&dir, "no Linux kernel tree"],
    );
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[test]
fn a_mirror_that_cannot_be_reached() {
    let scratch = Scratch::new("no-network");
    one_line(
        lab(&["kernel"])
            .env("XDG_CACHE_HOME", &scratch.0)
            .env("HMEM_BUILD", scratch.0.join("build"))
            .env("MIRROR", "http://127.0.0.1:9/debian"),
        &["cannot be reached", "MIRROR=", "KSRC="],
    );
    // Nothing is left that the next run could take for sources.
    let downloads = fs::read_dir(scratch.0.join("hmem-rs/dl")).unwrap();
    assert_eq!(downloads.count(), 0);
    assert!(!scratch.0.join("build/7.3/src").exists());
}

#[test]
fn a_qemu_that_dies_and_one_that_says_why() {
    let scratch = Scratch::new("dead-qemu");
    scratch.kernel();
    for (script, why) in [
        ("exit 1", "QEMU died"),
        ("echo 'no such device' >&2; exit 1", "no such device"),
    ] {
        scratch.program("qemu-system-x86_64", script);
        let output = lab(&["run", "--scenario", "no-soft-reserved", "--kernels"])
            .arg(&scratch.0)
            .env("PATH", scratch.path())
            .output()
            .unwrap();
        let text = said(&output);
        assert!(!output.status.success(), "{text}");
        assert!(text.contains("boot") && text.contains(why), "{text}");
    }
}

#[test]
fn a_guest_that_hangs() {
    let scratch = Scratch::new("hang");
    let scenarios = scratch.0.join("tools/hmem-lab/scenarios");
    fs::create_dir_all(&scenarios).unwrap();
    scratch.kernel();
    fs::write(
        scenarios.join("hang.toml"),
        "title = \"a guest that hangs\"\ntimeout = 1\n\n[[step]]\nname = \"wait\"\nrun = \"true\"\n\n[expect]\n",
    )
    .unwrap();
    let pids = scratch.0.join("pids");
    scratch.program(
        "qemu-system-x86_64",
        &format!("echo $$ >> {}; exec sleep 1000", pids.display()),
    );
    // What guests get is built of the real repository.
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    scratch.program(
        "cargo",
        &format!(
            "exec {} \"${{@/#'{}'/{}}}\"",
            env!("CARGO"),
            scratch.0.display(),
            real.display()
        ),
    );
    let output = lab(&["run", "--scenario", "hang", "--kernels"])
        .arg(&scratch.0)
        .current_dir(&scratch.0)
        .env("PATH", scratch.path())
        .output()
        .unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("the guest hung while it booted and was ended after 1 s"),
        "{text}"
    );
    // Nothing runs on in the background.
    for pid in fs::read_to_string(&pids).unwrap().lines() {
        assert!(!Path::new("/proc").join(pid).exists(), "{pid}: {text}");
    }
}

/// Runs what follows with a file system of `mib` MiB at `dir`.
fn with_little_space(dir: &Path, mib: u32) -> Command {
    let script = format!(
        "mount -t tmpfs -o size={mib}m hmem-lab '{}' && exec \"$@\"",
        dir.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]);
    command
}

#[test]
fn no_space_for_a_kernel() {
    let scratch = Scratch::new("no-space");
    let tree = scratch.0.join("tree");
    fs::create_dir_all(tree.join("rust/kernel")).unwrap();
    fs::write(tree.join("Kbuild"), "").unwrap();
    fs::write(
        tree.join("Makefile"),
        "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\n",
    )
    .unwrap();
    let small = scratch.0.join("small");
    fs::create_dir(&small).unwrap();
    one_line(
        with_little_space(&small, 64)
            .arg(env!("CARGO_BIN_EXE_hmem-lab"))
            .args(["kernel", "--ksrc"])
            .arg(&tree)
            .env("HMEM_BUILD", &small),
        &["64 MiB free", "needs 3000", "HMEM_BUILD"],
    );
}

#[test]
fn a_reader_that_has_seen_enough() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = lab(&["list", "--long"]).stdout(writer).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
}

/// What makes the toolbox.
fn enter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../toolbox/enter")
}

/// Not in the toolbox yet, with a place of its own for it.
fn outside<'a>(command: &'a mut Command, cache: &Path) -> &'a mut Command {
    command
        .arg("true")
        .env_remove("HMEM_TOOLBOX")
        .env_remove("TOOLBOX")
        .env("XDG_CACHE_HOME", cache)
}

#[test]
fn no_space_for_a_toolbox() {
    let scratch = Scratch::new("no-space-toolbox");
    let small = scratch.0.join("small");
    fs::create_dir(&small).unwrap();
    let output = outside(with_little_space(&small, 64).arg(enter()), &small)
        .output()
        .unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for words in ["64 MiB free", "6000 are needed", "XDG_CACHE_HOME"] {
        assert!(text.contains(words), "no '{words}' in: {text}");
    }
}

#[test]
fn a_broken_toolbox_and_a_half_made_one_are_made_again() {
    let output = Command::new("bash")
        .args(["-c", ". \"$1\" && recipe", "bash"])
        .arg(enter().with_file_name("common.sh"))
        .output()
        .unwrap();
    let whole = output.stdout;
    for (name, stamp, words) in [
        ("broken", whole, "broken (does not run"),
        ("half-made", Vec::new(), "making"),
    ] {
        let scratch = Scratch::new(name);
        // Neither the network nor minutes are spent on it: what would make the root says why it cannot.
        scratch.program("mmdebstrap", "echo 'E: Could not connect' >&2; exit 1");
        let cache = scratch.0.join("hmem-rs");
        fs::create_dir_all(cache.join("toolbox/mnt")).unwrap();
        fs::create_dir_all(cache.join("toolbox.new/usr")).unwrap();
        fs::write(cache.join("toolbox/.recipe"), &stamp).unwrap();
        let output = outside(&mut Command::new(enter()), &scratch.0)
            .env("PATH", scratch.path())
            .output()
            .unwrap();
        let text = said(&output);
        assert!(!output.status.success(), "{text}");
        for words in [words, "no network", "MIRROR="] {
            assert!(text.contains(words), "{name}: no '{words}' in: {text}");
        }
        // Nothing half-done is left, and nothing is taken for whole.
        for left in ["toolbox.new", "toolbox.tmp"] {
            assert!(!cache.join(left).exists(), "{name}: {left}");
        }
    }
}

#[test]
fn tools_of_the_host_that_are_too_old_are_all_named() {
    let scratch = Scratch::new("old-tools");
    scratch.program("rustc", "echo 'rustc 1.0.0'");
    scratch.program("qemu-system-x86_64", "echo 'QEMU emulator version 5.2.0'");
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../toolbox/host-check");
    let output = Command::new(check)
        .env("PATH", scratch.path())
        .output()
        .unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    for words in ["rustc is 1.0.0 and", "qemu-system-x86_64 is 5.2.0 and"] {
        assert!(text.contains(words), "no '{words}' in: {text}");
    }
}
