// SPDX-License-Identifier: GPL-2.0

//! Memory that comes and goes while the system runs.
//!
//! A driver that has memory to offer goes these steps, each of which is a value that owns what was
//! done, so that dropping it undoes the step:
//!
//! 1. [`BlockAligned::inside`] finds the part of the memory that can be hotplugged at all.
//! 2. [`Reservation::new`] claims its place in the tree of memory resources, `/proc/iomem`, for a
//!    [`Group`] of memory blocks.
//! 3. [`Plugged::add`] adds the memory of such claims to the system, as memory that a driver
//!    manages, and may bring it online.
//! 4. [`Removal`] takes any number of such ranges offline and away, all of them or none.
//!    [`Plugged::remove_offline`] takes away one that is offline already.
//!
//! There is one exception: dropping a [`Plugged`] does not remove the memory. Memory that is online
//! is in use, and may stay so for ever; everything that the kernel refers to for its sake, like the
//! names in `/proc/iomem`, is leaked then, on purpose. A driver that is unbound passes what it
//! could not remove to [`LeftOnline::leave`], where a later driver finds it.
//!
//! All functions that add or remove memory may sleep for long. They take the lock of memory
//! hotplug and call memory notifiers, so they must not be called from one.
//!
//! C header: [`include/linux/memory_hotplug.h`](srctree/include/linux/memory_hotplug.h)
//!
//! [`BlockAligned::inside`]: crate::memory::BlockAligned::inside
//! [`Group`]: crate::memory::Group

mod census;
mod left;
mod online_type;
mod plugged;
mod removal;
mod reservation;

pub use census::Census;
pub use left::LeftOnline;
pub use online_type::OnlineType;
pub use plugged::{
    BlockState,
    Plugged,
    Zone, //
};
pub use removal::{
    Reason,
    Refusal,
    Removal, //
};
pub use reservation::Reservation;

use crate::{
    bindings,
    prelude::*,
    str::{
        CStr,
        CString, //
    },
    sync::Arc, //
};

impl OnlineType {
    /// Returns what the administrator wants memory to become when it is added:
    /// `/sys/devices/system/memory/auto_online_blocks`.
    pub fn system_default() -> Self {
        // SAFETY: Has no requirements.
        Self::from_raw(unsafe { bindings::mhp_get_default_online_type() }).unwrap_or(Self::Offline)
    }

    /// Finds what a number from C stands for.
    pub(crate) fn from_raw(raw: impl Into<i64>) -> Option<Self> {
        let raw = raw.into();

        [Self::Offline, Self::Online, Self::Kernel, Self::Movable]
            .into_iter()
            .find(|kind| i64::from(kind.into_raw()) == raw)
    }

    #[inline]
    const fn into_raw(self) -> bindings::mmop {
        match self {
            Self::Offline => bindings::mmop_MMOP_OFFLINE,
            Self::Online => bindings::mmop_MMOP_ONLINE,
            Self::Kernel => bindings::mmop_MMOP_ONLINE_KERNEL,
            Self::Movable => bindings::mmop_MMOP_ONLINE_MOVABLE,
        }
    }
}

/// The name of driver-managed memory in `/proc/iomem`.
///
/// The form of the name tells user space, kexec for one, that the memory is not part of the memory
/// map of the firmware. The kernel keeps a pointer to it as long as the memory is present, which
/// may be longer than the driver; therefore it is on the heap, counted, and not in the driver's
/// image.
///
/// # Invariants
///
/// Has the form `System RAM (...)`.
#[derive(Clone)]
pub struct ManagedName(Arc<CString>);

impl ManagedName {
    /// Makes the name of the memory that `driver` manages. Fails with [`ENOMEM`] only.
    pub fn new(driver: &CStr) -> Result<Self> {
        let name = CString::try_from_fmt(fmt!("System RAM ({})", driver))?;

        // INVARIANT: By the line above.
        Ok(Self(Arc::new(name, GFP_KERNEL)?))
    }

    #[inline]
    fn as_cstr(&self) -> &CStr {
        &self.0
    }
}
