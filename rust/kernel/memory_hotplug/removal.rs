// SPDX-License-Identifier: GPL-2.0

//! Removing several ranges of memory, all or none.

use super::{
    BlockState,
    Plugged, //
};
use crate::{
    bindings,
    container_of,
    error::to_result,
    fmt,
    memory::block_size,
    page::PAGE_SHIFT,
    prelude::*,
    range::Range,
    sync::atomic::{
        ordering::Relaxed,
        Atomic, //
    },
    types::Opaque, //
};

/// Takes memory offline and removes it: everything that was [added](Self::add) to it, or nothing.
///
/// All of it happens under one hold of the lock of memory hotplug.
///
/// # Examples
///
/// ```
/// use kernel::{
///     memory_hotplug::{
///         Plugged,
///         Removal, //
///     },
///     prelude::*, //
/// };
///
/// // The memory of two devices goes, or stays, as a whole.
/// fn unplug(first: &mut KVec<Plugged>, second: &mut KVec<Plugged>) -> Result {
///     let mut removal = Removal::new();
///
///     removal.add(first)?;
///     removal.add(second)?;
///     removal.run().map_err(|refusal| {
///         pr_warn!("the memory stays: {refusal}\n");
///         refusal.error
///     })
/// }
///
/// // Where there is no memory, none refuses.
/// assert!(unplug(&mut KVec::new(), &mut KVec::new()).is_ok());
/// ```
pub struct Removal<'a> {
    members: KVec<&'a mut KVec<Plugged>>,
    ranges: KVec<bindings::range>,
}

impl<'a> Removal<'a> {
    /// Starts with nothing to remove.
    pub const fn new() -> Self {
        Self {
            members: KVec::new(),
            ranges: KVec::new(),
        }
    }

    /// Removes all of `memory`; see [`add`](Self::add) and [`run`](Self::run).
    pub fn of(memory: &'a mut KVec<Plugged>) -> Result<(), Refusal> {
        let mut removal = Self::new();

        removal.add(memory)?;
        removal.run()
    }

    /// Adds all of `memory`, which will be empty after a successful [`run`](Self::run), and
    /// unchanged after a failed one. Fails with [`ENOMEM`] only, and adds nothing then.
    pub fn add(&mut self, memory: &'a mut KVec<Plugged>) -> Result {
        // What is removed must be owned by a member: room for all of it comes first.
        self.members.reserve(1, GFP_KERNEL)?;
        self.ranges.reserve(memory.len(), GFP_KERNEL)?;

        for plugged in memory.iter() {
            let range = plugged.range().range();

            let _ = self.ranges.push_within_capacity(bindings::range {
                start: range.start(),
                end: range.end(),
            });
        }
        let _ = self.members.push_within_capacity(memory);
        Ok(())
    }

    /// Takes everything offline, and then removes it.
    ///
    /// If a block refuses to go offline, then those that were taken offline before are brought back
    /// online, into the zones they came from, and nothing is removed. Should one not come back, the
    /// kernel log tells: ask for the states of the blocks.
    ///
    /// May take long, as the data in the memory is moved elsewhere; a signal ends it.
    pub fn run(mut self) -> Result<(), Refusal> {
        if self.ranges.is_empty() {
            return Ok(());
        }

        let count = self.ranges.len() as c_uint;
        let result = {
            pin_init::stack_pin_init!(let trace = Trace::new());

            // SAFETY: `ranges` is an array of `count` ranges. The memory in them is ours, as the
            // values that own it are borrowed mutably.
            to_result(unsafe {
                bindings::offline_and_remove_memory_ranges(self.ranges.as_ptr(), count)
            })
            .map_err(|error| self.diagnose(error, &trace))
        };

        if result.is_ok() {
            for member in self.members.iter_mut() {
                for plugged in member.drain_all() {
                    plugged.release();
                }
            }
        }
        result
    }

    /// Finds out which block refused, after everything was brought back.
    fn diagnose(&self, error: Error, trace: &Trace) -> Refusal {
        let asked = trace.asked.load(Relaxed);
        let cancelled = trace.cancelled.load(Relaxed);
        let offlined = trace.offlined.load(Relaxed);
        let memory = || self.members.iter().flat_map(|member| member.iter());

        if cancelled != NOWHERE {
            return Refusal {
                error,
                block: memory()
                    .flat_map(|plugged| plugged.range().blocks())
                    .find(|block| block.start() == cancelled)
                    .map(|block| block.range()),
                reason: match (error, asked == cancelled) {
                    (EINTR, true) => Reason::Signal,
                    (_, true) => Reason::NotMoved,
                    (_, false) => Reason::Vetoed,
                },
            };
        }

        // Without an event it never came to asking. The blocks are dealt with in this order, so the
        // culprit is the next block online behind the last one that went offline.
        let mut behind = offlined == NOWHERE;
        let block = memory()
            .flat_map(|plugged| plugged.blocks())
            .find_map(|(block, state)| {
                if behind && state != BlockState::Offline {
                    return Some(block.range());
                }
                behind |= block.start() == offlined;
                None
            });

        Refusal {
            error,
            block: if error == EBUSY { block } else { None },
            reason: if error == EBUSY && block.is_some() {
                Reason::Unmovable
            } else {
                Reason::Other
            },
        }
    }
}

