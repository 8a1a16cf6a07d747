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
pub struct Id(u16);

impl Id {
    /// Takes the lowest id that is free.
    ///
    /// # Errors
    ///
    /// - [`ENOMEM`] if there is no memory to keep track of the id.
    /// - [`ENOSPC`] if no id is left that fits into 16 bits.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn new() -> Result<Self> {
        // SAFETY: `memregion_alloc()` has no requirements.
        let id = unsafe { bindings::memregion_alloc(bindings::GFP_KERNEL) };
        if id < 0 {
            return Err(Error::from_errno(id));
        }

        match u16::try_from(id) {
            // INVARIANT: `id` was just allocated.
            Ok(id) => Ok(Self(id)),
            Err(_) => {
                // SAFETY: `id` was just allocated, and nobody knows of it.
                unsafe { bindings::memregion_free(id) };
                Err(ENOSPC)
            }
        }
    }

    /// The number.
    #[inline]
    pub fn get(&self) -> u16 {
        self.0
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the id is allocated, and nobody else gives it back.
        unsafe { bindings::memregion_free(i32::from(self.0)) }
    }
}
