// SPDX-License-Identifier: GPL-2.0

//! Questions to the tree of memory resources, and entries of one's own in it.
//!
//! The tree is what `/proc/iomem` shows. Soft Reserved memory is kept in a tree of its own, so that
//! drivers can claim it first; see [`soft_reserved`].
//!
//! All answers are snapshots: the tree may change as soon as a function returns. Who needs
//! certainty claims the range, and handles the failure.
//!
//! The functions called `intersects` are inline on purpose: their calls to the C functions are part
//! of the module that uses them, where cxl_test replaces them.
//!
//! C header: [`include/linux/ioport.h`](srctree/include/linux/ioport.h)

use crate::{
    bindings,
    device::{
        Bound,
        Device, //
    },
    devres,
    prelude::*,
    range::Range,
    sync::{
        lazy_mutex,
        LazyMutex, //
    },
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};

// CAST: `c_ulong` has at least 32 bits.
const MEM: c_ulong = bindings::IORESOURCE_MEM as c_ulong;
const BUSY_MEM: c_ulong = (bindings::IORESOURCE_MEM | bindings::IORESOURCE_BUSY) as c_ulong;

/// The C walk goes on behind the end of what it found, which must not be the start again.
const LAST: u64 = u64::MAX - 1;

/// What a resource of the tree describes, beyond being memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desc {
    /// A window of the CXL host bridges, `CXL Window N`.
    Cxl,
    /// Memory that firmware asks to set aside, `Soft Reserved`.
    SoftReserved,
}

impl Desc {
    #[inline]
    const fn into_raw(self) -> c_ulong {
        (match self {
            Self::Cxl => bindings::IORES_DESC_CXL,
            Self::SoftReserved => bindings::IORES_DESC_SOFT_RESERVED,
        }) as c_ulong
    }
}

/// How a range relates to the resources that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intersection {
    /// No byte of the range is in such a resource.
    Disjoint,
    /// The range touches such a resource, and none of another kind.
    ///
    /// This does *not* tell that the whole range is covered.
    Intersects,
    /// The range touches such a resource and also one of another kind.
    Mixed,
}

impl Intersection {
    #[inline]
    fn from_raw(value: c_int) -> Self {
        // CAST: The C enum is anonymous, so that bindgen gives its values the type of its choice;
        // they are 0, 1 and 2.
        match value as u32 {
            bindings::REGION_DISJOINT => Self::Disjoint,
            bindings::REGION_INTERSECTS => Self::Intersects,
            _ => Self::Mixed,
        }
    }
}

/// Tells whether `range` touches memory resources described as `desc`.
///
/// A length beyond `usize` counts as `usize::MAX`.
///
/// # Context
///
/// Process context; takes the resource lock.
#[inline]
pub fn intersects(range: Range, desc: Desc) -> Intersection {
    query(range, MEM, desc.into_raw())
}

/// Tells whether somebody has a byte of `range` exclusively.
fn is_busy(range: Range) -> bool {
    query(range, BUSY_MEM, bindings::IORES_DESC_NONE as c_ulong) != Intersection::Disjoint
}

/// Tells whether `range` touches resources with these `flags` and this `desc`.
// Inline, so that the call of the C function is part of the driver, where cxl_test replaces it.
#[inline]
fn query(range: Range, flags: c_ulong, desc: c_ulong) -> Intersection {
    let len = usize::try_from(range.len()).unwrap_or(usize::MAX);

    // SAFETY: `region_intersects()` has no requirements.
    Intersection::from_raw(unsafe { bindings::region_intersects(range.start(), len, flags, desc) })
}

/// What a walk over the tree collects.
struct Parts {
    ranges: KVec<Range>,
    result: Result,
}

/// Notes the range of `res`.
///
/// # Safety
///
/// `res` must point at a valid resource, `arg` at a [`Parts`] that nobody else uses.
#[inline(never)]
unsafe extern "C" fn note(res: *mut bindings::resource, arg: *mut c_void) -> c_int {
    // SAFETY: By the safety requirements.
    let (parts, start, end) = unsafe { (&mut *arg.cast::<Parts>(), (*res).start, (*res).end) };

    if let Some(range) = Range::new(start, end) {
        parts.result = parts.ranges.push(range, GFP_KERNEL).map_err(Error::from);
    }
    // Anything but zero ends the walk.
    c_int::from(parts.result.is_err())
}

