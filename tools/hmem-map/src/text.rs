// SPDX-License-Identifier: GPL-2.0

//! Numbers for people.

/// A size in IEC units, exact to what is shown: `512 MiB`, `3.5 GiB`, `4 KiB`, `17 B`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let Some((shift, unit)) = UNITS
        .iter()
        .enumerate()
        .rev()
        .map(|(i, u)| (10 * (i + 1), u))
        .find(|(s, _)| bytes >> s != 0)
    else {
        return format!("{bytes} B");
    };
    let whole = bytes >> shift;
    let rest = bytes & ((1 << shift) - 1);
    // Two digits, cut, not rounded: 1023.999 MiB must not read as 1024 MiB.
    let hundredths = (u128::from(rest) * 100) >> shift;
    match (rest, hundredths) {
        (0, _) => format!("{whole} {unit}"),
        (_, 0) => format!("{whole}.00 {unit}"),
        (_, h) if h % 10 == 0 => format!("{whole}.{} {unit}", h / 10),
        (_, h) => format!("{whole}.{h:02} {unit}"),
    }
}

/// An error number with its name where it is one that occurs here: `-12 ENOMEM`.
pub fn errno(errno: i32) -> String {
    let name = match -i64::from(errno) {
        1 => "EPERM",
        2 => "ENOENT",
        4 => "EINTR",
        5 => "EIO",
        6 => "ENXIO",
        11 => "EAGAIN",
        12 => "ENOMEM",
        14 => "EFAULT",
        16 => "EBUSY",
        17 => "EEXIST",
        19 => "ENODEV",
        22 => "EINVAL",
        28 => "ENOSPC",
        34 => "ERANGE",
        95 => "EOPNOTSUPP",
        517 => "EPROBE_DEFER",
        _ => return errno.to_string(),
    };
    format!("{errno} {name}")
}
