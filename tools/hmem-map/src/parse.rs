// SPDX-License-Identifier: GPL-2.0

//! Pure parsers: text in, types out, never a panic.

/// A hexadecimal number with or without `0x`.
pub fn hex(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    // from_str_radix alone would take a sign.
    digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u64::from_str_radix(digits, 16).ok())?
}
