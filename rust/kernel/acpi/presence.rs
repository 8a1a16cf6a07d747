// SPDX-License-Identifier: GPL-2.0

//! What the firmware describes.

use crate::prelude::*;

/// Tells whether the firmware describes a device with the hardware ID `hid` that is present.
///
/// Nothing is said about a driver of it. Without ACPI, or before the ACPI namespace was scanned (a
/// `subsys_initcall`), there is none. An ID has 15 characters at most.
///
/// # Context
///
/// Any but interrupts.
///
/// C source: `acpi_dev_present()` in
/// [`drivers/acpi/utils.c`](srctree/drivers/acpi/utils.c).
///
/// # Examples
///
/// ```
/// use kernel::acpi;
///
/// if acpi::is_present(c"ACPI0017") {
///     pr_info!("there may be CXL memory\n");
/// }
/// assert!(!acpi::is_present(c""));
/// assert!(!acpi::is_present(c"longer than an ID is"));
/// ```
pub fn is_present(hid: &CStr) -> bool {
    #[cfg(CONFIG_ACPI)]
    {
        // It would look for the first characters.
        if hid.to_bytes_with_nul().len() > super::DeviceId::ACPI_ID_LEN {
            return false;
        }

        // SAFETY: The ID is a valid string that is copied. Whoever has no `uid`, and -1 as hardware
        // revision, takes any.
        unsafe { crate::bindings::acpi_dev_present(hid.as_char_ptr(), core::ptr::null(), -1) }
    }
    #[cfg(not(CONFIG_ACPI))]
    {
        let _ = hid;
        false
    }
}
