// SPDX-License-Identifier: GPL-2.0

//! Reads a machine's Soft Reserved ranges, CXL windows and dax devices, and says who owns what.
//!
//! ```no_run
//! let map = hmem_map::read(std::path::Path::new("/"))?;
//! for area in &map.areas {
//!     println!("{} {:?}", area.range, area.parts);
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod areas;
mod collect;
pub mod model;
mod notes;
pub mod parse;
pub mod policy;
pub mod range;
pub mod render;
pub mod snapshot;
pub mod text;
pub mod tree;
pub mod why;

pub use collect::read as read_tree;
pub use model::*;
pub use range::Range;

/// Name and version, for [`Map::tool`].
pub const TOOL: &str = concat!("hmem-map ", env!("CARGO_PKG_VERSION"));

/// The map of the running system (`/`) or of a recorded tree.
///
/// # Errors
///
/// Only if `root` cannot be entered; a missing file is a gap in the map.
pub fn read(root: &std::path::Path) -> std::io::Result<Map> {
    Ok(read_tree(&tree::Tree::new(root)?))
}
