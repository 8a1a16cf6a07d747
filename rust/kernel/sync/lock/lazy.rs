// SPDX-License-Identifier: GPL-2.0

//! A mutex for statics that initializes itself.

use super::{
    mutex::MutexBackend,
    Backend,
    Guard,
    Lock, //
};
use crate::{
    str::{
        CStr,
        CStrExt as _, //
    },
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic, //
        },
        LockClassKey, //
    },
    time::{
        delay::fsleep,
        Delta, //
    },
    types::Opaque,
};
use core::{
    cell::UnsafeCell,
    marker::PhantomPinned,
    pin::Pin, //
};

const NEW: u32 = 0;
const BUSY: u32 = 1;
const READY: u32 = 2;

/// A mutex for statics, which is initialized when it is locked for the first time.
///
/// Compared to [`GlobalLock`](super::GlobalLock) it needs nobody to initialize it, hence no unsafe
/// code in its user, and it can be used where no code runs before the first user. The price is a
/// look at an atomic variable whenever it is locked.
///
/// Use [`lazy_mutex!`](crate::sync::lazy_mutex) to create one.
///
/// # Invariants
///
/// - `once` is `NEW`, `BUSY` or `READY`, in this order.
/// - The lock is initialized if and only if `once` is `READY`.
/// - While `once` is `BUSY`, one thread has exclusive access to the state of the lock.
///
/// # Examples
///
/// ```
/// use kernel::sync::{lazy_mutex, LazyMutex};
///
/// static COUNT: LazyMutex<u32> = lazy_mutex!(0);
///
/// *COUNT.lock() += 1;
/// assert_eq!(*COUNT.lock(), 1);
/// ```
pub struct LazyMutex<T> {
    lock: Lock<T, MutexBackend>,
    once: Atomic<u32>,
    name: &'static CStr,
    class: Pin<&'static LockClassKey>,
}

impl<T> LazyMutex<T> {
    /// Creates a mutex; see [`lazy_mutex!`](crate::sync::lazy_mutex).
    pub const fn new(data: T, name: &'static CStr, class: Pin<&'static LockClassKey>) -> Self {
        // INVARIANT: The lock is not initialized, and `once` says so.
        Self {
            lock: Lock {
                state: Opaque::uninit(),
                data: UnsafeCell::new(data),
                _pin: PhantomPinned,
            },
            once: Atomic::new(NEW),
            name,
            class,
        }
    }

    /// Locks the mutex, which may sleep.
    pub fn lock(&'static self) -> Guard<'static, T, MutexBackend> {
        if self.once.load(Acquire) != READY {
            self.init();
        }
        // The type invariant, and `Acquire` above or in `init()`, make that the lock is
        // initialized.
        self.lock.lock()
    }

    /// Locks the mutex, which may sleep, if it was ever locked with [`lock`](Self::lock). Otherwise
    /// nobody has changed the data, as far as this thread can know: a first change that goes on at
    /// the same time may be missed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::sync::{lazy_mutex, LazyMutex};
    ///
    /// static NAMES: LazyMutex<KVec<&str>> = lazy_mutex!(KVec::new());
    ///
    /// assert!(NAMES.lock_if_used().is_none());
    /// NAMES.lock().push("one", GFP_KERNEL)?;
    /// assert!(NAMES.lock_if_used().is_some_and(|names| names.len() == 1));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lock_if_used(&'static self) -> Option<Guard<'static, T, MutexBackend>> {
        // As in `lock()`.
        (self.once.load(Acquire) == READY).then(|| self.lock.lock())
    }

    #[cold]
    fn init(&'static self) {
        // INVARIANT: From `NEW` to `BUSY`, in one thread only, which gets exclusive access by it.
        if self.once.cmpxchg(NEW, BUSY, Relaxed).is_ok() {
            // SAFETY:
            // - By the type invariants this thread has exclusive access to the state, which is
            //   pinned since `self` is a `'static` reference.
            // - `name` and `class` live forever.
            unsafe {
                MutexBackend::init(
                    self.lock.state.get(),
                    self.name.as_char_ptr(),
                    self.class.as_ptr(),
                )
            };

            // INVARIANT: The lock is initialized.
            self.once.store(READY, Release);
            return;
        }

        while self.once.load(Acquire) != READY {
            fsleep(Delta::from_micros(20));
        }
    }
}

/// Creates a [`LazyMutex`] with the given data, and a lock class of its own.
///
/// The name may be given as a string literal; else it is made of the place in the source.
#[macro_export]
macro_rules! lazy_mutex {
    ($data:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::LazyMutex::new(
            $data,
            $crate::optional_name!($($name)?),
            $crate::static_lock_class!(),
        )
    };
}
pub use lazy_mutex;
