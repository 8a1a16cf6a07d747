// SPDX-License-Identifier: GPL-2.0

//! Ids for memory regions.
//!
//! NVDIMM namespaces, CXL regions and Soft Reserved ranges take their numbers from one pool, so
//! that the DAX devices made of them never share a name. The lowest number that is free is given
//! out.
//!
//! C header: [`include/linux/memregion.h`](srctree/include/linux/memregion.h)

use crate::{
    bindings,
    prelude::*, //
};

/// An id that nobody else has, until it is dropped.
///
/// # Invariants
///
/// `self.0` was given out by `memregion_alloc()` and has not been given back.
///
/// # Examples
///
/// ```
/// use kernel::memregion::Id;
///
/// let first = Id::new()?;
/// let second = Id::new()?;
///
/// assert_ne!(first.get(), second.get());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Id(u32);

impl Id {
    /// Takes the lowest id that is free.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`] if there is no memory to keep track of the id.
    /// - [`ENOSPC`] if no id is left.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn new() -> Result<Self> {
        // SAFETY: `memregion_alloc()` has no requirements.
        let id = unsafe { bindings::memregion_alloc(bindings::GFP_KERNEL) };

        // INVARIANT: `id` was just allocated. What is negative is an error.
        u32::try_from(id)
            .map(Self)
            .map_err(|_| Error::from_errno(id))
    }

    /// The number, which fits into a C `int`.
    #[inline]
    pub fn get(&self) -> u32 {
        self.0
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the id is allocated, and nobody else gives it back.
        // CAST: The number came from a `c_int`.
        unsafe { bindings::memregion_free(self.0 as c_int) }
    }
}
