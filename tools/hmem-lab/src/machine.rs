// SPDX-License-Identifier: GPL-2.0

//! The QEMU command line of a scenario. Pure: a scenario in, arguments out.

use std::path::Path;

use anyhow::{ensure, Result};

use crate::scenario::{Firmware, Machine, Scenario};
use crate::size::Size;

/// The kernel takes at most this much command line.
const COMMAND_LINE_LIMIT: usize = 2047;

/// What the lab wants of every kernel: a console, an end at the first oops, addresses that stay where they
/// are, memory that nobody onlines by himself, and what the C driver says for debugging. A busy host can
/// stop a guest's processor for long; that is no stall, and no broken timer.
const COMMAND_LINE: &str = "console=ttyS0 loglevel=7 nokaslr no_timer_check panic=-1 oops=panic log_buf_len=1M \
                            memhp_default_state=offline rcupdate.rcu_cpu_stall_timeout=100 dax_hmem.dyndbg=+p";

/// What accelerates the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// Emulation: works everywhere, and fast enough.
    Tcg,
    /// The machine's own processor, where a probe boot has shown that it works.
    Kvm,
    /// Emulation in which the guest's clock counts instructions, one a nanosecond. It does not depend on
    /// the machine; a guest has one processor.
    Counting,
}

/// The arguments, except those for the serial ports and for sockets.
pub fn arguments(
    scenario: &Scenario,
    kernel: &Path,
    initrd: &Path,
    ovmf: Option<&Path>,
    accel: Accel,
) -> Result<Vec<String>> {
    let machine = &scenario.machine;
    let mut args: Vec<String> = Vec::new();
    let mut arg = |name: &str, value: String| args.extend([name.to_string(), value]);
    let hmat = if machine.hmat { ",hmat=on" } else { "" };
    arg("-machine", format!("q35{hmat}"));
    match accel {
        Accel::Tcg => {
            arg("-accel", "tcg,thread=multi".into());
            arg("-cpu", "qemu64,+rdrand".into());
        }
        Accel::Kvm => {
            arg("-accel", "kvm".into());
            arg("-cpu", "host".into());
        }
        Accel::Counting => {
            arg("-accel", "tcg,thread=single".into());
            arg("-icount", "shift=0,sleep=off".into());
            arg("-cpu", "qemu64,+rdrand".into());
        }
    }
    arg("-smp", machine.cpus.to_string());
    arg("-m", memory(machine));
    for value in nodes(machine) {
        arg(
            if value.starts_with("memory-backend") {
                "-object"
            } else {
                "-numa"
            },
            value,
        );
    }
    for (index, range) in machine.sp_mem.iter().enumerate() {
        arg(
            "-object",
            format!("memory-backend-ram,id=sp{index},size={}", range.size.0),
        );
        arg(
            "-device",
            format!("sp-mem,id=spm{index},memdev=sp{index},node={}", range.node),
        );
    }
    arg("-display", "none".into());
    args.extend(["-nodefaults", "-no-user-config", "-no-reboot"].map(String::from));
    if let (Firmware::Ovmf, Some(image)) = (machine.firmware, ovmf) {
        args.extend(["-bios".into(), image.display().to_string()]);
    }
    if let Some(cxl) = &scenario.cxl {
        args.extend(cxl.qemu_args()?);
    }
    for value in &machine.qemu {
        let paths = [("{kernel}", kernel), ("{initrd}", initrd)];
        args.push(paths.iter().fold(value.clone(), |text, (name, path)| {
            text.replace(name, &path.display().to_string())
        }));
    }
    let command_line = command_line(scenario)?;
    args.extend(["-kernel".into(), kernel.display().to_string()]);
    args.extend(["-initrd".into(), initrd.display().to_string()]);
    args.extend(["-append".into(), command_line]);
    Ok(args)
}

/// The kernel's command line. What the scenario adds comes last, and so wins.
pub fn command_line(scenario: &Scenario) -> Result<String> {
    let mut words: Vec<String> = COMMAND_LINE.split_whitespace().map(String::from).collect();
    if !scenario.machine.soft_reserved.is_empty() {
        let ranges: Vec<String> = scenario
            .machine
            .soft_reserved
            .iter()
            // Type 0xefffffff is e820's Soft Reserved.
            .map(|range| format!("{}%{:#x}+0xefffffff", short(range.size.0), range.at))
            .collect();
        words.push(format!("memmap={}", ranges.join(",")));
    }
    if !scenario.kernel.blacklist.is_empty() {
        words.push(format!(
            "module_blacklist={}",
            scenario.kernel.blacklist.join(",")
        ));
    }
    words.extend(scenario.kernel.append.iter().cloned());
    let text = words.join(" ");
    ensure!(
        text.len() <= COMMAND_LINE_LIMIT,
        "the kernel's command line has {} characters, {COMMAND_LINE_LIMIT} fit: fewer ranges",
        text.len()
    );
    Ok(text)
}

