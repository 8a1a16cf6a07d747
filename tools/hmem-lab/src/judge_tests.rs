// SPDX-License-Identifier: GPL-2.0

//! A judge that cannot fail is worth nothing: each check is seen failing here.

use super::*;
use crate::seen::{iomem, DaxctlSeen};

const RANGE: Range = Range {
    start: 0x1_0000_0000,
    end: 0x1_3fff_ffff,
};

fn good() -> Seen {
    let table = "range 0x100000000-0x13fffffff node 0 host hmem_platform.0 state decided reserved 0x40000000 \
                 cxl 0x0 hmem 0x40000000 trimmed 0x0\n  hmem 0x100000000-0x13fffffff hmem.0 errno 0\n";
    Seen {
        iomem: iomem("100000000-13fffffff : Soft Reserved\n  100000000-13fffffff : dax0.0\n"),
        dax: vec![DaxSeen {
            name: "dax0.0".into(),
            size: 1 << 30,
            resource: Some(1 << 32),
            node: Some(0),
            align: Some(2 << 20),
            driver: Some("kmem".into()),
            unplugged: false,
            parent: "hmem.0".into(),
        }],
        hmem: vec![HmemSeen {
            name: "hmem.0".into(),
            driver: Some("hmem".into()),
            size: Some(1 << 30),
            node: Some(0),
        }],
        daxctl: vec![DaxctlSeen {
            chardev: "dax0.0".into(),
            size: 1 << 30,
            node: Some(0),
            mode: "system-ram".into(),
            disabled: false,
        }],
        ranges: Some(crate::table::parse(table).0),
        ranges_errors: Vec::new(),
        modules: [("hmem_rs".to_string(), 20480)].into(),
        log: "[ 1.0] hmem_platform hmem_platform.0: all well\n".into(),
    }
}

fn expect() -> Expect {
    toml::from_str(
        r#"
        dax = [{ name = "dax0.0", range = "0x100000000-0x13fffffff", node = 0, driver = "kmem", align = "2M", parent = "hmem.0" }]
        hmem = [{ name = "hmem.0", driver = "hmem", size = "1G", node = 0 }]
        soft-reserved = ["0x100000000-0x13fffffff"]
        iomem = ["100000000-13fffffff : dax0.0"]
        iomem-absent = ["dax1"]
        log = ["all well"]
        log-absent = ["all lost"]
        modules = ["driver"]
        modules-absent = ["cxl_acpi"]
        [[ranges]]
        range = "0x100000000-0x13fffffff"
        node = 0
        state = "decided"
        reserved = "1G"
        cxl = []
        hmem = [{ range = "0x100000000-0x13fffffff" }]
        trimmed = []
        "#,
    )
    .unwrap()
}

fn failures(seen: &Seen) -> Vec<String> {
    judge(&expect(), seen, "lab")
        .into_iter()
        .filter(|verdict| !verdict.ok)
        .map(|verdict| verdict.check)
        .collect()
}

#[track_caller]
fn fails(check: &str, spoil: impl FnOnce(&mut Seen)) {
    let mut seen = good();
    spoil(&mut seen);
    let failures = failures(&seen);
    assert!(
        failures.iter().any(|failed| failed.contains(check)),
        "{check:?} did not fail, only {failures:?}"
    );
}

#[test]
fn what_is_as_expected_passes() {
    assert_eq!(failures(&good()), Vec::<String>::new());
}

#[test]
fn each_property_of_a_dax_device_counts() {
    fails("dax devices", |seen| seen.dax[0].name = "dax1.0".into());
    fails("dax devices", |seen| seen.dax[0].size /= 2);
    fails("dax devices", |seen| seen.dax[0].node = Some(1));
    fails("dax devices", |seen| seen.dax[0].node = None);
    fails("dax devices", |seen| seen.dax[0].driver = None);
    fails("dax devices", |seen| seen.dax[0].align = Some(4096));
    fails("dax devices", |seen| seen.dax[0].parent = "hmem.1".into());
    fails("dax devices", |seen| seen.dax.clear());
    fails("dax devices", |seen| {
        seen.dax.push(DaxSeen {
            name: "dax9.0".into(),
            ..DaxSeen::default()
        })
    });
}

