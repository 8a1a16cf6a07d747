// SPDX-License-Identifier: GPL-2.0

//! Debian packages that are only unpacked, never installed.
//!
//! apt runs with lists, archives and status of its own, so that neither the toolbox nor the host changes. The
//! mirror is the one that the surrounding system's apt uses. No version is named anywhere: the pool forgets
//! old ones.

pub(crate) mod upstream;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{bail, Context, Result};

use crate::kernel::dirs;
use crate::kernel::progress::Progress;

/// A package suite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suite {
    name: &'static str,
    /// Whether mirrors may carry an index past its date. Such an index may name packages that are gone.
    stale: bool,
}

const fn fresh(name: &'static str) -> Suite {
    Suite { name, stale: false }
}

const fn stale(name: &'static str) -> Suite {
    Suite { name, stale: true }
}

/// The steadiest first.
const FOR_KERNELS: [Suite; 4] = [
    fresh("trixie-backports"),
    stale("sid"),
    stale("experimental"),
    stale("forky"),
];

const FOR_FIRMWARE: [Suite; 3] = [fresh("trixie-backports"), stale("forky"), stale("sid")];

/// What to look for, and where.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    name: String,
    suites: &'static [Suite],
    /// Older ones are of no use.
    at_least: Option<&'static str>,
}

impl Package {
    /// The source of a kernel.
    pub(crate) fn kernel(kver: &str) -> Self {
        Package {
            name: format!("linux-source-{kver}"),
            suites: &FOR_KERNELS,
            at_least: None,
        }
    }

    /// A UEFI that passes EFI_MEMORY_SP on to the kernel.
    pub(crate) fn firmware() -> Self {
        Package {
            name: "ovmf-generic".into(),
            suites: &FOR_FIRMWARE,
            at_least: Some("2026.08"),
        }
    }

    /// In one line, why there is none.
    pub(crate) fn nowhere(&self) -> String {
        let at_least = self
            .at_least
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        format!(
            "no package suite has {}{at_least} (any more, or yet)",
            self.name
        )
    }

    fn will_do(&self, version: &str) -> Result<bool> {
        self.at_least
            .map_or(Ok(true), |least| compare(version, "ge", least))
    }
}

/// A package in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deb {
    /// The file.
    pub(crate) path: PathBuf,
    /// The package's version.
    pub(crate) version: String,
}

impl Deb {
    /// The newest one in the cache.
    pub(crate) fn cached(cache: &Path, package: &Package) -> Result<Option<Self>> {
        let mut newest: Option<Deb> = None;
        let Ok(entries) = fs::read_dir(cache.join("dl")) else {
            return Ok(None);
        };
        for entry in entries {
            let path = entry?.path();
            let Some(version) = version_in(&path, &package.name) else {
                continue;
            };
            if package.will_do(&version)? && better(&version, newest.as_ref())? {
                newest = Some(Deb { path, version });
            }
        }
        Ok(newest)
    }

    /// Fetches the package from the first suite that has a release of it, or else the newest candidate for one.
    /// `None` if no suite has it.
    pub(crate) fn fetch(cache: &Path, package: &Package) -> Result<Option<Self>> {
        let mut progress = Progress::new(format!("looking for {}", package.name));
        let mirror = mirror()?;
        let mut best: Option<Deb> = None;
        let mut unreachable = None;
        let mut suites = 0;
        for suite in package.suites {
            progress.show(suite.name);
            let apt = Apt::new(cache, &mirror, *suite)?;
            match apt.update()? {
                Update::Done => suites += 1,
                Update::NoSuite => continue,
                Update::Failed(why) => {
                    unreachable.get_or_insert(why);
                    continue;
                }
            }
            let Some(version) = apt.version(&package.name)? else {
                continue;
            };
            if !package.will_do(&version)? || !better(&version, best.as_ref())? {
                continue;
            }
            progress.show(format!("fetching {version} from {}", suite.name));
            match apt.download(&package.name, &version) {
                Ok(deb) => best = Some(deb),
                // Such an index may name a package that the pool has dropped.
                Err(_) if suite.stale => continue,
                Err(error) => return Err(error),
            }
            if is_release(&version) {
                break;
            }
        }
        match (best, unreachable) {
            (None, Some(why)) => bail!(
                "the package mirror cannot be reached ({why}): check the network or proxy, name a mirror with \
                 MIRROR=URL, or use KSRC=/path for a kernel tree of your own"
            ),
            // That would be no word about the package.
            (None, None) if suites == 0 => bail!(
                "{mirror} has not one of the suites {}: name a Debian mirror with MIRROR=URL, check the proxy, or use \
                 KSRC=/path for a kernel tree of your own",
                package.suites.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ")
            ),
            (best, _) => Ok(best),
        }
    }
}

