// SPDX-License-Identifier: GPL-2.0
//! A repository of its own for as long as a series is made, untouched by anyone's git settings.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::mail::MailOptions;

/// Who writes and signs the patches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author {
    name: String,
    address: String,
}

impl Author {
    /// As `given`, else as git is configured where the overlay lies.
    pub(crate) fn find(given: Option<&str>, overlay: &Path) -> Result<Self> {
        if let Some(given) = given {
            return Self::parse(given).ok_or(Error::NoAuthor);
        }
        let configured = |key: &str| {
            let mut git = Command::new("git");
            git.args(["config", key])
                .current_dir(overlay)
                .stderr(Stdio::null());
            let output = git.output().map_err(missing)?;
            let value = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if value.is_empty() {
                return Err(Error::NoAuthor);
            }
            Ok(value)
        };
        Ok(Author {
            name: configured("user.name")?,
            address: configured("user.email")?,
        })
    }

    fn parse(words: &str) -> Option<Self> {
        let (name, address) = words.strip_suffix('>')?.split_once('<')?;
        let (name, address) = (name.trim(), address.trim());
        let plain = |word: &str| !word.is_empty() && !word.contains(['<', '>', '\n']);
        (plain(name) && plain(address) && address.contains('@')).then(|| Author {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }
}

/// A repository that vanishes with this.
pub(crate) struct Git {
    dir: TempDir,
    /// One level down, so that the series does not lie among the files.
    tree: PathBuf,
    author: Author,
}

const BRANCH: &str = "series";

impl Git {
    pub(crate) fn init(author: Author) -> Result<Self> {
        let dir =
            TempDir::new().map_err(Error::io("create a directory in", &std::env::temp_dir()))?;
        let tree = dir.path().join("tree");
        let git = Git { dir, tree, author };
        git.run(
            &["init", "--quiet", "--initial-branch", BRANCH, "tree"],
            git.dir.path(),
            "",
        )?;
        Ok(git)
    }

    /// Where the files go.
    pub(crate) fn root(&self) -> &Path {
        &self.tree
    }

    /// Commits all files as they are.
    pub(crate) fn commit(&self, subject: &str, body: &str) -> Result<()> {
        let root = self.root();
        self.run(&["add", "--all", "--force"], root, "")?;
        let message = format!("{subject}\n\n{body}\n");
        self.run(
            &[
                // No line of a body is a comment.
                "-c",
                "core.commentChar=\u{1}",
                "commit",
                "--quiet",
                "--signoff",
                "--cleanup=whitespace",
                "--file=-",
            ],
            root,
            &message,
        )?;
        Ok(())
    }

    /// Makes the mails of the last `count` commits, and returns them in order.
    pub(crate) fn format(
        &self,
        count: usize,
        subject: &str,
        body: &str,
        options: &MailOptions,
    ) -> Result<Vec<PathBuf>> {
        let root = self.root();
        let description = format!("branch.{BRANCH}.description");
        self.run(
            &["config", &description, &format!("{subject}\n\n{body}")],
            root,
            "",
        )?;

        let dir = self.dir.path().join("out");
        let out = format!("--output-directory={}", dir.display());
        let count = format!("-{count}");
        let mut args = vec![
            "format-patch",
            "--quiet",
            "--cover-letter",
            "--cover-from-description=subject",
            "--no-renames",
            "--diff-algorithm=histogram",
            "--no-signature",
            &out,
            &count,
        ];
        let revision;
        if let Some(number) = options.revision {
            revision = format!("-v{number}");
            args.push(&revision);
        }
        if options.rfc {
            args.push("--rfc");
        }
        self.run(&args, root, "")?;

        let entries = std::fs::read_dir(&dir).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut made = entries.map_err(Error::io("read", &dir))?;
        made.sort();
        Ok(made)
    }

    fn run(&self, args: &[&str], dir: &Path, input: &str) -> Result<()> {
        let mut git = Command::new("git");
        git.args(args).current_dir(dir);
        // Neither a hook's environment nor anyone's settings reach the series.
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("GIT_") {
                git.env_remove(key);
            }
        }
        git.env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C.UTF-8");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), &self.author.name);
            git.env(format!("GIT_{role}_EMAIL"), &self.author.address);
        }
        git.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = git.spawn().map_err(missing)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A git that stops early tells why on its own.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(missing)?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stderr, output.stdout].concat();
        Err(Error::Command {
            command: "git".into(),
            why: String::from_utf8_lossy(&said).trim().to_owned(),
        })
    }
}

fn missing(error: io::Error) -> Error {
    Error::Command {
        command: "git".into(),
        why: match error.kind() {
            io::ErrorKind::NotFound => "not found: install git".into(),
            _ => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_name_and_address() {
        let author = Author::parse("A. Name <a@example.org>").unwrap();
        assert_eq!(
            (author.name.as_str(), author.address.as_str()),
            ("A. Name", "a@example.org")
        );
        for wrong in [
            "",
            "Name",
            "<a@b>",
            "Name <>",
            "Name <a>",
            "Name a@b",
            "N <a@b> x",
            "N <a<b@c>",
        ] {
            assert_eq!(Author::parse(wrong), None, "{wrong}");
        }
    }
}
