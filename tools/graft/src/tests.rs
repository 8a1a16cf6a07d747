// SPDX-License-Identifier: GPL-2.0
//! Grafts of small made-up trees.

mod crash;
mod fixture;
mod identity;
mod life;
mod mail;
mod refusal;