/// Whether `version` is newer than what there is.
fn better(version: &str, than: Option<&Deb>) -> Result<bool> {
    than.map_or(Ok(true), |deb| compare(version, "gt", &deb.version))
}

/// A release candidate has a `~` in its upstream version; so has the revision of any backport.
fn is_release(version: &str) -> bool {
    let upstream = version
        .rsplit_once('-')
        .map_or(version, |(upstream, _)| upstream);
    !upstream.contains('~')
}

fn version_in(path: &Path, package: &str) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".deb")?;
    let (version, _arch) = name
        .strip_prefix(package)?
        .strip_prefix('_')?
        .rsplit_once('_')?;
    // apt writes the colon of an epoch as %3a
    Some(version.replace("%3a", ":"))
}

fn compare(a: &str, relation: &str, b: &str) -> Result<bool> {
    let status = Command::new("dpkg")
        .args(["--compare-versions", a, relation, b])
        .status()
        .context("cannot run dpkg")?;
    Ok(status.success())
}

/// One suite with an apt of its own.
struct Apt {
    suite: Suite,
    root: PathBuf,
    downloads: PathBuf,
}

enum Update {
    Done,
    NoSuite,
    Failed(String),
}

impl Apt {
    fn new(cache: &Path, mirror: &str, suite: Suite) -> Result<Self> {
        Self::with(cache, mirror, suite, "deb")
    }