/// As short as the kernel reads it: the command line is not long.
fn short(size: u64) -> String {
    match size % (1 << 20) {
        0 => format!("{}M", size >> 20),
        _ => format!("{size:#x}"),
    }
}

fn memory(machine: &Machine) -> String {
    let mut text = format!("{}M", machine.memory.0 >> 20);
    if let Some(Size(max)) = machine.max_memory {
        text += &format!(",slots={},maxmem={}M", machine.slots.max(1), max >> 20);
    }
    text
}

fn nodes(machine: &Machine) -> Vec<String> {
    let mut args = Vec::new();
    for (index, node) in machine.nodes.iter().enumerate() {
        let mut text = format!("node,nodeid={index}");
        if let Some(size) = node.memory {
            args.push(format!("memory-backend-ram,id=ram{index},size={}", size.0));
            text += &format!(",memdev=ram{index}");
        }
        if let Some(cpus) = &node.cpus {
            text += &format!(",cpus={cpus}");
        }
        if let Some(initiator) = node.initiator {
            text += &format!(",initiator={initiator}");
        }
        args.push(text);
    }
    if machine.hmat {
        // Near memory answers in 10 ns at 10 GB/s, each further node slower: any numbers do, but they must
        // be there for each pair, or QEMU refuses.
        for (initiator, _) in machine
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.cpus.is_some())
        {
            for target in 0..machine.nodes.len() {
                let step = 1 + initiator.abs_diff(target) as u64;
                let pair =
                    format!("hmat-lb,initiator={initiator},target={target},hierarchy=memory");
                args.push(format!(
                    "{pair},data-type=access-latency,latency={}",
                    10 * step
                ));
                args.push(format!(
                    "{pair},data-type=access-bandwidth,bandwidth={}M",
                    10240 / step
                ));
            }
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Scenario {
        Scenario::parse("x", &format!("title = 'x'\n{text}\n[expect]\n")).unwrap()
    }

    #[test]
    fn ranges_and_blacklists_reach_the_command_line() {
        let scenario = scenario(
            "[machine]\nsoft-reserved = ['1G@4G', '512M@0x180000000']\n[kernel]\nblacklist = ['cxl_acpi', 'cxl_pci']\n\
             append = ['efi=nosoftreserve']",
        );
        let line = command_line(&scenario).unwrap();
        assert!(line.contains("memmap=1024M%0x100000000+0xefffffff,512M%0x180000000+0xefffffff "));
        assert!(line.contains("module_blacklist=cxl_acpi,cxl_pci "));
        assert!(line.ends_with("efi=nosoftreserve"));
    }

    #[test]
    fn a_scenario_may_hand_kernel_and_initrd_to_the_guest() {
        let scenario = scenario("[machine]\nqemu = ['-fw_cfg', 'name=opt/k,file={kernel}']");
        let args = arguments(
            &scenario,
            Path::new("/k"),
            Path::new("/i"),
            None,
            Accel::Tcg,
        )
        .unwrap();
        assert!(args.contains(&"name=opt/k,file=/k".to_string()));
    }

    #[test]
    fn a_too_long_command_line_is_refused() {
        let words = format!("[kernel]\nappend = ['{}']", "x".repeat(2000));
        assert!(command_line(&scenario(&words)).is_err());
    }

    #[test]
    fn nodes_have_hmat_entries_for_each_pair() {
        let scenario = scenario(
            "[machine]\nmemory = '3G'\nhmat = true\nnode = [{ memory = '2G', cpus = '0-1' }, { memory = '1G', initiator = 0 }]",
        );
        let args = arguments(&scenario, Path::new("k"), Path::new("i"), None, Accel::Tcg)
            .unwrap()
            .join(" ");
        assert!(args.contains("-machine q35,hmat=on "));
        assert!(args.contains("-object memory-backend-ram,id=ram1,size=1073741824 -numa node,nodeid=1,memdev=ram1,initiator=0"));
        assert_eq!(args.matches("hmat-lb").count(), 4);
    }
}
