// SPDX-License-Identifier: GPL-2.0
//! Puts an overlay into a kernel tree, takes it out again, and makes the mailable series of it.
//!
//! The overlay's files go where they lie in the repository; changes to the kernel's own files are
//! data, see [`edits`]. README.md beside this crate describes the data and the life of a record.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let report = graft::apply(Path::new("linux"), Path::new("."))?;
//! eprintln!("{report}");
//! # Ok::<(), graft::Error>(())
//! ```

mod anchor;
pub mod edits;
mod error;
mod git;
mod graft;
mod mail;
mod overlay;
mod path;
mod plan;
pub mod record;
pub mod series;
#[cfg(test)]
mod tests;
mod tree;
pub mod version;
mod write;

pub use error::{Error, Misfit, ParseError, Result, Why};
pub use graft::{
    apply, apply_with, check, record_dir, status, undo, Grafted, Options, Report, Status, Undone,
};
pub use mail::{patches, MailOptions};
