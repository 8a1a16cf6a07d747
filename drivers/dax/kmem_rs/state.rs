// SPDX-License-Identifier: GPL-2.0

//! The states of a device's memory, and the words for them.
//!
//! Nothing in here touches the system.

use kernel::{
    memory_hotplug::{
        Census,
        OnlineType, //
    },
    prelude::*, //
};

/// What the file `state` tells about the memory of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There are no memory blocks.
    Unplugged,
    /// There are memory blocks.
    Plugged(OnlineType),
}

impl State {
    /// Returns the word for the state.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unplugged => "unplugged",
            Self::Plugged(online_type) => online_type.as_str(),
        }
    }

    /// Finds the state that is asked for. Fails with [`EINVAL`] if it is none, or if it cannot be
    /// asked for: `offline` is of no use, as it would only invite races.
    pub(crate) fn requested(word: &[u8]) -> Result<Self> {
        if word == Self::Unplugged.as_str().as_bytes() {
            return Ok(Self::Unplugged);
        }

        match OnlineType::from_word(word) {
            None | Some(OnlineType::Offline) => Err(EINVAL),
            Some(online_type) => Ok(Self::Plugged(online_type)),
        }
    }

    /// Returns the word that comes closest to the truth about the blocks that were counted, if they
    /// were brought online as `asked`.
    ///
    /// That is `asked` itself, if it is still true. If others changed blocks since, it is the word
    /// that holds for all of them; `online`, which promises nothing about the zones, also stands
    /// for blocks of which some are online and some are not: the memory is in use.
    pub(crate) fn observed(census: Census, asked: OnlineType) -> Self {
        if census.offline + census.online() == 0 {
            return Self::Unplugged;
        }

        Self::Plugged(if census.reached(asked) {
            asked
        } else {
            [OnlineType::Offline, OnlineType::Movable, OnlineType::Kernel]
                .into_iter()
                .find(|&online_type| census.reached(online_type))
                .unwrap_or(OnlineType::Online)
        })
    }
}

#[cfg(CONFIG_DEV_DAX_KMEM_RUST_KUNIT_TEST)]
#[kunit_tests(kmem_state)]
mod tests {
    use super::*;

    const UNPLUGGED: State = State::Unplugged;
    const ONLINE: State = State::Plugged(OnlineType::Online);
    const KERNEL: State = State::Plugged(OnlineType::Kernel);
    const MOVABLE: State = State::Plugged(OnlineType::Movable);
    const OFFLINE: State = State::Plugged(OnlineType::Offline);

    fn census(offline: u64, kernel: u64, movable: u64) -> Census {
        Census {
            offline,
            kernel,
            movable,
        }
    }

    #[test]
    fn words() {
        for state in [UNPLUGGED, ONLINE, KERNEL, MOVABLE] {
            assert_eq!(State::requested(state.as_str().as_bytes()), Ok(state));
        }
        for word in ["", "offline", "Online", "online ", "online_", "unplug", "0"] {
            assert_eq!(State::requested(word.as_bytes()), Err(EINVAL));
        }
    }

    #[test]
    fn what_was_asked_for_is_seen_while_it_is_true() {
        assert_eq!(State::observed(census(0, 4, 0), OnlineType::Online), ONLINE);
        assert_eq!(State::observed(census(0, 0, 4), OnlineType::Online), ONLINE);
        assert_eq!(State::observed(census(0, 4, 0), OnlineType::Kernel), KERNEL);
        assert_eq!(
            State::observed(census(0, 0, 4), OnlineType::Movable),
            MOVABLE
        );
        assert_eq!(
            State::observed(census(4, 0, 0), OnlineType::Offline),
            OFFLINE
        );
        assert_eq!(
            State::observed(census(0, 0, 0), OnlineType::Movable),
            UNPLUGGED
        );
    }

    #[test]
    fn what_others_did_is_seen() {
        assert_eq!(
            State::observed(census(0, 0, 4), OnlineType::Offline),
            MOVABLE
        );
        assert_eq!(
            State::observed(census(0, 4, 0), OnlineType::Offline),
            KERNEL
        );
        assert_eq!(
            State::observed(census(0, 4, 0), OnlineType::Movable),
            KERNEL
        );
        assert_eq!(
            State::observed(census(4, 0, 0), OnlineType::Movable),
            OFFLINE
        );
        assert_eq!(
            State::observed(census(4, 0, 0), OnlineType::Online),
            OFFLINE
        );
        assert_eq!(
            State::observed(census(0, 1, 3), OnlineType::Movable),
            ONLINE
        );
        assert_eq!(
            State::observed(census(1, 0, 3), OnlineType::Movable),
            ONLINE
        );
        assert_eq!(
            State::observed(census(3, 1, 0), OnlineType::Offline),
            ONLINE
        );
    }

    #[test]
    fn online_in_part_is_not_reached() {
        for wanted in [OnlineType::Online, OnlineType::Kernel, OnlineType::Movable] {
            assert!(!census(1, 0, 3).reached(wanted));
            assert!(!census(1, 3, 0).reached(wanted));
        }
    }
}
