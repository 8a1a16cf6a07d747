// SPDX-License-Identifier: GPL-2.0

//! Attributes of devices and of drivers in sysfs.
//!
//! An attribute is a type that implements [`Attribute`] (a file in the directory of each device
//! that a driver is bound to) or [`DriverAttribute`] (one file in the directory of the driver).
//! Attributes are collected into [`Groups`], which the [`attributes`](crate::attributes) macro
//! builds at compile time, and the groups become a constant of the driver: the driver core creates
//! the files after a device was bound, and removes them, waiting for callbacks that are still
//! running, before it is unbound. So the callbacks of an [`Attribute`] always find the device bound
//! and its driver data in place; this is why they get both as arguments, typed, and why there is
//! nothing to look up.
//!
//! Attributes whose lifetime is not that of a binding are not supported.
//!
//! C headers: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h),
//! [`include/linux/device.h`](srctree/include/linux/device.h)
//!
//! # Examples
//!
//! A file `answer`, which shows what the driver `MyDriver` of the DAX bus keeps for the device:
//!
#![cfg_attr(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS, doc = "```")]
#![cfg_attr(not(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS), doc = "```ignore")]
//! use kernel::{
//!     dax,
//!     device::{
//!         attribute,
//!         Bound,
//!         Core,
//!         Device, //
//!     },
//!     prelude::*, //
//! };
//!
//! struct MyDriver;
//! struct Answer;
//!
//! #[vtable]
//! impl attribute::Attribute<dax::Adapter<MyDriver>> for Answer {
//!     const NAME: &'static CStr = c"answer";
//!
//! fn show<'a>(_: &'a Device<Bound>, data: Pin<&u32>, page: &mut attribute::Page<'_>) -> Result {
//! page.emit(fmt!("{}\n", *data)) } }
//!
//! impl dax::Driver for MyDriver {
//!     type Data<'bound> = u32;
//!     const TYPE: dax::DriverType = dax::DriverType::Fsdev;
//!     const ATTRIBUTES: attribute::Groups<attribute::OfDevice<dax::Adapter<Self>>> =
//!         kernel::attributes![Answer];
//!
//!     fn probe<'bound>(
//!         _: &'bound dax::Device<Core<'_>>,
//!     ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
//!         Ok(42)
//!     }
//! }
//! ```

use crate::{
    bindings,
    device::{
        Bound,
        BoundInternal,
        Device, //
    },
    driver::DriverLayout,
    error::from_result,
    fmt::{
        self,
        Write as _, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};
use core::{
    marker::PhantomData,
    mem::offset_of,
    slice, //
};

/// The bits of a mode that are permissions. Others have a meaning for sysfs, such as that the page
/// is not cleared.
const PERMISSIONS: u16 = 0o777;

/// The page that the text of an attribute is written to.
pub struct Page<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Page<'a> {
    /// # Safety
    ///
    /// `buf` must point to `PAGE_SIZE` initialized bytes that nothing else accesses during `'a`.
    unsafe fn from_raw(buf: *mut c_char) -> Self {
        Self {
            // SAFETY: By the safety requirements, these bytes are valid and exclusive during `'a`.
            // A text as long as the page would be taken for one that is too long.
            buf: unsafe { slice::from_raw_parts_mut(buf.cast::<u8>(), PAGE_SIZE - 1) },
            len: 0,
        }
    }

    /// Appends formatted text.
    ///
    /// Fails with [`ENOSPC`] if the page cannot hold the text; what fits before it stays.
    pub fn emit(&mut self, args: fmt::Arguments<'_>) -> Result {
        self.write_fmt(args).map_err(|_| ENOSPC)
    }
}