impl Default for Removal<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Why memory could not be removed.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The error.
    pub error: Error,
    /// The memory block that did not go offline, if it is one.
    pub block: Option<Range>,
    /// What stopped it.
    pub reason: Reason,
}

/// What keeps a memory block from going offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It holds pages that can never be moved elsewhere.
    Unmovable,
    /// It holds pages that should be movable, and were not.
    NotMoved,
    /// A part of the kernel that uses the memory said no.
    Vetoed,
    /// The task that asked has a signal pending.
    Signal,
    /// Something else; the error is all there is to know.
    Other,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unmovable => "it holds pages that cannot be moved",
            Self::NotMoved => "its pages could not be moved away",
            Self::Vetoed => "a memory notifier vetoed it",
            Self::Signal => "a signal is pending",
            Self::Other => "see the error",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.block {
            Some(block) => f.write_fmt(fmt!(
                "memory block {} does not go offline: {}, error {}",
                block,
                self.reason,
                self.error.to_errno()
            )),
            None => f.write_fmt(fmt!("error {}", self.error.to_errno())),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            error,
            block: None,
            reason: Reason::Other,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// No block begins at this address.
const NOWHERE: u64 = u64::MAX;

/// Listens to what happens to the blocks that its task takes offline, as long as it lives.
///
/// Only `task` writes, hence [`Relaxed`] access is enough.
///
/// # Invariants
///
/// `notifier` is registered.
#[pin_data(PinnedDrop)]
struct Trace {
    #[pin]
    notifier: Opaque<bindings::notifier_block>,
    /// Others take blocks offline until the task has the lock for its removal.
    task: *mut bindings::task_struct,
    /// The start of the last block that went offline.
    offlined: Atomic<u64>,
    /// The start of the last block that all other listeners agreed to let go.
    asked: Atomic<u64>,
    /// The start of the last block for which going offline was called off.
    cancelled: Atomic<u64>,
}

impl Trace {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            notifier: Opaque::new(bindings::notifier_block {
                notifier_call: Some(Self::callback),
                next: core::ptr::null_mut(),
                // The last to be called, hence not at all if another one vetoes.
                priority: i32::MIN,
            }),
            // SAFETY: Has no requirements.
            task: unsafe { bindings::get_current() },
            offlined: Atomic::new(NOWHERE),
            asked: Atomic::new(NOWHERE),
            cancelled: Atomic::new(NOWHERE),
        })
        .pin_chain(|this| {
            // Fails only for a block that is registered already.
            //
            // INVARIANT: Registered here.
            //
            // SAFETY: The block is pinned, and unregistered before it goes away.
            unsafe { bindings::register_memory_notifier(this.notifier.get()) };
            Ok(())
        })
    }

    /// Notes who refused.
    ///
    /// # Safety
    ///
    /// `notifier` must be the field of a registered [`Trace`], `data` a `struct memory_notify`.
    unsafe extern "C" fn callback(
        notifier: *mut bindings::notifier_block,
        event: c_ulong,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: The notifier is the field of a `Trace`, which lives as long as it is registered.
        let this = unsafe { &*container_of!(Opaque::cast_from(notifier), Self, notifier) };

        // SAFETY: Has no requirements.
        if this.task != unsafe { bindings::get_current() } {
            return bindings::NOTIFY_OK as c_int;
        }

        // SAFETY: The data of all memory events is a `struct memory_notify`.
        let pfn = unsafe { (*data.cast::<bindings::memory_notify>()).start_pfn };

        // With the memory map on the memory, the pages begin somewhere inside of the block.
        let block = ((pfn as u64) << PAGE_SHIFT) & !(block_size() - 1);

        // CAST: The events are a handful of small numbers.
        match event as bindings::memory_block_state {
            bindings::memory_block_state_MEM_OFFLINE => this.offlined.store(block, Relaxed),
            bindings::memory_block_state_MEM_GOING_OFFLINE => this.asked.store(block, Relaxed),
            bindings::memory_block_state_MEM_CANCEL_OFFLINE => this.cancelled.store(block, Relaxed),
            _ => (),
        }

        bindings::NOTIFY_OK as c_int
    }
}

#[pinned_drop]
impl PinnedDrop for Trace {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. This waits for callbacks that run.
        unsafe { bindings::unregister_memory_notifier(self.notifier.get()) };
    }
}
