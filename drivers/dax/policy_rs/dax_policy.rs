// SPDX-License-Identifier: GPL-2.0

//! The policy of the DAX core: what memory becomes is decided before it becomes it.
//!
//! An administrator sets a table of rules, on the kernel's command line (`dax.policy=`) or in
//! `/sys/module/dax/parameters/policy`. A rule says for which memory it is, and what shall become
//! of that: the driver, what kmem does with it, where the memory map goes, and whether it may be
//! System RAM at all. [`grammar`] reads rules, [`rule`] finds the one that counts, [`table`] keeps
//! them, and [`region`] is what a DAX region carries of them.
//!
//! # Where the table is asked
//!
//! Producers and consumers of regions know nothing of it, so that it holds for those to come as
//! well. The DAX core (`bus.c`) asks, in one place each:
//!
//! | when | what | in |
//! |---|---|---|
//! | a region is created | the rule that counts; the region carries it | `alloc_dax_region()` |
//! | a device of it is created | memory map on memory | `__devm_create_dev_dax()` |
//! | a driver is offered a device | whether it is the one | `dax_bus_match()` |
//! | a driver is bound | whether it may be, if it makes System RAM | `dax_bus_probe()` |
//! | kmem adds memory | the online type | kmem in Rust, by way of `kernel::dax::Device` |
//!
//! One producer asks on its own: hmem_rs, so that no region lies on both sides of a rule's edge.
//!
//! The choice of a driver decides about the match by type only. The ids that user space writes to
//! `new_id`, as daxctl does, go before, and thus before the policy; what no one gets round is
//! `never-ram`, since each bind passes the same place.
//!
//! Static regions, those of persistent memory, have no policy: their configuration is stored in the
//! memory itself, and making System RAM of it loses data.
//!
//! # What a region carries
//!
//! Rules are looked up once, when the region is created; a later table is for later regions. Each
//! region keeps a reference to the table that its rule is in, for the text of it, and user space
//! may write other actions to `dax_region/policy` as long as no device of the region is bound.
//! Binding takes the lock of the region's policy and counts, so that what a driver is told stays
//! true until it is unbound.
//!
//! # Locks
//!
//! That of the table and that of a region's policy are the innermost ones: nothing is called with
//! them held but the allocator and printk.

pub mod cases;
pub mod cursor;
pub mod grammar;
pub mod rule;

mod border;
mod region;
mod table;

/// What messages start with. There is no module of which it would be the name.
const __LOG_PREFIX: &[u8] = b"dax\0";