impl fmt::Write for Page<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;

        self.buf
            .get_mut(self.len..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Returns the word that user space wrote to an attribute.
///
/// That is the text up to the first NUL, which some tools send and the kernel does not count as
/// part of it, and without one newline at its end: the rule of the C function `sysfs_streq()`.
///
/// # Examples
///
/// ```
/// use kernel::device::attribute::word;
///
/// assert_eq!(word(b"online\n"), b"online");
/// assert_eq!(word(b"online\0"), b"online");
/// assert_eq!(word(b"online\n\0junk"), b"online");
/// assert_eq!(word(b"online\n\n"), b"online\n");
/// assert_eq!(word(b""), b"");
/// ```
pub fn word(text: &[u8]) -> &[u8] {
    let text = match text.iter().position(|&byte| byte == 0) {
        Some(end) => text.split_at(end).0,
        None => text,
    };

    text.strip_suffix(b"\n").unwrap_or(text)
}

/// The file mode an attribute gets if it does not ask for another one.
const fn default_mode(readable: bool, writable: bool) -> bindings::umode_t {
    (if readable { 0o444 } else { 0 }) | (if writable { 0o200 } else { 0 })
}

/// An attribute of the devices that the driver with the layout `L` is bound to.
///
/// Both callbacks run in process context and may sleep. They run concurrently, with each other and
/// with themselves, therefore the driver data must be [`Sync`].
#[vtable]
pub trait Attribute<L: DriverLayout>: 'static {
    /// The name of the file.
    const NAME: &'static CStr;

    /// The mode of the file, by default read for all and write for root, for those of the
    /// two callbacks that exist.
    const MODE: u16 = default_mode(Self::HAS_SHOW, Self::HAS_STORE);

    /// Writes the value of the attribute to `page`.
    fn show<'a>(
        dev: &'a Device<Bound>,
        data: Pin<&L::DriverData<'a>>,
        page: &mut Page<'_>,
    ) -> Result {
        let _ = (dev, data, page);
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes the `text` that was written to the attribute; see also [`word`].
    fn store<'a>(dev: &'a Device<Bound>, data: Pin<&L::DriverData<'a>>, text: &[u8]) -> Result {
        let _ = (dev, data, text);
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }
}

/// An attribute of a driver.
///
/// The callbacks run in process context, between the registration of the driver and the end of its
/// unregistration, and may sleep.
#[vtable]
pub trait DriverAttribute: 'static {
    /// The name of the file.
    const NAME: &'static CStr;

    /// The mode of the file, by default read for all and write for root, for those of the
    /// two callbacks that exist.
    const MODE: u16 = default_mode(Self::HAS_SHOW, Self::HAS_STORE);

    /// Writes the value of the attribute to `page`.
    fn show(page: &mut Page<'_>) -> Result {
        let _ = page;
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }

    /// Takes the `text` that was written to the attribute; see also [`word`].
    fn store(text: &[u8]) -> Result {
        let _ = text;
        build_error!(crate::error::VTABLE_DEFAULT_ERROR)
    }
}

mod private {
    pub trait Sealed {}
}

/// What a group of attributes belongs to: [`OfDevice`] or [`OfDriver`].
pub trait Owner: private::Sealed {}

/// Attributes in the directory of each device that the driver with the layout `L` is bound to.
pub struct OfDevice<L>(PhantomData<fn(L) -> L>);

/// Attributes in the directory of the driver.
pub struct OfDriver;

impl<L: DriverLayout> private::Sealed for OfDevice<L> {}
impl<L: DriverLayout> Owner for OfDevice<L> {}
impl private::Sealed for OfDriver {}
impl Owner for OfDriver {}

