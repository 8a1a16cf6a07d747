// SPDX-License-Identifier: GPL-2.0
//! What graft refuses, in which words, and that nothing changes then.

use std::fs;
use std::os::unix::fs::symlink;

use super::fixture::{assert_same, Fixture, EDITS};
use crate::{Error, Options};

/// Applies, which must fail and change nothing; returns the words.
fn refused(fixture: &Fixture) -> String {
    let before = fixture.snapshot();
    let error = fixture.apply().unwrap_err().to_string();
    assert_same(&fixture.snapshot(), &before, &error);
    error
}

#[test]
fn a_missing_and_a_doubled_anchor() {
    let fixture = Fixture::new();
    fixture.change_edits("\"config DAX_KMEM\"", "\"config DAX\"");
    fixture.change_edits("\"pub mod device;\"", "\"pub mod nowhere;\"");
    let error = refused(&fixture);
    let tree = fixture.tree();
    assert_eq!(
        error,
        format!(
            "Linux 7.3.4 in {}: 2 things do not fit, nothing was changed
  tools/graft/edits/dax.toml:1: drivers/dax/Kconfig: anchor \"config DAX\" matches 2 times (lines 1, 4): choose more words, or say whole_line, after_line or before_line
  tools/graft/edits/dax.toml:11: rust/lib.rs: anchor \"pub mod nowhere;\" matches nowhere: choose other words, or bound the edit with since or until",
            tree.display()
        )
    );
    // Nor does a tree that has a graft change.
    fixture.ours("tools/graft/edits/dax.toml", EDITS);
    fixture.apply().unwrap();
    fixture.change_edits("\"config DAX_KMEM\"", "\"config DAX\"");
    fixture.ours("rust/dax.rs", "// new\n");
    refused(&fixture);
}

