// SPDX-License-Identifier: GPL-2.0
//! Apply, apply again, undo, status.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::fixture::{assert_same, Fixture};
use crate::Undone;

#[test]
fn apply_puts_overlay_and_edits_in() {
    let fixture = Fixture::new();
    let report = fixture.apply().unwrap();
    assert_eq!(
        report.to_string(),
        "Linux 7.3.4: 3 overlay files, 2 edited files; 5 written, 0 removed"
    );
    assert_eq!(
        fixture.read("drivers/dax/Kconfig"),
        "config DAX\n\tbool\n\nconfig DAX_RUST\n\tbool\n\nconfig DAX_KMEM\n\tbool\n"
    );
    assert_eq!(
        fixture.read("rust/lib.rs"),
        "pub mod device;\npub mod dax;\npub mod device_id;\n"
    );
    assert_eq!(fixture.read("drivers/dax/hmem_rs/sub/deep.rs"), "// deep\n");
    assert!(!fixture.has("tools"), "tools/graft is not for the kernel");
    assert!(!fixture.has(".hmem-graft/stage"));
}

#[test]
fn again_changes_nothing_not_even_times() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    let then = fixture.age();
    let before = fixture.snapshot();
    let report = fixture.apply().unwrap();
    assert!(report.written.is_empty() && report.removed.is_empty());
    assert_same(&fixture.snapshot(), &before, "tree");
    for (path, (_, content)) in before {
        assert!(content.is_none() || fixture.time(&path) == then, "{path}");
    }
}

#[test]
fn only_what_changed_is_written() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    let then = fixture.age();
    fixture.ours("rust/dax.rs", "// new\n");
    fixture.change_edits("config DAX_RUST", "config DAX_IN_RUST");
    let report = fixture.apply().unwrap();
    assert_eq!(report.written, ["drivers/dax/Kconfig", "rust/dax.rs"]);
    assert!(fixture.time("rust/dax.rs") > then);
    assert_eq!(fixture.time("rust/lib.rs"), then);
    // Derived from the original, not from what the first apply made of it.
    assert!(!fixture.read("drivers/dax/Kconfig").contains("DAX_RUST"));
}

#[test]
fn undo_is_the_tree_as_it_was() {
    let fixture = Fixture::new();
    let before = fixture.snapshot();
    fixture.apply().unwrap();
    assert_ne!(fixture.snapshot(), before);
    let undone = fixture.undo().unwrap();
    assert_eq!(undone.to_string(), "2 files restored, 3 removed");
    assert_same(&fixture.snapshot(), &before, "tree");
    assert_eq!(fixture.undo().unwrap(), Undone::Nothing);
}

#[test]
fn undo_leaves_untouched_files_alone_and_makes_restored_ones_new() {
    let fixture = Fixture::new();
    let then = fixture.age();
    fixture.apply().unwrap();
    fixture.undo().unwrap();
    assert_eq!(fixture.time("drivers/dax/bus.c"), then);
    // An object built from the grafted file must not look up to date.
    assert!(fixture.time("rust/lib.rs") > then);
}

#[test]
fn a_file_that_left_the_overlay_leaves_the_tree() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    fs::remove_dir_all(fixture.overlay().join("drivers/dax/hmem_rs/sub")).unwrap();
    let report = fixture.apply().unwrap();
    assert_eq!(report.removed, ["drivers/dax/hmem_rs/sub/deep.rs"]);
    assert!(!fixture.has("drivers/dax/hmem_rs/sub"));
    assert!(fixture.has("drivers/dax/hmem_rs/hmem.rs"));
}

#[test]
fn a_file_no_longer_edited_is_restored() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    fixture.ours("tools/graft/edits/dax.toml", "");
    let report = fixture.apply().unwrap();
    assert_eq!(report.edited, 0);
    assert_eq!(
        fixture.read("rust/lib.rs"),
        "pub mod device;\npub mod device_id;\n"
    );
    let kept = fs::read_dir(fixture.tree().join(".hmem-graft/originals")).unwrap();
    assert_eq!(kept.count(), 0);
}

#[test]
fn files_of_others_in_our_directories_stay() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    fixture.kernel("drivers/dax/hmem_rs/hmem.o", "object");
    let undone = fixture.undo().unwrap().to_string();
    assert!(
        undone.ends_with("left for the files of others in them: drivers/dax/hmem_rs"),
        "{undone}"
    );
    assert!(fixture.has("drivers/dax/hmem_rs/hmem.o"));
    assert!(!fixture.has("drivers/dax/hmem_rs/sub"));
    // The directory stands, our files do not: a new apply works.
    fixture.apply().unwrap();
}