/// An attribute of the owner `O`, without its type.
///
/// # Invariants
///
/// Points to the C structure that `O` demands: a `struct device_attribute`, the callbacks of which
/// expect the driver data of `O`, or a `struct driver_attribute`. Both begin with a
/// `struct attribute`.
#[repr(transparent)]
pub struct Entry<O: Owner>(&'static bindings::attribute, PhantomData<fn(O) -> O>);

/// Makes an [`Entry`] of an attribute type.
pub trait IntoEntry<O: Owner> {
    /// The entry.
    const ENTRY: Entry<O>;
}

/// Carries the C side of the attribute `A` of devices.
struct DeviceFile<L, A>(PhantomData<(L, A)>);

impl<L, A> DeviceFile<L, A>
where
    L: DriverLayout,
    A: Attribute<L>,
    for<'a> L::DriverData<'a>: Sync,
{
    const RAW: bindings::device_attribute = {
        let mut raw: bindings::device_attribute = pin_init::zeroed();

        raw.attr.name = A::NAME.to_bytes_with_nul().as_ptr().cast();
        raw.attr.mode = A::MODE & PERMISSIONS;
        if A::HAS_SHOW {
            raw.__bindgen_anon_1.show = Some(Self::show);
        }
        if A::HAS_STORE {
            raw.__bindgen_anon_2.store = Some(Self::store);
        }
        raw
    };

    /// # Safety
    ///
    /// To be called by sysfs only, for a file that the driver core made of [`Self::RAW`] as part of
    /// the `dev_groups` of a driver with the layout `L`.
    unsafe extern "C" fn show(
        dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY:
        // - sysfs passes a valid device, with a reference held during the call.
        // - The driver core creates the `dev_groups` after probing and removes them, which waits
        //   for this call, before it unbinds, so that the device is bound during the call.
        let dev = unsafe { Device::<BoundInternal>::from_raw(dev) };

        // SAFETY: For the same reason the driver data is in place: it is set by probing and taken
        // out after unbinding. By the safety requirements of `DriverLayout` its type is
        // `L::DriverData`.
        let data = unsafe { dev.drvdata_borrow::<L::DriverData<'_>>() };

        // SAFETY: sysfs passes a zeroed buffer of one page, exclusive to this call.
        let mut page = unsafe { Page::from_raw(buf) };

        from_result(|| {
            A::show(dev, data, &mut page)?;
            // CAST: At most `PAGE_SIZE`.
            Ok(page.len as isize)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::show`].
    unsafe extern "C" fn store(
        dev: *mut bindings::device,
        _attr: *mut bindings::device_attribute,
        buf: *const c_char,
        len: usize,
    ) -> isize {
        // SAFETY: As in `show()`.
        let dev = unsafe { Device::<BoundInternal>::from_raw(dev) };

        // SAFETY: As in `show()`.
        let data = unsafe { dev.drvdata_borrow::<L::DriverData<'_>>() };

        // SAFETY: sysfs passes a buffer of at least `len` bytes that does not change during the
        // call.
        let text = unsafe { slice::from_raw_parts(buf.cast::<u8>(), len) };

        from_result(|| {
            A::store(dev, data, text)?;
            // CAST: At most `PAGE_SIZE`.
            Ok(len as isize)
        })
    }
}

const _: () = assert!(offset_of!(bindings::device_attribute, attr) == 0);

impl<L, A> IntoEntry<OfDevice<L>> for A
where
    L: DriverLayout,
    A: Attribute<L>,
    for<'a> L::DriverData<'a>: Sync,
{
    // INVARIANT: `RAW` is a `struct device_attribute` for the driver data of `L`, and `attr` is its
    // first field.
    const ENTRY: Entry<OfDevice<L>> = Entry(
        {
            let raw: &'static bindings::device_attribute = &DeviceFile::<L, A>::RAW;
            let raw: *const bindings::device_attribute = raw;

            // SAFETY: `raw` points to a constant that begins with a `struct attribute`; casting the
            // pointer to the whole keeps its provenance, which sysfs needs to get back.
            unsafe { &*raw.cast::<bindings::attribute>() }
        },
        PhantomData,
    );
}

/// Makes the C side of the attribute `A` of a driver.
pub struct DriverFile<A>(PhantomData<A>);

impl<A: DriverAttribute> DriverFile<A> {
    const RAW: bindings::driver_attribute = {
        let mut raw: bindings::driver_attribute = pin_init::zeroed();

        raw.attr.name = A::NAME.to_bytes_with_nul().as_ptr().cast();
        raw.attr.mode = A::MODE & PERMISSIONS;
        if A::HAS_SHOW {
            raw.show = Some(Self::show);
        }
        if A::HAS_STORE {
            raw.store = Some(Self::store);
        }
        raw
    };

    /// # Safety
    ///
    /// To be called by sysfs only.
    unsafe extern "C" fn show(_driver: *mut bindings::device_driver, buf: *mut c_char) -> isize {
        // SAFETY: sysfs passes a zeroed buffer of one page, exclusive to this call.
        let mut page = unsafe { Page::from_raw(buf) };

        from_result(|| {
            A::show(&mut page)?;
            // CAST: At most `PAGE_SIZE`.
            Ok(page.len as isize)
        })
    }

    /// # Safety
    ///
    /// To be called by sysfs only.
    unsafe extern "C" fn store(
        _driver: *mut bindings::device_driver,
        buf: *const c_char,
        len: usize,
    ) -> isize {
        // SAFETY: sysfs passes a buffer of at least `len` bytes that does not change during the
        // call.
        let text = unsafe { slice::from_raw_parts(buf.cast::<u8>(), len) };

        from_result(|| {
            A::store(text)?;
            // CAST: At most `PAGE_SIZE`.
            Ok(len as isize)
        })
    }
}

const _: () = assert!(offset_of!(bindings::driver_attribute, attr) == 0);

impl<A: DriverAttribute> IntoEntry<OfDriver> for DriverFile<A> {
    // INVARIANT: `RAW` is a `struct driver_attribute`, and `attr` is its first field.
    const ENTRY: Entry<OfDriver> = Entry(
        {
            let raw: &'static bindings::driver_attribute = &DriverFile::<A>::RAW;
            let raw: *const bindings::driver_attribute = raw;

            // SAFETY: `raw` points to a constant that begins with a `struct attribute`; casting the
            // pointer to the whole keeps its provenance, which sysfs needs to get back.
            unsafe { &*raw.cast::<bindings::attribute>() }
        },
        PhantomData,
    );
}

/// A group of attributes of the owner `O`: a directory if it is named, else files beside the
/// others.
#[repr(transparent)]
pub struct Group<O: Owner>(bindings::attribute_group, PhantomData<fn(O) -> O>);

impl<O: Owner> Group<O> {
    /// Makes a group of files in the directory of the owner itself.
    ///
    /// # Panics
    ///
    /// At compile time, if the last of `entries` is not [`None`], which marks the end for C.
    pub const fn new(entries: &'static [Option<Entry<O>>]) -> Self {
        assert!(matches!(entries.last(), Some(None)));

        let mut raw: bindings::attribute_group = pin_init::zeroed();

        // `Option<Entry>` is a pointer to a `struct attribute`, or null: `Entry` is a transparent
        // wrapper of a reference. C does not write through the pointers.
        raw.__bindgen_anon_2.attrs = entries.as_ptr().cast_mut().cast();
        Self(raw, PhantomData)
    }

    /// Makes a group of files in a directory of the given name.
    ///
    /// # Panics
    ///
    /// As [`Self::new`].
    pub const fn named(name: &'static CStr, entries: &'static [Option<Entry<O>>]) -> Self {
        let mut group = Self::new(entries);

        group.0.name = name.to_bytes_with_nul().as_ptr().cast();
        group
    }
}

/// The groups of attributes of the owner `O`, ready for the driver core.
///
/// # Invariants
///
/// `None`, or a slice of groups of which the last one is [`None`].
pub struct Groups<O: Owner + 'static>(Option<&'static [Option<&'static Group<O>>]>);

impl<O: Owner> Groups<O> {
    /// No attributes.
    pub const NONE: Self = Self(None);

    /// Collects groups.
    ///
    /// # Panics
    ///
    /// At compile time, if the last of `groups` is not [`None`], which marks the end for C.
    pub const fn new(groups: &'static [Option<&'static Group<O>>]) -> Self {
        assert!(matches!(groups.last(), Some(None)));

        // INVARIANT: The last one was just checked.
        Self(Some(groups))
    }

    /// The groups as `struct device_driver` keeps them.
    #[cfg_attr(not(CONFIG_RUST_DAX_DRIVER_ABSTRACTIONS), expect(dead_code))]
    pub(crate) const fn as_raw(&self) -> *mut *const bindings::attribute_group {
        match self.0 {
            // `Option<&Group>` is a pointer to a `struct attribute_group`, or null: `Group` is a
            // transparent wrapper of it. C does not write through the pointers.
            Some(groups) => groups.as_ptr().cast_mut().cast(),
            None => core::ptr::null_mut(),
        }
    }
}

/// Collects attribute types into [`Groups`], with one group that
/// has no name.
///
/// Attributes of a driver are given as `driver: A, B`.
#[macro_export]
macro_rules! attributes {
    (driver: $($attribute:ty),+ $(,)?) => {
        $crate::attributes!(
            $($crate::device::attribute::DriverFile<$attribute>),+
        )
    };
    ($($attribute:ty),+ $(,)?) => {
        $crate::device::attribute::Groups::new(&[
            Some(&$crate::device::attribute::Group::new(&[
                $(Some(<$attribute as $crate::device::attribute::IntoEntry<_>>::ENTRY),)+
                None,
            ])),
            None,
        ])
    };
}
