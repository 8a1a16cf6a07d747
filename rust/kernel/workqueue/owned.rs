// SPDX-License-Identifier: GPL-2.0

//! Work queues of one's own.

use super::{
    Queue,
    RawWorkItem, //
};
use crate::{
    alloc::{
        AllocError,
        Flags, //
    },
    bindings,
    prelude::*, //
};
use core::ptr::NonNull;

/// A work queue that is destroyed when this value is dropped.
///
/// Work that is still queued then runs first: dropping waits for all of it. It would not wait for a
/// timer, thus there is no delayed work here.
///
/// Dropping or [flushing](Self::flush) a queue from within one of its own work items waits for that
/// very item and never returns. So a work item must not own the last reference to its queue.
///
/// # Invariants
///
/// `self.0` points at a work queue that was allocated by `alloc_workqueue()` and is owned by
/// `self`.
///
/// # Examples
///
/// ```
/// use kernel::sync::{Arc, Completion};
/// use kernel::workqueue::OwnedQueue;
///
/// let queue = OwnedQueue::new_ordered(c"example")?;
/// let done = Arc::pin_init(Completion::new(), GFP_KERNEL)?;
///
/// let seen = done.clone();
/// queue.try_spawn(GFP_KERNEL, move || seen.complete_all())?;
///
/// // When this returns, the closure has run.
/// queue.flush();
/// done.wait_for_completion();
/// # Ok::<(), Error>(())
/// ```
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A work queue may be used, flushed and destroyed from any thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: All methods that take a shared reference are thread-safe in C.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Allocates a queue that runs at most one work item at a time, in the order of queueing.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if there is no memory for the queue or its worker.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn new_ordered(name: &CStr) -> Result<Self> {
        // SAFETY: The format string takes exactly one C string, which `name` is, and both are valid
        // for the duration of the call, which copies the name. The flags and the limit of one
        // active item are those of an ordered queue.
        let ptr = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags___WQ_ORDERED,
                1,
                name.as_char_ptr(),
            )
        };

        // INVARIANT: `ptr` was just allocated, and nobody else knows of it.
        Ok(Self(NonNull::new(ptr).ok_or(ENOMEM)?))
    }

    /// The queue, for the duration of a call.
    fn queue(&self) -> &Queue {
        // SAFETY: By the type invariant, `self.0` is a valid work queue, and it stays valid for the
        // lifetime of `self`, hence for that of the returned reference.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }

    /// Enqueues a work item, as [`Queue::enqueue`] does.
    pub fn enqueue<W, const ID: u64>(&self, work: W) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + Send + 'static,
    {
        self.queue().enqueue(work)
    }

    /// Tries to run the given function or closure as a work item, as [`Queue::try_spawn`] does.
    pub fn try_spawn<T: 'static + Send + FnOnce()>(
        &self,
        flags: Flags,
        func: T,
    ) -> Result<(), AllocError> {
        self.queue().try_spawn(flags, func)
    }

    /// Waits until all work that was queued before the call has run.
    ///
    /// # Context
    ///
    /// May sleep. Not from a work item of this queue.
    pub fn flush(&self) {
        // SAFETY: By the type invariant, `self.0` is a valid work queue.
        unsafe { bindings::__flush_workqueue(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `self.0` is a valid work queue that we own. Nobody has a
        // reference to it, and all that was ever queued is immediate work, for which this waits.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) }
    }
}
