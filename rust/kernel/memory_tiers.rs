// SPDX-License-Identifier: GPL-2.0

//! Memory types: how far the memory of a node is from the processors.
//!
//! The kernel sorts nodes into tiers by the *abstract distance* of their memory, which is smaller
//! for faster memory. A driver that brings memory of its own sort says so by giving the node a
//! memory type before the memory comes online.
//!
//! C header: [`include/linux/memory-tiers.h`](srctree/include/linux/memory-tiers.h)

use crate::{
    memory::Node,
    prelude::*, //
};

/// The abstract distance of ordinary memory, as it is directly attached to processors.
// CAST: A few hundred.
pub const ADISTANCE_DRAM: i32 = crate::bindings::MEMTIER_ADISTANCE_DRAM as i32;

/// The promise that a node has a memory type, as long as this value lives.
///
/// There is one type for a node: if it has one already, be it that of another driver, then it
/// stays, for as long as that driver lets it. A type of ours stays also if this value is dropped
/// while other memory of the node is online.
///
/// The C functions count how often a node was given the type it has, but do not tell whether they
/// did count; taking back what was not counted drops the type under its other users, or worse.
/// Hence all values of one node share one call to each of the two.
///
/// # Invariants
///
/// There is an entry for `node` in the table of nodes, in which this value is counted.
///
/// # Examples
///
/// ```
/// use kernel::{
///     memory::Node,
///     memory_tiers::{
///         NodeMemoryType,
///         ADISTANCE_DRAM, //
///     },
///     prelude::*, //
/// };
///
/// let node = Node::new(0).ok_or(EINVAL)?;
///
/// // Two devices of one node, whose memory is slower than the ordinary one.
/// let first = NodeMemoryType::assign(node, 5 * ADISTANCE_DRAM)?;
/// let second = NodeMemoryType::assign(node, 5 * ADISTANCE_DRAM)?;
///
/// assert_eq!(first.node(), second.node());
/// # Ok::<(), Error>(())
/// ```
pub struct NodeMemoryType {
    node: Node,
}

#[cfg(CONFIG_NUMA)]
mod numa {
    use super::*;
    use crate::{
        bindings,
        error::from_err_ptr,
        sync::{
            lazy_mutex,
            LazyMutex, //
        },
        types::ScopeGuard, //
    };
    use core::ptr::NonNull;

    /// A memory type, the `struct memory_dev_type` of C.
    ///
    /// # Invariants
    ///
    /// Points to a valid memory type, of which this value owns a reference.
    struct MemoryType(NonNull<bindings::memory_dev_type>);

    // SAFETY: Memory types are reference counted, and their distance does not change.
    unsafe impl Send for MemoryType {}

    impl MemoryType {
        fn new(adistance: i32) -> Result<Self> {
            // SAFETY: Has no requirements.
            let ptr = from_err_ptr(unsafe { bindings::alloc_memory_type(adistance) })?;

            // INVARIANT: The caller of `alloc_memory_type()` gets the reference.
            NonNull::new(ptr).map(Self).ok_or(ENOMEM)
        }

        fn adistance(&self) -> i32 {
            // SAFETY: By the type invariant the pointer is valid; the field does not change.
            unsafe { (*self.0.as_ptr()).adistance }
        }
    }

    impl Clone for MemoryType {
        fn clone(&self) -> Self {
            // SAFETY: By the type invariant there is a reference already.
            unsafe { bindings::get_memory_type(self.0.as_ptr()) };

            // INVARIANT: The reference was just taken.
            Self(self.0)
        }
    }

    impl Drop for MemoryType {
        fn drop(&mut self) {
            // SAFETY: By the type invariant the reference is ours.
            unsafe { bindings::put_memory_type(self.0.as_ptr()) };
        }
    }

    /// A node and the type that it was given, which need not be the type that it has.
    struct Entry {
        node: Node,
        kind: MemoryType,
        users: usize,
    }

    /// Keeps memory from coming online and going offline while the result lives. May sleep.
    fn freeze_memory() -> impl Sized {
        // SAFETY: Has no requirements but that `put_online_mems()` follows, which it does below.
        unsafe { bindings::get_online_mems() };

        ScopeGuard::new(|| {
            // SAFETY: Taken above.
            unsafe { bindings::put_online_mems() }
        })
    }

    static NODES: LazyMutex<KVec<Entry>> = lazy_mutex!(KVec::new());

    impl NodeMemoryType {
        /// Gives the memory type for the abstract distance `adistance` to `node`, unless the node
        /// has one; what the platform firmware knows about the node goes before `adistance`.
        ///
        /// Must precede bringing the first memory of the node online to be of use. Fails with
        /// [`ENOMEM`] only. May sleep.
        pub fn assign(node: Node, adistance: i32) -> Result<Self> {
            let mut nodes = NODES.lock();
            if let Some(entry) = nodes.iter_mut().find(|entry| entry.node == node) {
                entry.users += 1;
                // INVARIANT: Counted in the line above.
                return Ok(Self { node });
            }

            let mut adistance = adistance;

            // SAFETY: `node` is valid, and `adistance` a variable of ours.
            unsafe { bindings::mt_calc_adistance(node.id(), &mut adistance) };

            let kind = match nodes.iter().find(|e| e.kind.adistance() == adistance) {
                Some(entry) => entry.kind.clone(),
                None => MemoryType::new(adistance)?,
            };
            let ptr = kind.0.as_ptr();
            nodes.push(
                Entry {
                    node,
                    kind,
                    users: 1,
                },
                GFP_KERNEL,
            )?;

            // SAFETY: `node` is a valid index of a node, and the entry holds a reference of the
            // type until the type is cleared again.
            unsafe { bindings::init_node_memory_type(node.id(), ptr) };

            // INVARIANT: The new entry counts one user.
            Ok(Self { node })
        }
    }

    impl Drop for NodeMemoryType {
        fn drop(&mut self) {
            let mut nodes = NODES.lock();
            let Some((index, entry)) = nodes
                .iter_mut()
                .enumerate()
                .find(|(_, entry)| entry.node == self.node)
            else {
                return;
            };

            entry.users -= 1;

            // What is seen must hold until the type is cleared.
            let _frozen = freeze_memory();

            // Memory that others brought online relies on the type as well, but C does not count it
            // if the type is ours, and follows a null pointer when that memory goes offline. So the
            // type stays with the node, ready for the next one to be assigned.
            //
            // SAFETY: `node` is a valid index of a node.
            if entry.users > 0 || unsafe { bindings::node_has_memory(self.node.id()) } {
                return;
            }

            if let Ok(entry) = nodes.remove(index) {
                // If C did count the type, then the node has had it since: nobody else can know a
                // type of ours, and nobody else clears it. If C did not count, then the node had
                // another type, which is counted by whoever gave it, and this does nothing, also
                // if that type is gone.
                //
                // SAFETY: `node` is a valid index of a node, and this is the only call for the only
                // `init_node_memory_type()` that was done for this entry.
                unsafe { bindings::clear_node_memory_type(entry.node.id(), entry.kind.0.as_ptr()) };
            }
        }
    }
}

#[cfg(not(CONFIG_NUMA))]
impl NodeMemoryType {
    /// Does nothing: without NUMA there are no types.
    pub fn assign(node: Node, _adistance: i32) -> Result<Self> {
        Ok(Self { node })
    }
}

impl NodeMemoryType {
    /// Returns the node.
    pub fn node(&self) -> Node {
        self.node
    }
}
