// SPDX-License-Identifier: GPL-2.0
//! A made-up kernel tree and an overlay for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// What stands at a path: mode, and content if it is a file.
pub(super) type Snapshot = BTreeMap<String, (u32, Option<Vec<u8>>)>;

pub(super) struct Fixture {
    dir: TempDir,
}

pub(super) const KCONFIG: &str = "config DAX\n\tbool\n\nconfig DAX_KMEM\n\tbool\n";
pub(super) const EDITS: &str = "\
[[edit]]
file = \"drivers/dax/Kconfig\"
anchor = \"config DAX_KMEM\"
place = \"before\"
text = \"\"\"
config DAX_RUST
\tbool

\"\"\"

[[edit]]
file = \"rust/lib.rs\"
anchor = \"pub mod device;\"
place = \"after\"
text = \"pub mod dax;\"
";

impl Fixture {
    pub(super) fn new() -> Self {
        let this = Fixture {
            // In memory where possible: the record is synced to disk, which takes its time.
            dir: TempDir::new_in("/dev/shm")
                .or_else(|_| TempDir::new())
                .unwrap(),
        };
        this.kernel(
            "Makefile",
            "# head\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
        );
        this.kernel("Kbuild", "");
        this.kernel("Kconfig", "");
        this.kernel("drivers/dax/Kconfig", KCONFIG);
        this.kernel("drivers/dax/bus.c", "int bus;\n");
        this.kernel("rust/lib.rs", "pub mod device;\npub mod device_id;\n");
        this.ours("drivers/dax/hmem_rs/hmem.rs", "// hmem\n");
        this.ours("drivers/dax/hmem_rs/sub/deep.rs", "// deep\n");
        this.ours("rust/dax.rs", "// dax\n");
        this.ours("tools/graft/edits/dax.toml", EDITS);
        this
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.dir.path().join("linux")
    }

    pub(super) fn overlay(&self) -> PathBuf {
        self.dir.path().join("overlay")
    }

    /// Writes a file of the kernel tree.
    pub(super) fn kernel(&self, file: &str, text: &str) {
        put(&self.tree().join(file), text);
    }

    /// Writes a file of the overlay.
    pub(super) fn ours(&self, file: &str, text: &str) {
        put(&self.overlay().join(file), text);
    }

    /// Replaces words in the edits.
    pub(super) fn change_edits(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.overlay().join("tools/graft/edits/dax.toml")).unwrap();
        assert!(text.contains(old), "{old}");
        self.ours("tools/graft/edits/dax.toml", &text.replace(old, new));
    }

    pub(super) fn apply(&self) -> crate::Result<crate::Report> {
        crate::apply(&self.tree(), &self.overlay())
    }

    pub(super) fn undo(&self) -> crate::Result<crate::Undone> {
        crate::undo(&self.tree(), false)
    }

    pub(super) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.tree().join(file)).unwrap()
    }

    pub(super) fn has(&self, file: &str) -> bool {
        self.tree().join(file).exists()
    }

    /// The whole tree, record and all.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot::new();
        walk(&self.tree(), "", &mut all);
        all
    }

    /// The tree without the record.
    pub(super) fn files(&self) -> Snapshot {
        let mut all = self.snapshot();
        all.retain(|path, _| !path.starts_with(crate::record::DIR));
        all
    }

    /// Makes every file look an hour old, and returns that time.
    pub(super) fn age(&self) -> SystemTime {
        let then = SystemTime::now() - Duration::from_secs(3600);
        for (path, (_, content)) in self.snapshot() {
            if content.is_some() {
                let file = fs::File::options()
                    .append(true)
                    .open(self.tree().join(path));
                file.unwrap().set_modified(then).unwrap();
            }
        }
        then
    }

    pub(super) fn time(&self, file: &str) -> SystemTime {
        fs::metadata(self.tree().join(file))
            .unwrap()
            .modified()
            .unwrap()
    }
}

/// Fails if two snapshots differ, and names what differs.
#[track_caller]
pub(super) fn assert_same(left: &Snapshot, right: &Snapshot, when: &str) {
    let differs = |path: &&String| left.get(*path) != right.get(*path);
    let paths: BTreeSet<_> = left.keys().chain(right.keys()).filter(differs).collect();
    assert!(paths.is_empty(), "{when}: {paths:?} differ");
}

pub(super) fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn walk(root: &Path, dir: &str, all: &mut Snapshot) {
    for entry in fs::read_dir(root.join(dir)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{dir}{}", entry.file_name().to_str().unwrap());
        let meta = fs::symlink_metadata(entry.path()).unwrap();
        let content = meta.is_file().then(|| fs::read(entry.path()).unwrap());
        all.insert(path.clone(), (meta.permissions().mode(), content));
        if meta.is_dir() {
            walk(root, &format!("{path}/"), all);
        }
    }
}
