// SPDX-License-Identifier: GPL-2.0

//! Builds a kernel and leaves it in `out/<version>-<flavour>/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{bail, Context, Result};
use sha2::{Digest, Sha256};

use crate::kernel::dirs::{self, Dirs};
use crate::kernel::findings;
use crate::kernel::flavour::Flavour;
use crate::kernel::make::Make;
use crate::kernel::mocks;
use crate::kernel::progress::Progress;
use crate::kernel::source::Source;
use crate::kernel::{config, Kernel};

/// The flavour whose objects those begin with that stand on none that was built.
const SEED: &str = "lab";

/// Tests of the kernel's own that guests run, unmodified: directories of tools/testing/selftests.
const SELFTESTS: &[&str] = &["dax", "kselftest"];

/// Builds the flavour from the source, unless what lies in `out/` is just that.
pub(crate) fn build(
    dirs: &Dirs,
    source: &Source,
    flavour: &Flavour,
    jobs: usize,
) -> Result<Kernel> {
    let begun = Instant::now();
    let result = dirs.result(&source.kver, &flavour.name);
    let kernel = Kernel {
        dir: result.clone(),
        kver: source.kver.clone(),
    };
    let name = format!("{}-{}", source.name, flavour.kernel);
    dirs::make(&result)?;

    let obj = dirs.build.join(&name);
    let log = result.join("kernel.log");
    let stamp = result.join(".made-of");
    let make = Make::new(dirs, source, obj, log, jobs, flavour.variables());
    let toolchain = make.toolchain();
    let made_of = made_of(dirs, source, flavour, &toolchain)?;
    let complete = flavour.compile_only || complete(&result);
    if complete && fs::read_to_string(&stamp).is_ok_and(|text| text == made_of) {
        return Ok(kernel);
    }
    // From here until the end there is no kernel.
    let _ = fs::remove_file(&stamp);

    make.begin_log()?;
    if flavour.compile_only {
        // What is not compiled again brings no warning again.
        dirs::remove(&make.obj)?;
    }
    let other_arch = flavour
        .variables()
        .iter()
        .any(|word| word.starts_with("ARCH="));
    let seeds: Vec<PathBuf> = flavour
        .below()
        .chain([SEED.into()])
        .filter(|name| !other_arch && *name != flavour.kernel)
        .map(|name| dirs.build.join(format!("{}-{name}", source.name)))
        .collect();
    fresh_objects(&make, &format!("{}\n{toolchain}", source.id), &seeds)?;
    if flavour.compile_only {
        findings::forget(&make)?;
    }
    let wanted = config::configure(&make, source, flavour)?;

    let mut progress = Progress::new(format!("building {name}"));
    let steps = make.run(
        make.make(&flavour.targets()),
        &format!("build of {name}"),
        &mut progress,
    )?;
    // make configures again by itself where it sees a reason to, and may lose Rust by it.
    config::check(&make, source, flavour, &wanted)?;
    if flavour.compile_only {
        findings::none(&make)?;
        fs::copy(make.obj.join(".config"), result.join(".config"))?;
    } else {
        if flavour.mocks {
            mocks::build(&make, &mut progress)?;
        }
        progress.show("installing");
        install(&make, flavour, &result, &mut progress)?;
    }
    drop(progress);

    fs::write(&stamp, made_of)?;
    let release = release(&make.obj)?;
    eprintln!(
        "{name}: Linux {release}, {steps} steps in {} s",
        begun.elapsed().as_secs()
    );
    if flavour.compile_only {
        dirs::remove(&make.obj)?;
    }
    Ok(kernel)
}

/// Whether everything is there.
fn complete(result: &Path) -> bool {
    ["bzImage", ".config", "modules/lib/modules", "selftests"]
        .iter()
        .all(|name| result.join(name).exists())
}