    /// `kind` is deb or deb-src.
    fn with(cache: &Path, mirror: &str, suite: Suite, kind: &str) -> Result<Self> {
        let root = cache.join("apt").join(match kind {
            "deb" => suite.name.to_owned(),
            _ => format!("{}-{kind}", suite.name),
        });
        for dir in ["lists/partial", "archives/partial", "parts"] {
            dirs::make(&root.join(dir))?;
        }
        let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let signed_by = if Path::new(keyring).exists() {
            format!("[signed-by={keyring}] ")
        } else {
            String::new()
        };
        fs::write(
            root.join("sources.list"),
            format!("{kind} {signed_by}{mirror} {} main\n", suite.name),
        )?;
        fs::write(root.join("status"), "")?;
        let downloads = cache.join("dl");
        dirs::make(&downloads)?;
        Ok(Apt {
            suite,
            root,
            downloads,
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let at = |name: &str| self.root.join(name).display().to_string();
        for option in [
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            format!("Dir::Etc::sourceparts={}", at("parts")),
            format!("Dir::Etc::preferences={}", at("none")),
            format!("Dir::Etc::preferencesparts={}", at("parts")),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::Cache={}", self.root.display()),
            format!("Acquire::Check-Valid-Until={}", !self.suite.stale),
            "Acquire::Languages=none".into(),
            "Acquire::Retries=2".into(),
            "Acquire::http::Timeout=30".into(),
            // Only its owner may read the cache.
            "APT::Sandbox::User=".into(),
        ] {
            command.args(["-o", &option]);
        }
        command.env("LC_ALL", "C");
        command
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<Output> {
        let mut command = self.command(program);
        command.args(args).output().with_context(|| {
            format!("cannot run {program}: kernel sources come as Debian packages; use the toolbox, or KSRC=/path")
        })
    }

    fn update(&self) -> Result<Update> {
        let output = self.run("apt-get", &["-qq", "--error-on=any", "update"])?;
        if output.status.success() {
            return Ok(Update::Done);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("404")
            || text.contains("does not have a Release file") && !text.contains("Could not")
        {
            return Ok(Update::NoSuite);
        }
        let line = text
            .lines()
            .find(|line| line.starts_with("E:") || line.starts_with("W:"));
        let line = line.unwrap_or("apt-get update failed");
        Ok(Update::Failed(
            line.get(2..).unwrap_or(line).trim().to_owned(),
        ))
    }

    /// The newest version in this suite.
    fn version(&self, package: &str) -> Result<Option<String>> {
        let output = self.run("apt-cache", &["show", "--no-all-versions", package])?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
        Ok(version.map(|version| version.trim().to_owned()))
    }

    fn download(&self, package: &str, version: &str) -> Result<Deb> {
        dirs::check_space(&self.downloads, 400, package)?;
        // Into a directory of its own, so that a file in the cache is always whole.
        let partial = self.root.join("new");
        dirs::remove(&partial)?;
        dirs::make(&partial)?;
        let mut command = self.command("apt-get");
        let output = command
            .args(["-qq", "download", &format!("{package}={version}")])
            .current_dir(&partial)
            .output()
            .context("cannot run apt-get")?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let line = text
                .lines()
                .find(|line| line.starts_with("E:"))
                .unwrap_or("E: no reason given");
            bail!("cannot fetch {package} {version}: {}", line[2..].trim());
        }
        for entry in fs::read_dir(&partial)? {
            let path = entry?.path();
            if let (Some(version), Some(name)) = (version_in(&path, package), path.file_name()) {
                let kept = self.downloads.join(name);
                fs::rename(&path, &kept)?;
                return Ok(Deb {
                    path: kept,
                    version,
                });
            }
        }
        bail!("apt-get fetched no {package}")
    }
}

/// The mirror of the surrounding system, if that is Debian.
fn mirror() -> Result<String> {
    if let Some(mirror) = std::env::var("MIRROR")
        .ok()
        .filter(|mirror| !mirror.is_empty())
    {
        return Ok(mirror);
    }
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let texts = files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    match texts.filter_map(|text| mirror_in(&text)).next() {
        Some(mirror) => Ok(mirror),
        None => bail!("this system's apt names no Debian mirror: name one with MIRROR=URL, or use KSRC=/path for a kernel tree of your own"),
    }
}

/// The first Debian archive in an apt source list, in either of the two formats.
fn mirror_in(text: &str) -> Option<String> {
    let lines = text.lines().filter_map(|line| {
        line.strip_prefix("deb ")
            .or_else(|| line.strip_prefix("URIs:"))
    });
    lines
        .flat_map(str::split_whitespace)
        .filter(|word| word.contains("://"))
        .map(|word| word.trim_end_matches('/'))
        .find(|word| word.ends_with("/debian"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_of_both_formats() {
        let old = "# x\ndeb [signed-by=/k] http://m.example/debian/ trixie main\n";
        assert_eq!(mirror_in(old).unwrap(), "http://m.example/debian");
        let new = "Types: deb\nURIs: http://s.example/debian-security http://m.example/debian\nSuites: x\n";
        assert_eq!(mirror_in(new).unwrap(), "http://m.example/debian");
        assert_eq!(mirror_in("deb http://a.example/ubuntu noble main\n"), None);
    }

    #[test]
    fn versions_in_file_names() {
        let version = |name: &str| version_in(Path::new(name), "linux-source-7.3");
        assert_eq!(
            version("/dl/linux-source-7.3_7.3.4-1~bpo13+1_all.deb").unwrap(),
            "7.3.4-1~bpo13+1"
        );
        assert_eq!(
            version("/dl/linux-source-7.3_1%3a2_all.deb").unwrap(),
            "1:2"
        );
        assert_eq!(version("/dl/linux-source-7.30_1_all.deb"), None);
        assert_eq!(version("/dl/linux-source-7.3_1_all.deb.part"), None);
    }

    #[test]
    fn release_candidates_are_no_releases() {
        assert!(is_release("7.3.4-1~bpo13+1"));
        assert!(is_release("7.3-1~exp1"));
        assert!(!is_release("7.3~rc7-1~exp1"));
        assert!(!is_release("7.3~rc7-1~bpo13+1"));
    }
}
