// SPDX-License-Identifier: GPL-2.0

//! What is written to the file `set_state`: a state, and the devices that shall reach it.
//!
//! Nothing in here touches the system.

use crate::state::State;
use kernel::prelude::*;

/// Which devices are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selector<'a> {
    /// All that the driver is bound to.
    All,
    /// Those with memory of this node.
    Node(u32),
    /// Those of this region: `daxN.*`.
    Region(&'a [u8]),
    /// The device of this name.
    Device(&'a [u8]),
}

impl<'a> Selector<'a> {
    /// Fails with [`EINVAL`] if `word` is no selector.
    pub(crate) fn parse(word: &'a [u8]) -> Result<Self> {
        if word == b"all" {
            Ok(Self::All)
        } else if let Some(node) = word.strip_prefix(b"node") {
            Ok(Self::Node(number(node)?))
        } else if let Some(region) = word.strip_prefix(b"region") {
            number(region)?;
            Ok(Self::Region(region))
        } else if let Some(rest) = word.strip_prefix(b"dax") {
            let dot = rest.iter().position(|&byte| byte == b'.').ok_or(EINVAL)?;
            let (region, id) = rest.split_at(dot);

            number(region)?;
            number(id.strip_prefix(b".").ok_or(EINVAL)?)?;
            Ok(Self::Device(word))
        } else {
            Err(EINVAL)
        }
    }
}

/// Reads a decimal number that has no sign and no leading zeros.
fn number(text: &[u8]) -> Result<u32> {
    if text.is_empty() || text.len() > 1 && text.starts_with(b"0") {
        return Err(EINVAL);
    }

    text.iter().try_fold(0u32, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|d| *d < 10).ok_or(EINVAL)?;

        value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u32::from(digit)))
            .ok_or(EINVAL)
    })
}

/// What was written to the file `set_state`: a state, and the devices that shall reach it.
pub(crate) struct Command<'a> {
    pub(crate) wanted: State,
    pub(crate) selectors: KVec<Selector<'a>>,
}

impl<'a> Command<'a> {
    /// Fails with [`EINVAL`] if `text` is not a command.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self> {
        let mut words = text.split(|&byte| byte == b' ').filter(|w| !w.is_empty());
        let wanted = State::requested(words.next().ok_or(EINVAL)?)?;
        let mut selectors = KVec::new();

        for word in words {
            selectors.push(Selector::parse(word)?, GFP_KERNEL)?;
        }
        if selectors.is_empty() {
            return Err(EINVAL);
        }
        Ok(Self { wanted, selectors })
    }
}

#[cfg(CONFIG_DEV_DAX_KMEM_RUST_KUNIT_TEST)]
#[kunit_tests(kmem_command)]
mod tests {
    use super::*;

    #[test]
    fn selectors() {
        assert_eq!(Selector::parse(b"all"), Ok(Selector::All));
        assert_eq!(Selector::parse(b"node12"), Ok(Selector::Node(12)));
        assert_eq!(Selector::parse(b"region0"), Ok(Selector::Region(b"0")));
        assert_eq!(Selector::parse(b"dax0.1"), Ok(Selector::Device(b"dax0.1")));
    }

    #[test]
    fn bad_selectors() {
        for word in [
            "",
            "All",
            "node",
            "node-1",
            "node01",
            "node+1",
            "node4294967296",
            "region",
            "region1.",
            "dax",
            "dax0",
            "dax0.",
            "dax.0",
            "dax0.0.0",
            "dax00.1",
            "dax0.0\n",
            "0",
        ] {
            assert_eq!(Selector::parse(word.as_bytes()), Err(EINVAL));
        }
    }

    #[test]
    fn commands() -> Result {
        let command = Command::parse(b"unplugged  node1 dax0.0 ")?;

        assert_eq!(command.wanted, State::Unplugged);
        assert_eq!(command.selectors.len(), 2);
        for text in [
            "",
            " ",
            "unplugged",
            "offline all",
            "all unplugged",
            "online all,node1",
        ] {
            assert!(Command::parse(text.as_bytes()).is_err());
        }
        Ok(())
    }
}
