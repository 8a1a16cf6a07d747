// SPDX-License-Identifier: GPL-2.0

//! hmem-lab boots kernels under QEMU and judges what becomes of Soft Reserved memory in them.
//!
//! [`scenario`] is the data; [`machine`] and [`guest`] make a boot of it, [`boot`] runs it, [`channel`] hears
//! what the guest tells, [`judge`] compares, [`case`] does all of that for one scenario with one kernel.

pub mod bench;
pub mod boot;
pub mod case;
pub mod channel;
pub mod compare;
pub mod cxl;
pub mod expect;
pub mod guest;
pub mod judge;
pub mod kernel;
pub mod klog;
pub mod ktap;
pub mod kunit;
pub mod leaks;
pub mod list;
pub mod machine;
pub mod parallel;
pub mod picture;
pub mod place;
pub mod plan;
pub mod progress;
pub mod report;
pub mod run;
pub mod scenario;
pub mod seen;
pub mod size;
pub mod soft_reserved;
pub mod supply;
pub mod table;
pub mod test;