#[test]
fn scripts_stay_executable_and_modes_survive() {
    let fixture = Fixture::new();
    fixture.ours("tools/testing/selftests/run.sh", "#!/bin/sh\n");
    let script = fixture.overlay().join("tools/testing/selftests/run.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o700)).unwrap();
    let edited = fixture.tree().join("rust/lib.rs");
    fs::set_permissions(&edited, fs::Permissions::from_mode(0o600)).unwrap();
    let before = fixture.snapshot();

    fixture.apply().unwrap();
    assert_eq!(
        fixture.files()["tools/testing/selftests/run.sh"].0,
        0o100_755
    );
    assert_eq!(fixture.files()["rust/lib.rs"].0, 0o100_600);
    assert!(fixture.apply().unwrap().written.is_empty());
    let script = fixture.tree().join("tools/testing/selftests/run.sh");
    fs::set_permissions(script, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        fixture.apply().unwrap().written,
        ["tools/testing/selftests/run.sh"]
    );
    fixture.undo().unwrap();
    assert_same(&fixture.snapshot(), &before, "tree");
}

#[test]
fn debris_and_host_crates_stay_out() {
    let fixture = Fixture::new();
    for file in [
        "drivers/.x.cmd",
        "drivers/a.o",
        "drivers/a.rs~",
        "samples/target/x",
        "include/generated/autoconf.h",
        "include/config/auto.conf",
        "samples/host/Cargo.toml",
        "samples/host/main.rs",
    ] {
        fixture.ours(file, "x");
    }
    assert_eq!(fixture.apply().unwrap().overlay, 3);
}

#[test]
fn versions_choose_edits_and_files() {
    let fixture = Fixture::new();
    fixture.change_edits(
        "text = \"pub mod dax;\"",
        "text = \"pub mod dax;\"\nuntil = \"7.2\"",
    );
    fixture.ours(
        "tools/graft/series.toml",
        "[[patch]]\nsubject = \"s\"\nbody = \"b\"\nfiles = [\"rust/**\"]\nuntil = \"7.2\"\n",
    );
    let report = fixture.apply().unwrap();
    assert_eq!((report.overlay, report.edited), (2, 1));
    assert!(!fixture.has("rust/dax.rs"));
    fixture.undo().unwrap();
    fixture.kernel("Makefile", "VERSION = 7\nPATCHLEVEL = 2\n");
    let report = fixture.apply().unwrap();
    assert_eq!((report.overlay, report.edited), (3, 2));
}

#[test]
fn the_series_orders_the_edits() {
    let fixture = Fixture::new();
    let edit = |text| {
        format!("[[edit]]\nfile = \"rust/lib.rs\"\nanchor = \"pub mod device;\"\nplace = \"after\"\ntext = \"{text}\"\n")
    };
    fixture.ours("tools/graft/edits/a.toml", &edit("pub mod a;"));
    fixture.ours("tools/graft/edits/b.toml", &edit("pub mod b;"));
    fixture.ours(
        "tools/graft/series.toml",
        "[[patch]]\nsubject = \"s\"\nbody = \"b\"\nedits = [\"b\", \"a\"]\n",
    );
    fixture.apply().unwrap();
    // dax, of no patch, comes last and so stands nearest to the anchor.
    assert_eq!(
        fixture.read("rust/lib.rs"),
        "pub mod device;\npub mod dax;\npub mod a;\npub mod b;\npub mod device_id;\n"
    );
}

#[test]
fn text_from_a_section_of_a_file() {
    let fixture = Fixture::new();
    fixture.ours(
        "MAINTAINERS",
        "OTHER\nM:\tX\n\nDAX IN RUST\nM:\tY\nF:\trust/dax.rs\n",
    );
    fixture.kernel("MAINTAINERS", "About\n\nDAX\nM:\tA\n\nDEVICES\nM:\tB\n");
    fixture.ours(
        "tools/graft/edits/maintainers.toml",
        "[[edit]]\nfile = \"MAINTAINERS\"\nanchor = \"DEVICES\"\nplace = \"before\"\ntext_file = \"MAINTAINERS\"\ntext_section = \"DAX IN RUST\"\n",
    );
    fixture.apply().unwrap();
    assert_eq!(
        fixture.read("MAINTAINERS"),
        "About\n\nDAX\nM:\tA\n\nDAX IN RUST\nM:\tY\nF:\trust/dax.rs\n\nDEVICES\nM:\tB\n"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let fixture = Fixture::new();
    let before = fixture.snapshot();
    let report = crate::check(&fixture.tree(), &fixture.overlay()).unwrap();
    assert_eq!(report.written.len(), 5);
    assert_same(&fixture.snapshot(), &before, "tree");
}

#[test]
fn status_tells_what_is_there() {
    let fixture = Fixture::new();
    let status = || crate::status(&fixture.tree()).unwrap();
    assert_eq!(status().to_string(), "Linux 7.3.4: no graft");
    fixture.apply().unwrap();
    assert_eq!(
        status().to_string(),
        "Linux 7.3.4: 3 overlay files, 2 edited files
  overlay drivers/dax/hmem_rs/hmem.rs
  overlay drivers/dax/hmem_rs/sub/deep.rs
  overlay rust/dax.rs
  edited  drivers/dax/Kconfig
  edited  rust/lib.rs"
    );
    fixture.kernel("rust/dax.rs", "by hand");
    assert_eq!(status().graft.unwrap().changed, ["rust/dax.rs"]);
}

#[test]
fn hard_linked_copies_of_a_tree_do_not_share_the_graft() {
    let fixture = Fixture::new();
    let other = fixture.tree().with_extension("copy");
    fs::hard_link(fixture.tree().join("rust/lib.rs"), &other).unwrap();
    fixture.apply().unwrap();
    assert_eq!(
        fs::read_to_string(other).unwrap(),
        "pub mod device;\npub mod device_id;\n"
    );
}

#[test]
fn two_at_once_wait_for_each_other() {
    let fixture = Fixture::new();
    let tree = fs::File::open(fixture.tree()).unwrap();
    rustix::fs::flock(&tree, rustix::fs::FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let apply = scope.spawn(|| fixture.apply().unwrap());
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!apply.is_finished() && !fixture.has("rust/dax.rs"));
        drop(tree);
        apply.join().unwrap();
    });
    assert!(fixture.has("rust/dax.rs"));
}