impl Parts {
    /// Runs the C function `walk` with a callback and what that needs.
    fn collect(
        walk: impl FnOnce(
            *mut c_void,
            Option<unsafe extern "C" fn(*mut bindings::resource, *mut c_void) -> c_int>,
        ),
    ) -> Result<KVec<Range>> {
        let mut parts = Self {
            ranges: KVec::new(),
            result: Ok(()),
        };

        walk((&raw mut parts).cast(), Some(note));

        parts.result.map(|()| parts.ranges)
    }
}

/// Returns the memory resources described as `desc` that overlap `range`, in ascending order,
/// clipped to `range`.
///
/// The C walk does not look at ranges of a single byte, nor at the last byte of the address space.
///
/// # Errors
///
/// [`ENOMEM`] if there is no memory for the answer.
///
/// # Context
///
/// May sleep; takes the resource lock.
pub fn parts(range: Range, desc: Desc) -> Result<KVec<Range>> {
    Parts::collect(|arg, callback| {
        // The return value tells what `arg` tells, or that nothing was found.
        //
        // SAFETY: `arg` is what the callback needs, and both are used during the call only. The
        // callback gets a resource on the stack of the C function, and no lock is held.
        unsafe {
            bindings::walk_iomem_res_desc(
                desc.into_raw(),
                MEM,
                range.start(),
                range.end().min(LAST),
                arg,
                callback,
            )
        };
    })
}

/// The tree of what firmware set aside as Soft Reserved memory.
///
/// It is filled while the kernel boots and does not change afterwards.
pub mod soft_reserved {
    use super::*;

    /// Tells whether `range` touches Soft Reserved memory.
    ///
    /// [`Intersection::Intersects`] does not tell that the whole range is Soft Reserved: see
    /// [`parts`] for which bytes are.
    ///
    /// # Context
    ///
    /// Process context; takes the resource lock.
    #[inline]
    pub fn intersects(range: Range) -> Intersection {
        let len = usize::try_from(range.len()).unwrap_or(usize::MAX);

        // SAFETY: `region_intersects_soft_reserve()` has no requirements.
        Intersection::from_raw(unsafe {
            bindings::region_intersects_soft_reserve(range.start(), len)
        })
    }

    /// Returns the Soft Reserved parts of `range`, in ascending order.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if there is no memory for the answer.
    ///
    /// # Context
    ///
    /// May sleep; takes the resource lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     iomem::soft_reserved,
    ///     range::Range, //
    /// };
    ///
    /// for part in &soft_reserved::parts(Range::ALL)? {
    ///     pr_info!("{part} is Soft Reserved\n");
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn parts(range: Range) -> Result<KVec<Range>> {
        Parts::collect(|arg, callback| {
            // The return value tells what `arg` tells, or that nothing was found.
            //
            // SAFETY: `arg` is what the callback needs, and both are used during the call only. The
            // callback gets a resource on the stack of the C function, and no lock is held.
            unsafe {
                bindings::walk_soft_reserve_res(range.start(), range.end().min(LAST), arg, callback)
            };
        })
    }
}

/// A range of memory that nobody uses but those who have it from here.
///
/// It may become a DAX device or a part of the system, that is, anything may be put there. So it is
/// to be had only from those who know that there is such memory, for example
/// [`RegionInfo::memory`](crate::dax::hmem::RegionInfo::memory) and `dax::Configuration::ranges`.
/// An entry for it in the tree keeps others away.
///
/// # Invariants
///
/// During `'a`, and then for as long as the system uses it, there is memory at each address of the
/// range, and those who use it have claimed it in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory<'a>(Range, PhantomData<&'a ()>);

impl Memory<'_> {
    /// Declares `range` to be such memory.
    ///
    /// # Safety
    ///
    /// The type invariant must hold.
    pub const unsafe fn new(range: Range) -> Self {
        // INVARIANT: By the safety requirements.
        Self(range, PhantomData)
    }

    /// Returns the addresses, with both ends included.
    pub const fn range(&self) -> Range {
        self.0
    }

    /// Returns the part of it that is behind the address `end`; [`None`] if there is none.
    pub fn after(&self, end: u64) -> Option<Self> {
        // INVARIANT: A part of such memory is such memory.
        self.0.after(end).map(|range| Self(range, PhantomData))
    }
}

