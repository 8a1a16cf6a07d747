// SPDX-License-Identifier: GPL-2.0

//! The policy that a DAX region carries.

use crate::{
    grammar,
    rule::{
        Actions,
        Driver,
        Memory,
        Online, //
    },
    table::{
        self,
        Table, //
    },
};
use kernel::{
    device::Device,
    fmt, new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    },
};

/// Where actions come from.
enum Source {
    /// No rule matched.
    Nothing,
    /// A rule, counted from zero, of a table that may not be in force any more.
    Rule(Arc<Table>, usize),
    /// User space wrote them.
    Written,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no rule"),
            Self::Rule(table, number) => fmt::Display::fmt(&table.show(*number), f),
            Self::Written => f.write_str("written"),
        }
    }
}

struct State {
    actions: Actions,
    source: Source,
    /// How many devices are bound, or about to be.
    bound: usize,
}

/// The policy of one region.
#[pin_data]
pub(crate) struct Policy {
    #[pin]
    state: Mutex<State>,
}

impl Policy {
    /// Looks up the policy for a region of `dev`.
    ///
    /// `idle` tells that the administrator asked the producer for a region that nothing is bound
    /// to: that goes before a rule's choice of a driver.
    pub(crate) fn new(dev: &Device, memory: &Memory, idle: bool) -> Result<Pin<KBox<Self>>> {
        let mut actions = Actions::default();
        let mut source = Source::Nothing;

        if let Some(table) = table::current() {
            let verdict = table.judge(memory);

            if let Some(number) = verdict.partly {
                dev_warn!(
                    dev,
                    "policy: not all of {} is in the range of {}; the rule does not count\n",
                    memory.range,
                    table.show(number)
                );
            }
            if let Some((number, rule)) = verdict
                .rule
                .and_then(|number| Some((number, table.rule(number)?)))
            {
                actions = rule.actions;
                if idle {
                    actions.driver = None;
                }
                dev_info!(dev, "policy: {}, by {}\n", actions, table.show(number));
                source = Source::Rule(table, number);
            }
        }

        KBox::pin_init(
            pin_init!(Self {
                state <- new_mutex!(State {
                    actions,
                    source,
                    bound: 0,
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// Returns the driver that the devices are offered to, if there is a choice.
    pub(crate) fn driver(&self) -> Option<Driver> {
        self.state.lock().actions.driver
    }

    /// Returns whether the memory map is to be placed on the memory, if that is said.
    pub(crate) fn memmap(&self) -> Option<bool> {
        self.state.lock().actions.memmap
    }

    /// Returns what kmem is to do with the memory, if that is said.
    pub(crate) fn online(&self) -> Option<Online> {
        self.state.lock().actions.online
    }

    /// Notes that a driver is about to be bound to a device, `dev`; the actions stay as they are
    /// until [`unbind`](Self::unbind). `makes_ram` tells whether it is one that makes System RAM.
    ///
    /// Fails with [`EPERM`] if that must not be, which is logged.
    pub(crate) fn bind(&self, dev: &Device, makes_ram: bool) -> Result {
        let mut state = self.state.lock();

        if makes_ram && state.actions.never_ram {
            dev_err!(dev, "policy: never becomes System RAM: {}\n", state.source);
            return Err(EPERM);
        }
        if let Some(online) = state.actions.online {
            if makes_ram && !cfg!(CONFIG_DEV_DAX_KMEM_RUST) {
                dev_warn!(
                    dev,
                    "policy: {} needs DEV_DAX_KMEM_RUST, this kmem does as the system does\n",
                    online.as_str()
                );
            }
        }

        state.bound = state.bound.saturating_add(1);
        Ok(())
    }

    /// Notes that a device is not bound any more, or was not after all.
    pub(crate) fn unbind(&self) {
        let mut state = self.state.lock();

        state.bound = state.bound.saturating_sub(1);
    }

    /// Returns what the file of the region shows: the actions, and where they come from.
    pub(crate) fn show(&self) -> Result<CString> {
        let state = self.state.lock();

        CString::try_from_fmt(fmt!("{}\n{}\n", state.actions, state.source))
    }

    /// Puts other actions in force, for the region of `dev`.
    ///
    /// # Errors
    ///
    /// All but the first are logged.
    ///
    /// - [`EBUSY`] if a device of the region is bound.
    /// - [`EINVAL`] if `text` is not a list of actions.
    /// - [`EPERM`] if the memory must never become System RAM, and `text` does not say so. Only a
    ///   new region, under a new table, is free of that.
    pub(crate) fn write(&self, dev: &Device, text: &[u8]) -> Result {
        let actions = grammar::actions(text).map_err(|refusal| {
            dev_err!(dev, "policy: refused, {}\n", refusal);
            EINVAL
        })?;

        // Dropped, with the table in it, when the lock is not held any more.
        let _old;
        {
            let mut state = self.state.lock();

            if state.bound != 0 {
                return Err(EBUSY);
            }
            if state.actions.never_ram && !actions.never_ram {
                dev_err!(
                    dev,
                    "policy: never-ram stays while the region exists: {}\n",
                    state.source
                );
                return Err(EPERM);
            }
            state.actions = actions;
            _old = core::mem::replace(&mut state.source, Source::Written);
        }
        Ok(())
    }
}
