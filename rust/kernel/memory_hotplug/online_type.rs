// SPDX-License-Identifier: GPL-2.0

//! What can become of memory, and the words for it.
//!
//! Nothing in here touches the system: host tools compile this file as well.

/// Whether memory is online, and in which zone: the C `enum mmop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlineType {
    /// Present, but not in use.
    Offline,
    /// Online, in a zone that the kernel chooses.
    Online,
    /// Online for all uses. Such memory can rarely be taken offline again.
    Kernel,
    /// Online for what can be moved elsewhere, so that the memory can be taken offline again.
    Movable,
}

impl OnlineType {
    /// Returns the word for it in the files of sysfs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Kernel => "online_kernel",
            Self::Movable => "online_movable",
        }
    }

    /// Finds what a word from sysfs stands for.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::memory_hotplug::OnlineType;
    ///
    /// assert_eq!(OnlineType::from_word(b"online_kernel"), Some(OnlineType::Kernel));
    /// assert_eq!(OnlineType::from_word(b"Online"), None);
    /// ```
    pub fn from_word(word: &[u8]) -> Option<Self> {
        [Self::Offline, Self::Online, Self::Kernel, Self::Movable]
            .into_iter()
            .find(|kind| kind.as_str().as_bytes() == word)
    }
}