/// An entry of one's own in the tree, called `Soft Reserved`, until it is dropped.
///
/// It says who has the range without keeping it: a driver of a device in the range still requests
/// its part, below this entry.
///
/// An entry that is dropped while somebody has a part of it, such as memory that is still online,
/// stays in the tree for the next [`new`](Self::new) of exactly its range, which could not put one
/// there. If there is no memory to note it for that, it goes, and what lies below it moves up.
///
/// The entry lies where the range was free, or below entries that nobody has exclusively. Where
/// there is [`Memory`], those are windows and regions of CXL and other entries of this kind, which
/// leave what is below them in the tree when they go.
///
/// # Invariants
///
/// `entry` is part of the tree of memory resources and covers `range`; only `self` takes it out.
pub struct SoftReservedEntry {
    entry: NonNull<bindings::resource>,
    range: Range,
}

// SAFETY: The tree is protected by a lock of its own, which all C functions take.
unsafe impl Send for SoftReservedEntry {}
// SAFETY: There are no methods that take a shared reference.
unsafe impl Sync for SoftReservedEntry {}

/// Entries that were dropped while somebody had a part of their range.
static LEFT: LazyMutex<KVec<ManuallyDrop<SoftReservedEntry>>> = lazy_mutex!(KVec::new());

impl SoftReservedEntry {
    /// Puts an entry for `memory` into the tree.
    ///
    /// # Errors
    ///
    /// - [`EBUSY`] if somebody has a byte of it exclusively, and no entry of this very range stayed
    ///   there because of that.
    /// - [`ENOMEM`] if there is no memory for the entry, or if there is another entry, not busy,
    ///   that covers a part of it: C does not tell.
    ///
    /// # Context
    ///
    /// May sleep; takes the resource lock.
    // Not inlined into a module, because the name has to be a constant of the kernel image: the
    // entry may outlive the module.
    #[inline(never)]
    pub fn new(memory: Memory<'_>) -> Result<Self> {
        let range = memory.range();

        if let Some(left) = Self::take_over(range) {
            return Ok(left);
        }

        // SAFETY: The tree is static, and so is the name.
        let entry = unsafe {
            bindings::__request_region(
                &raw mut bindings::iomem_resource,
                range.start(),
                range.len(),
                c"Soft Reserved".as_char_ptr(),
                0,
            )
        };
        let Some(entry) = NonNull::new(entry) else {
            return Err(if is_busy(range) { EBUSY } else { ENOMEM });
        };

        // From here on, others may request what is in the range.
        // SAFETY: The entry was just put into the tree for us alone: until the flags change, nobody
        // else puts anything below it or takes it away.
        unsafe {
            (*entry.as_ptr()).desc = Desc::SoftReserved.into_raw();
            (*entry.as_ptr()).flags = MEM;
        }

        // INVARIANT: The entry is in the tree and covers `range`; others only take out what is
        // marked as busy.
        Ok(Self { entry, range })
    }

    /// Returns the entry that was left for `range`, and takes out those that are in its way for no
    /// reason any more.
    fn take_over(range: Range) -> Option<Self> {
        loop {
            // Dropped outside of the lock, which its destructor takes.
            let entry = {
                // Most systems never have any.
                let mut left = LEFT.lock_if_used()?;
                let index = left.iter().position(|entry| {
                    entry.range == range || (entry.range.overlaps(&range) && !is_busy(entry.range))
                })?;

                ManuallyDrop::into_inner(left.remove(index).ok()?)
            };

            if entry.range == range {
                return Some(entry);
            }
        }
    }

    /// Puts an entry for `memory` into the tree for at least as long as `dev` is bound.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new) and [`devres::register`].
    ///
    /// # Context
    ///
    /// May sleep; takes the resource lock.
    pub fn new_managed(dev: &Device<Bound>, memory: Memory<'_>) -> Result {
        devres::register(dev, Self::new(memory)?, GFP_KERNEL)
    }
}

impl Drop for SoftReservedEntry {
    /// May sleep.
    fn drop(&mut self) {
        if is_busy(self.range) {
            // INVARIANT: If the list takes the copy, `self` is not used any more.
            let copy = ManuallyDrop::new(Self {
                entry: self.entry,
                range: self.range,
            });

            if LEFT.lock().push(copy, GFP_KERNEL).is_ok() {
                return;
            }
        }

        // SAFETY: By the type invariant, the entry is in the tree. Its children, if any, go to its
        // parent, so nothing refers to it afterwards.
        let ret = unsafe { bindings::remove_resource(self.entry.as_ptr()) };

        // An entry that the tree still refers to is leaked rather than freed.
        if ret == 0 {
            // SAFETY: The entry is out of the tree, and came from kmalloc.
            unsafe { bindings::kfree(self.entry.as_ptr().cast()) };
        }
    }
}
