// SPDX-License-Identifier: GPL-2.0

//! Sizes for people.
//!
//! C header: [`include/linux/string_helpers.h`](srctree/include/linux/string_helpers.h)

use crate::{
    bindings,
    fmt,
    prelude::*,
    str::CStr, //
};

/// A number of bytes that is displayed with three significant digits and a binary unit.
///
/// # Examples
///
/// ```
/// use kernel::{prelude::*, str::CString, string_helpers::BinarySize};
///
/// let text = CString::try_from_fmt(fmt!("{}", BinarySize(3 << 19)))?;
/// assert_eq!(text.to_bytes(), b"1.50 MiB");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BinarySize(pub u64);

impl fmt::Display for BinarySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Room for "1023 GiB", and then some.
        let mut buf = [0u8; 16];

        // SAFETY: `buf` may be written to in its whole length, and ends in a NUL then.
        unsafe {
            bindings::string_get_size(
                self.0,
                1,
                bindings::string_size_units_STRING_UNITS_2,
                buf.as_mut_ptr().cast(),
                buf.len() as c_int,
            )
        };

        let text = CStr::from_bytes_until_nul(&buf).map_err(|_| fmt::Error)?;
        f.write_str(text.to_str().map_err(|_| fmt::Error)?)
    }
}