#[test]
fn everything_that_does_not_fit_is_told_at_once() {
    let fixture = Fixture::new();
    let edit = |file: &str, more: &str| {
        format!("[[edit]]\nfile = \"{file}\"\nanchor = \"bus\"\nplace = \"before\"\ntext = \"x\"\n{more}\n")
    };
    fixture.kernel("drivers/binary", "");
    fs::write(fixture.tree().join("drivers/binary"), [0xff, 0xfe]).unwrap();
    symlink("bus.c", fixture.tree().join("drivers/dax/link.c")).unwrap();
    fixture.ours("drivers/dax/bus.c", "ours");
    fixture.ours("drivers/binary/file.rs", "");
    fixture.ours(
        "tools/graft/edits/wrong.toml",
        &[
            edit("drivers/none.c", ""),
            edit("drivers/dax", ""),
            edit("drivers/binary", ""),
            edit("drivers/dax/link.c", ""),
            edit("rust/dax.rs", ""),
            edit("rust/lib.rs", "after_line = \"pub mod\""),
            edit("rust/lib.rs", "after_line = \"device_id\""),
        ]
        .concat(),
    );
    let error = refused(&fixture);
    for words in [
        ": drivers/none.c: the tree has no such file",
        ": drivers/dax: the tree has no such file",
        ": drivers/binary: the file is not UTF-8 text",
        "drivers/dax/link.c is a symbolic link",
        ": rust/dax.rs: this is a file of the overlay",
        "after_line \"pub mod\" matches 3 times (lines 1, 2, 3)",
        "matches nowhere below the line with \"device_id\": an earlier edit of this file failed",
        "overlay: drivers/dax/bus.c: the tree has a file there that is not ours",
        "drivers/binary is in the way: it is not a directory",
        "9 things do not fit",
    ] {
        assert!(error.contains(words), "{words}\n{error}");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let fixture = Fixture::new();
    let elsewhere = fixture.tree().with_file_name("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, fixture.tree().join("samples")).unwrap();
    fixture.ours("samples/rust/dax.rs", "");
    let error = refused(&fixture);
    assert!(
        error.contains("overlay: samples/rust/dax.rs: samples is a symbolic link"),
        "{error}"
    );
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}

#[test]
fn a_file_changed_by_hand() {
    let fixture = Fixture::new();
    let pristine = fixture.snapshot();
    fixture.apply().unwrap();
    fixture.kernel("rust/dax.rs", "// by hand\n");
    fixture.kernel("rust/lib.rs", "// by hand\n");
    fs::remove_file(fixture.tree().join("drivers/dax/Kconfig")).unwrap();
    let error = refused(&fixture);
    assert!(
        error.contains("3 files were changed since the graft"),
        "{error}"
    );
    let before = fixture.snapshot();
    assert_eq!(fixture.undo().unwrap_err().to_string(), error);
    assert_same(&fixture.snapshot(), &before, "tree");
    crate::undo(&fixture.tree(), true).unwrap();
    assert_same(&fixture.snapshot(), &pristine, "tree");
}

#[test]
fn a_tree_renewed_under_the_graft() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    fixture.kernel("Makefile", "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\n");
    fixture.kernel("rust/lib.rs", "pub mod device;\n// of 7.4\n");
    let error = refused(&fixture);
    assert!(
        error.contains("made for Linux 7.3.4, the tree is Linux 7.4.0 now"),
        "{error}"
    );
    assert!(error.ends_with("\n  rust/lib.rs"), "{error}");
    // Not even by force does 7.4 get files of 7.3.
    let before = fixture.snapshot();
    let forced = crate::undo(&fixture.tree(), true).unwrap_err();
    assert_eq!(forced.to_string(), error);
    assert_same(&fixture.snapshot(), &before, "tree");
}

#[test]
fn a_file_put_back_or_removed_by_hand_is_no_loss() {
    let fixture = Fixture::new();
    let pristine = fixture.snapshot();
    fixture.apply().unwrap();
    let grafted = fixture.files();
    fixture.kernel("rust/lib.rs", "pub mod device;\npub mod device_id;\n");
    fs::remove_file(fixture.tree().join("rust/dax.rs")).unwrap();
    assert_eq!(
        fixture.apply().unwrap().written,
        ["rust/lib.rs", "rust/dax.rs"]
    );
    assert_same(&fixture.files(), &grafted, "tree");
    fs::remove_file(fixture.tree().join("rust/dax.rs")).unwrap();
    fixture.undo().unwrap();
    assert_same(&fixture.snapshot(), &pristine, "tree");
}

#[test]
fn not_a_kernel_tree() {
    let fixture = Fixture::new();
    let why = |tree: &std::path::Path| {
        let error = crate::apply(tree, &fixture.overlay()).unwrap_err();
        assert!(matches!(error, Error::NotATree { .. }), "{error}");
        error.to_string()
    };
    assert!(why(&fixture.tree().join("none")).ends_with("there is no such directory"));
    assert!(why(&fixture.overlay()).ends_with("it has no Makefile"));
    assert!(why(&fixture.tree().join("Makefile")).ends_with("it is a file"));
    fixture.ours("Makefile", "all:\n");
    assert!(why(&fixture.overlay()).ends_with("names no VERSION and PATCHLEVEL"));
    symlink(fixture.tree(), fixture.overlay().join("source")).unwrap();
    assert!(why(&fixture.overlay()).contains("build directory"));
    fs::remove_file(fixture.tree().join("Kbuild")).unwrap();
    assert!(why(&fixture.tree()).ends_with("it has no Kbuild"));
    assert!(crate::undo(&fixture.overlay(), true).is_err());
    assert!(crate::status(&fixture.overlay()).is_err());
}

#[test]
fn not_an_overlay() {
    let fixture = Fixture::new();
    let error = crate::apply(&fixture.tree(), &fixture.tree()).unwrap_err();
    assert!(matches!(error, Error::NotAnOverlay { .. }), "{error}");
    symlink(
        "hmem.rs",
        fixture.overlay().join("drivers/dax/hmem_rs/link.rs"),
    )
    .unwrap();
    assert!(refused(&fixture).contains("no links"));
}

#[test]
fn a_version_outside_the_series() {
    let fixture = Fixture::new();
    fixture.ours("tools/graft/series.toml", "[kernel]\nsince = \"7.4\"\n");
    let error = refused(&fixture);
    assert!(
        error.starts_with("Linux 7.3.4 is not supported: the edits are for 7.4 and later"),
        "{error}"
    );
    let any = Options::default().any_version(true);
    crate::apply_with(&fixture.tree(), &fixture.overlay(), any).unwrap();
}

#[test]
fn faults_of_the_data_are_told_with_file_and_line() {
    let fixture = Fixture::new();
    fixture.change_edits("place = \"after\"", "place = \"behind\"");
    assert!(refused(&fixture).contains("tools/graft/edits/dax.toml:14: unknown variant `behind`"));
    fixture.ours("tools/graft/edits/dax.toml", "");
    let series = "[[patch]]\nsubject = \"s\"\nbody = \"b\"\n";
    fixture.ours(
        "tools/graft/series.toml",
        &format!("\n{series}edits = [\"none\"]\n"),
    );
    assert!(
        refused(&fixture).contains("series.toml:2: edits: there is no tools/graft/edits/none.toml")
    );
    fixture.ours(
        "tools/graft/series.toml",
        &format!("{series}edits = [\"dax\", \"dax\"]\n"),
    );
    assert!(refused(&fixture).contains("more than once"));
    fixture.ours("tools/graft/series.toml", "");
    fixture.ours(
        "tools/graft/edits/dax.toml",
        "[[edit]]\nfile = \"rust/lib.rs\"\nanchor = \"x\"\nplace = \"before\"\ntext_file = \"NONE\"\n",
    );
    assert!(refused(&fixture).contains("dax.toml:1: text_file NONE: "));
}

#[test]
fn a_damaged_record() {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    let record = fixture.tree().join(".hmem-graft/record.toml");
    let text = fs::read_to_string(&record).unwrap();
    for (old, new) in [
        ("format = 1", "format = 2"),
        ("format", "fromat"),
        ("\"rust/dax.rs\"", "\"../overlay/rust/dax.rs\""),
        ("dirs = [\"", "dirs = [\"../"),
        ("[edited.\"", "[edited.\"../"),
        ("original = \"", "original = \"../"),
    ] {
        assert!(text.contains(old), "{old}");
        fs::write(&record, text.replace(old, new)).unwrap();
        let error = refused(&fixture);
        assert!(
            error.contains("record.toml: ") && error.contains("unpack or check out anew"),
            "{error}"
        );
        assert_eq!(fixture.undo().unwrap_err().to_string(), error);
    }
    fs::write(&record, text).unwrap();
    let originals = fs::read_dir(fixture.tree().join(".hmem-graft/originals")).unwrap();
    fs::write(originals.last().unwrap().unwrap().path(), "x").unwrap();
    assert!(refused(&fixture).contains("is damaged"));
}

#[test]
fn a_tree_that_may_not_be_written() {
    let fixture = Fixture::new();
    chmod_all(&fixture.tree(), 0o555);
    let error = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                // Root may write anywhere: this thread must not.
                let mut sets = rustix::thread::capabilities(None).unwrap();
                sets.effective
                    .remove(rustix::thread::CapabilitySet::DAC_OVERRIDE);
                rustix::thread::set_capabilities(None, sets).unwrap();
                refused(&fixture)
            })
            .join()
            .unwrap()
    });
    chmod_all(&fixture.tree(), 0o755);
    for dir in [".", "drivers/dax", "rust"] {
        assert!(error.contains(&format!("tree: {dir}: ")), "{error}");
    }
    let advice = "may not be written: make it writable, or graft a copy";
    assert!(error.contains(advice), "{error}");
}

fn chmod_all(dir: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            chmod_all(&path, mode);
        }
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
}