#[test]
fn each_property_of_an_hmem_device_counts() {
    fails("hmem devices", |seen| seen.hmem[0].driver = None);
    fails("hmem devices", |seen| seen.hmem[0].size = None);
    fails("hmem devices", |seen| seen.hmem[0].node = Some(1));
    fails("hmem devices", |seen| {
        seen.hmem.push(HmemSeen {
            name: "hmem.1".into(),
            ..HmemSeen::default()
        })
    });
}

#[test]
fn iomem_counts() {
    fails("Soft Reserved", |seen| {
        seen.iomem[0].name = "Reserved".into()
    });
    fails("Soft Reserved", |seen| seen.iomem[0].range.end -= 1);
    fails("iomem has 100000000", |seen| seen.iomem[1].range.end -= 1);
    fails("iomem has no dax1", |seen| {
        seen.iomem.push(crate::seen::IomemLine {
            depth: 0,
            range: RANGE,
            name: "dax1.0".into(),
        });
    });
    fails("iomem shows the dax devices", |seen| seen.iomem.truncate(1));
}

#[test]
fn the_log_counts() {
    fails("log says all well", |seen| seen.log.clear());
    fails("log does not say all lost", |seen| {
        seen.log += "[ 2.0] all lost\n"
    });
    fails("no complaint", |seen| {
        seen.log += "[ 2.0] WARNING: CPU: 1 PID: 9 at drivers/dax/bus.c:3\n"
    });
}

#[test]
fn modules_count() {
    fails("hmem_rs is loaded", |seen| seen.modules.clear());
    fails("cxl_acpi is not loaded", |seen| {
        seen.modules.insert("cxl_acpi".into(), 1);
    });
    fails("driver under test", |seen| {
        seen.modules.insert("dax_hmem".into(), 1);
    });
    let peer = judge(&expect(), &good(), "peer");
    assert!(peer
        .iter()
        .any(|verdict| !verdict.ok && verdict.check == "the driver under test"));
}

#[test]
fn daxctl_must_agree() {
    fails("daxctl", |seen| seen.daxctl.clear());
    fails("daxctl", |seen| seen.daxctl[0].mode = "devdax".into());
    fails("daxctl", |seen| seen.daxctl[0].disabled = true);
    fails("daxctl", |seen| seen.daxctl[0].node = Some(1));
}

#[test]
fn the_table_counts() {
    fails("decisions", |seen| seen.ranges = None);
    fails("decisions", |seen| {
        seen.ranges.as_mut().unwrap()[0].state = "failed".into()
    });
    fails("decisions", |seen| {
        seen.ranges.as_mut().unwrap()[0].node = 1
    });
    fails("decisions", |seen| {
        seen.ranges.as_mut().unwrap()[0].parts.clear()
    });
    fails("decisions", |seen| {
        seen.ranges.as_mut().unwrap()[0].parts[0] = Part::Hmem(RANGE, None, -12)
    });
    fails("decisions", |seen| seen.ranges.as_mut().unwrap().clear());
    fails("table adds up", |seen| {
        seen.ranges.as_mut().unwrap()[0].parts.clear()
    });
    fails("table adds up", |seen| {
        seen.ranges_errors.push("nonsense".into())
    });
    fails("table adds up", |seen| seen.hmem.clear());
    fails("table adds up", |seen| {
        seen.ranges.as_mut().unwrap().clear()
    });
    fails("table adds up", |seen| {
        seen.iomem[0].name = "Reserved".into()
    });
    fails("table adds up", |seen| seen.hmem[0].size = Some(1));
}

#[test]
fn what_the_kernel_keeps_behind_ram_need_not_show() {
    let mut seen = good();
    seen.iomem = iomem("100000000-103ffffff : RAM buffer\n104000000-13fffffff : Soft Reserved\n  108000000-13fffffff : dax0.0\n");
    let verdicts = judge(&Expect::default(), &seen, "lab");
    assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
    seen.iomem.remove(1);
    let verdicts = judge(&Expect::default(), &seen, "lab");
    assert!(verdicts
        .iter()
        .any(|verdict| !verdict.ok && verdict.check.contains("table")));
}

#[test]
fn a_failure_says_what_was_expected_and_seen() {
    let mut seen = good();
    seen.dax[0].node = Some(1);
    let verdicts = judge(&expect(), &seen, "lab");
    let verdict = verdicts
        .iter()
        .find(|verdict| verdict.check == "dax devices")
        .unwrap();
    assert!(verdict.expected.contains("node 0"), "{}", verdict.expected);
    assert!(verdict.seen.contains("node 1"), "{}", verdict.seen);
}