/// What a kernel is made of, as one word.
fn made_of(dirs: &Dirs, source: &Source, flavour: &Flavour, toolchain: &str) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(&source.id);
    hash.update(toolchain);
    for word in flavour.variables().iter().map(String::as_str) {
        hash.update(word);
    }
    for word in flavour.targets() {
        hash.update(word);
    }
    hash.update([u8::from(flavour.mocks)]);
    for fragment in flavour.fragments(&source.kver) {
        hash.update(fs::read(&fragment)?);
    }
    // The list beside the tree holds all files, the record of the graft the hash of every grafted one.
    let list = dirs.build.join(&source.name).join("source");
    let record = graft::record_dir(&source.tree).join("record.toml");
    for path in std::iter::once(list).chain((!flavour.released).then_some(record)) {
        hash.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Keeps the objects only while they come from the same source and compilers: the times of a new package's files
/// may be older than they are. ccache has most of them again.
///
/// The first ones are copies of one of `seeds`: the kernel's make knows which of them a change of the configuration
/// spoils.
fn fresh_objects(make: &Make, of: &str, seeds: &[PathBuf]) -> Result<()> {
    let fit =
        |obj: &Path| fs::read_to_string(obj.join(".objects-of")).is_ok_and(|made_of| made_of == of);
    if !fit(&make.obj) {
        dirs::remove(&make.obj)?;
        if let Some(seed) = seeds.iter().find(|seed| fit(seed)) {
            copy(seed, &make.obj)?;
        }
    }
    dirs::make(&make.obj)?;
    dirs::check_space(&make.obj, 2000, "a kernel build")?;
    fs::write(make.obj.join(".objects-of"), of)?;
    Ok(())
}

/// Copies a directory of objects, with their times; whole or not at all.
fn copy(from: &Path, to: &Path) -> Result<()> {
    dirs::check_space(from, 3000, "a kernel build")?;
    let new = PathBuf::from(format!("{}.new", to.display()));
    dirs::remove(&new)?;
    let status = Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .args([from, &new])
        .status()
        .context("cannot run cp")?;
    if !status.success() {
        bail!("cannot copy {} to {}", from.display(), new.display());
    }
    fs::rename(&new, to)?;
    Ok(())
}

/// Puts the results into place; each is there whole or not at all.
fn install(make: &Make, flavour: &Flavour, result: &Path, progress: &mut Progress) -> Result<()> {
    let new = result.join("modules.new");
    dirs::remove(&new)?;
    let to = format!("INSTALL_MOD_PATH={}", new.display());
    if flavour.mocks {
        // First: the kernel's own installation runs depmod, which prefers what it then finds in updates/.
        mocks::install(make, &to, progress)?;
    }
    make.run(
        make.make(&[&to, "modules_install"]),
        "installation of the modules",
        progress,
    )?;
    let modules = new.join("lib/modules").join(release(&make.obj)?);
    // They lead to this machine's directories.
    for link in ["build", "source"] {
        let _ = fs::remove_file(modules.join(link));
    }
    if !modules.join("modules.dep").is_file() {
        bail!(
            "modules_install left no modules.dep in {}; log: {}",
            modules.display(),
            make.log.display()
        );
    }
    if flavour.mocks {
        mocks::check(make, &modules)?;
    }
    for (from, name) in [("arch/x86/boot/bzImage", "bzImage"), (".config", ".config")] {
        let temporary = result.join(format!("{name}.new"));
        fs::copy(make.obj.join(from), &temporary)
            .with_context(|| format!("cannot copy {from} to {}", temporary.display()))?;
        fs::rename(&temporary, result.join(name))?;
    }
    let modules = result.join("modules");
    dirs::remove(&modules)?;
    fs::rename(&new, &modules)?;
    selftests(make.tree(), &result.join("selftests"))
}

/// Copies the scripts among the kernel's own tests, as far as this version has them.
fn selftests(tree: &Path, to: &Path) -> Result<()> {
    dirs::remove(to)?;
    dirs::make(to)?;
    for name in SELFTESTS {
        let from = tree.join("tools/testing/selftests").join(name);
        let Ok(entries) = fs::read_dir(&from) else {
            continue;
        };
        dirs::make(&to.join(name))?;
        for entry in entries {
            let path = entry?.path();
            if let (Some("sh"), Some(file)) = (
                path.extension().and_then(|extension| extension.to_str()),
                path.file_name(),
            ) {
                fs::copy(&path, to.join(name).join(file))
                    .with_context(|| format!("cannot copy {}", path.display()))?;
            }
        }
    }
    Ok(())
}

fn release(obj: &Path) -> Result<String> {
    let path = obj.join("include/config/kernel.release");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}
