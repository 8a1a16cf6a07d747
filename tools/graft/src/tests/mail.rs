// SPDX-License-Identifier: GPL-2.0
//! The mailable series of a made-up tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fixture::{assert_same, Fixture};
use crate::{Error, MailOptions};

const SERIES: &str = "\
[kernel]
since = \"7.2\"

[cover]
subject = \"dax: in Rust\"
body = \"Why all this.\"

[[patch]]
subject = \"rust: dax: add the abstraction\"
body = \"Why.\\n\\n# not a comment\"
files = [\"rust/dax.rs\"]
edits = [\"lib\"]

[[patch]]
subject = \"rust: old kernels only\"
body = \"Why.\"
edits = [\"old\"]

[[patch]]
subject = \"dax/hmem: add the driver\"
body = \"Why.\"
files = [\"drivers/dax/hmem_rs/**\"]
edits = [\"dax\"]
";

/// An edit of a file that the first patch edits as well.
const LIB: &str = "\
[[edit]]
file = \"rust/lib.rs\"
anchor = \"pub mod device_id;\"
place = \"after\"
text = \"pub mod early;\"
";

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.ours("tools/graft/series.toml", SERIES);
    fixture.ours("tools/graft/edits/lib.toml", LIB);
    fixture.ours(
        "tools/graft/edits/old.toml",
        &format!("{LIB}until = \"7.2\"\n"),
    );
    fixture
}

fn options() -> MailOptions {
    MailOptions {
        author: Some("A. Name <a@example.org>".into()),
        ..MailOptions::default()
    }
}

fn out(fixture: &Fixture) -> PathBuf {
    fixture.tree().with_file_name("out")
}

fn patches(fixture: &Fixture) -> crate::Result<Vec<PathBuf>> {
    crate::patches(
        &fixture.tree(),
        &fixture.overlay(),
        &out(fixture),
        &options(),
    )
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(name).collect()
}

/// Runs git in `dir` with nobody's settings.
fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=B", "-c", "user.email=b@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{args:?}: {words}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    words
}

#[test]
fn git_am_makes_of_the_series_what_apply_makes() {
    let fixture = fixture();
    let tree = fixture.tree();
    let pristine = fixture.snapshot();
    let mails = patches(&fixture).unwrap();
    assert_same(&fixture.snapshot(), &pristine, "the tree is only read");
    assert_eq!(
        names(&mails),
        [
            "0000-cover-letter.patch",
            "0001-rust-dax-add-the-abstraction.patch",
            "0002-dax-hmem-add-the-driver.patch"
        ]
    );

    git(&tree, &["init", "--quiet"]);
    git(&tree, &["add", "--all"]);
    git(&tree, &["commit", "--quiet", "-m", "pristine"]);
    for mail in &mails[1..] {
        git(&tree, &["am", "--quiet", mail.to_str().unwrap()]);
    }
    assert_eq!(git(&tree, &["status", "--porcelain"]), "");
    let log = git(&tree, &["log", "-1", "--skip=1", "--format=%an <%ae>%n%B"]);
    assert_eq!(
        log.trim(),
        "A. Name <a@example.org>\nrust: dax: add the abstraction\n\nWhy.\n\n# not a comment\n\nSigned-off-by: A. Name <a@example.org>"
    );
    let first = git(&tree, &["show", "--format=", "--name-only", "HEAD~"]);
    assert_eq!(first, "rust/dax.rs\nrust/lib.rs\n");

    fs::remove_dir_all(tree.join(".git")).unwrap();
    let mailed = fixture.snapshot();
    let other = self::fixture();
    other.apply().unwrap();
    assert_same(&mailed, &other.files(), "git am and apply");
}

#[test]
fn the_cover_letter_has_words_and_numbers() {
    let fixture = fixture();
    let letter = fs::read_to_string(&patches(&fixture).unwrap()[0]).unwrap();
    for words in [
        "Subject: [PATCH 0/2] dax: in Rust\n",
        "Why all this.\n\nThe series is for Linux 7.3.4.\n",
        "A. Name (2):\n",
        "5 files changed",
    ] {
        assert!(letter.contains(words), "{words}\n{letter}");
    }
}

#[test]
fn a_grafted_tree_gives_the_same_series() {
    let fixture = fixture();
    let text = |mail: &PathBuf| -> String {
        // All but the lines with the time in them.
        let text = fs::read_to_string(mail).unwrap();
        text.lines()
            .filter(|line| !line.starts_with("From ") && !line.starts_with("Date: "))
            .collect()
    };
    let texts = |fixture: &Fixture| {
        patches(fixture)
            .unwrap()
            .iter()
            .map(text)
            .collect::<Vec<_>>()
    };
    let pristine = texts(&fixture);
    fixture.apply().unwrap();
    assert_eq!(texts(&fixture), pristine);
}

#[test]
fn a_revision_replaces_itself_only() {
    let fixture = fixture();
    let mut options = options();
    options.revision = Some(2);
    options.rfc = true;
    let out = out(&fixture);
    fs::create_dir(&out).unwrap();
    for name in ["0001-first.patch", "v2-0009-gone.patch", "notes"] {
        fs::write(out.join(name), "x").unwrap();
    }
    let mails = crate::patches(&fixture.tree(), &fixture.overlay(), &out, &options).unwrap();
    assert!(fs::read_to_string(&mails[1])
        .unwrap()
        .contains("[RFC PATCH v2 1/2]"));
    let mut all: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    assert_eq!(
        names(&all),
        [
            "0001-first.patch",
            "notes",
            "v2-0000-cover-letter.patch",
            "v2-0001-rust-dax-add-the-abstraction.patch",
            "v2-0002-dax-hmem-add-the-driver.patch"
        ]
    );
}

#[test]
fn every_version_has_its_series() {
    let fixture = fixture();
    fixture.kernel("Makefile", "VERSION = 7\nPATCHLEVEL = 2\n");
    assert_eq!(patches(&fixture).unwrap().len(), 4);
    fixture.kernel("Makefile", "VERSION = 7\nPATCHLEVEL = 1\n");
    assert!(matches!(
        patches(&fixture).unwrap_err(),
        Error::Unsupported { .. }
    ));
}

/// The words of a refusal, which leaves nothing.
fn refused(fixture: &Fixture) -> String {
    let error = patches(fixture).unwrap_err().to_string();
    assert!(!out(fixture).exists(), "{error}");
    error
}

#[test]
fn an_incomplete_series_is_refused() {
    let fixture = fixture();
    fixture.ours("samples/rust/dax.rs", "");
    fixture.ours("tools/graft/edits/loose.toml", "");
    let twice = SERIES.replace(
        "\"rust/dax.rs\"",
        "\"rust/*\", \"drivers/**/deep.rs\", \"rust/none.rs\"",
    );
    let twice = twice.replace("body = \"Why.\"\nedits = [\"old\"]", "body = \"\"\n");
    fixture.ours(
        "tools/graft/series.toml",
        &twice.replace("body = \"Why all this.\"\n", ""),
    );
    assert_eq!(
        refused(&fixture),
        "the series cannot be made
  tools/graft/series.toml: [cover] needs a subject and a body
  drivers/dax/hmem_rs/sub/deep.rs is in several patches: \"rust: dax: add the abstraction\", \"dax/hmem: add the driver\"
  samples/rust/dax.rs is in no patch: add it to one in tools/graft/series.toml
  tools/graft/edits/loose.toml is in no patch: add it to one in tools/graft/series.toml
  tools/graft/edits/old.toml is in no patch: add it to one in tools/graft/series.toml
  tools/graft/series.toml:7: there is no overlay file \"rust/none.rs\"
  tools/graft/series.toml:13: the patch has no body: say why
  tools/graft/series.toml:13: the patch has neither files nor edits"
    );
    fixture.ours("tools/graft/series.toml", "");
    assert!(refused(&fixture).contains("has no [[patch]]"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let fixture = fixture();
    fixture.change_edits("config DAX_KMEM", "config");
    fixture.kernel("rust/dax.rs", "the kernel's own");
    let error = refused(&fixture);
    assert!(error.contains("2 things do not fit"), "{error}");
    assert!(
        error.contains("dax.toml:1: drivers/dax/Kconfig: anchor"),
        "{error}"
    );
    assert!(
        error.contains("overlay: rust/dax.rs: the tree has a file there"),
        "{error}"
    );
}

#[test]
fn an_author_is_needed() {
    let fixture = fixture();
    let options = MailOptions {
        author: Some("nobody".into()),
        ..MailOptions::default()
    };
    let error = crate::patches(
        &fixture.tree(),
        &fixture.overlay(),
        &out(&fixture),
        &options,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("git config user.name"),
        "{error}"
    );

    // Without the option: what the repository of the overlay is configured with.
    git(&fixture.overlay(), &["init", "--quiet"]);
    git(&fixture.overlay(), &["config", "user.name", "C. Name"]);
    git(
        &fixture.overlay(),
        &["config", "user.email", "c@example.org"],
    );
    let options = MailOptions::default();
    let mails = crate::patches(
        &fixture.tree(),
        &fixture.overlay(),
        &out(&fixture),
        &options,
    )
    .unwrap();
    assert!(fs::read_to_string(&mails[1])
        .unwrap()
        .contains("Signed-off-by: C. Name <c@example.org>"));
}
