// SPDX-License-Identifier: GPL-2.0

//! The kernel's CXL test, tools/testing/cxl: it builds CXL and DAX drivers a second time, with what they ask of
//! firmware and hardware answered by modules of its own, and installs them where depmod prefers them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::kernel::dirs;
use crate::kernel::make::Make;
use crate::kernel::progress::Progress;

/// What the driver asks that is answered otherwise: the linker gives these names a `__wrap_` in front. A driver
/// that reaches them in another way would pass the tests without being tested.
const WRAPPED: [&str; 3] = [
    "walk_hmem_resources",
    "region_intersects",
    "region_intersects_soft_reserve",
];

/// Builds the modules. The kernel and its own modules must be there.
pub(crate) fn build(make: &Make, progress: &mut Progress) -> Result<()> {
    let out = out(make);
    dirs::make(&out)?;
    let [tests, out] = arguments(make);
    // ld.lld also wraps what an object defines itself, and then modpost finds exports of nothing.
    make.run(
        make.make(&["LD=ld.bfd", &tests, &out, "modules"]),
        "build of tools/testing/cxl",
        progress,
    )?;
    Ok(())
}

/// Installs them; `to` is the argument that says where. Does not run depmod.
pub(crate) fn install(make: &Make, to: &str, progress: &mut Progress) -> Result<()> {
    let [tests, out] = arguments(make);
    make.run(
        make.make(&[&tests, &out, to, "DEPMOD=true", "modules_install"]),
        "installation of tools/testing/cxl",
        progress,
    )?;
    Ok(())
}

/// Not `obj` itself: the directories beside `M` get the drivers' objects.
fn out(make: &Make) -> PathBuf {
    make.obj.join("cxltest/tools/testing/cxl")
}

fn arguments(make: &Make) -> [String; 2] {
    let tests = make.tree().join("tools/testing/cxl");
    [
        format!("M={}", tests.display()),
        format!("MO={}", out(make).display()),
    ]
}

/// Fails unless the driver that the tests will load is the flavour's own, and asks the mocks.
pub(crate) fn check(make: &Make, modules: &Path) -> Result<()> {
    let all = fs::read_to_string(modules.join("modules.dep"))
        .with_context(|| format!("cannot read modules.dep in {}", modules.display()))?;
    let path = driver(&all)?;
    let output = make
        .command("nm")
        .arg(modules.join(path))
        .output()
        .context("cannot run nm")?;
    let faults = faults(&String::from_utf8_lossy(&output.stdout));
    if !faults.is_empty() {
        bail!(
            "{path} would pass the CXL test without being tested: {}",
            faults.join(", ")
        );
    }
    Ok(())
}

/// The mock's path in a modules.dep.
fn driver(modules_dep: &str) -> Result<&str> {
    let drivers: Vec<&str> = modules_dep
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(path, _)| path)
        .filter(|path| path.ends_with("/hmem_rs.ko") || path.ends_with("/dax_hmem.ko"))
        .collect();
    // One name in two places is the kernel's own driver and its mock, and depmod has taken the mock.
    match drivers[..] {
        [path] if path.starts_with("updates/") => Ok(path),
        _ => bail!(
            "the CXL test needs one driver, in updates/, and modules.dep has: {}",
            drivers.join(" ")
        ),
    }
}

/// What is wrong with the symbols of a mock, as nm prints them.
fn faults(nm: &str) -> Vec<String> {
    let undefined: Vec<&str> = nm
        .lines()
        .filter_map(|line| line.trim().strip_prefix("U "))
        .collect();
    let mut faults = Vec::new();
    for name in WRAPPED {
        if !undefined.contains(&format!("__wrap_{name}").as_str()) {
            faults.push(format!("it does not ask __wrap_{name}"));
        }
        if undefined.contains(&name) {
            faults.push(format!("it asks {name}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "                 U __wrap_region_intersects\n                 U __wrap_region_intersects_soft_reserve\n\
                        0000000000000010 t probe\n                 U __wrap_walk_hmem_resources\n";

    #[test]
    fn a_driver_that_misses_the_mocks_is_found() {
        assert!(faults(GOOD).is_empty());
        assert_eq!(faults("").len(), 3);
        let past = format!("{GOOD}                 U walk_hmem_resources\n");
        assert_eq!(faults(&past), ["it asks walk_hmem_resources"]);
        let unwrapped = GOOD.replace("__wrap_walk", "walk");
        assert_eq!(faults(&unwrapped).len(), 2);
    }

    #[test]
    fn the_driver_is_the_mock() {
        let mock = "updates/hmem_rs.ko: updates/cxl_core.ko\nupdates/cxl_core.ko:\n";
        assert_eq!(driver(mock).unwrap(), "updates/hmem_rs.ko");
        assert!(driver("kernel/drivers/dax/hmem_rs/hmem_rs.ko:\n").is_err());
        assert!(driver("updates/dax_hmem.ko:\nkernel/drivers/dax/hmem_rs/hmem_rs.ko:\n").is_err());
        assert!(driver("").is_err());
    }
}
