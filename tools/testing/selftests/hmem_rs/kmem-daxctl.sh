#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What daxctl does with a device, and what it shows, from boot to a driver that is unloaded while the memory is
# online. Leaves the memory online, and the device without a driver. Needs daxctl and jq.
#
# Works with both drivers kmem. They differ in one thing: what `state` reads after memory blocks were changed one by
# one, as daxctl does.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# shows MODE STATE ONLINE TOTAL MOVABLE: what daxctl lists; "null" is what it does not list.
shows() {
	local now
	now=$(daxctl list -d "$first" |
		jq -r '.[0] | [.mode, .state, .online_memblocks, .total_memblocks, .movable] | map(tostring) | join(" ")')
	[ "$now" = "$*" ] || { echo "daxctl shows '$now', not '$*'" && return 1; }
}

# tells TRUE OTHER: what `state` reads: what is, or, by the C driver, what was last written to it.
tells() {
	if [ -e "$SET_STATE" ]; then is "$first" "$1"; else is "$first" "$2"; fi
}

# reconfigure ARGUMENT...
reconfigure() { daxctl reconfigure-device "$@" "$first" > /dev/null; }

# fails STATUS COMMAND...: 240 is how daxctl ends when the device is busy.
fails() {
	local want=$1 status=0
	shift
	"$@" 2> /dev/null || status=$?
	[ "$status" = "$want" ] || { echo "status $status, not $want, of: $*" && return 1; }
}

policy() { echo "$1" > $MEMORY/auto_online_blocks; }

as_at_boot() {
	policy offline && kmem_unbind "$first" && kmem_bind "$first" && is "$first" offline &&
		shows system-ram null 0 "$total" null
}

to_devdax() { reconfigure -m devdax && shows devdax null null null null && ! grep -q "System RAM (kmem)" /proc/iomem; }

to_system_ram() {
	reconfigure -N -m system-ram && is "$first" offline && shows system-ram null 0 "$total" null
}

online_by_daxctl() {
	daxctl online-memory "$first" && shows system-ram null "$total" "$total" true && tells online_movable offline
}

not_to_devdax_while_online() {
	fails 240 reconfigure -m devdax && shows system-ram null "$total" "$total" true &&
		daxctl offline-memory "$first" && shows system-ram null 0 "$total" null && is "$first" offline &&
		to_devdax
}

for_any_use() {
	reconfigure -m system-ram --no-movable && shows system-ram null "$total" "$total" false &&
		tells online_kernel offline && reconfigure -f -m devdax && shows devdax null null null null
}

famfs() {
	local drivers=$DAX/drivers
	modprobe fsdev_dax || return
	# As later versions of daxctl do it.
	echo "$first" > $drivers/device_dax/unbind && echo "$first" > $drivers/fsdev_dax/new_id || return
	[ -e "$drivers/fsdev_dax/$first" ] || echo "$first" > $drivers/fsdev_dax/bind || return
	[ -e "$drivers/fsdev_dax/$first" ] && [ -c "/dev/$first" ] && [ ! -e "$DAX/devices/$first/state" ] || return
	echo "$first" > $drivers/fsdev_dax/remove_id && echo "$first" > $drivers/fsdev_dax/unbind &&
		reconfigure -N -m system-ram && is "$first" offline
}

from_offline() { refused EBUSY write "$first" online_movable && is "$first" offline; }

unplugged() {
	write "$first" unplugged && shows system-ram null 0 0 false && fails 1 daxctl online-memory "$first" &&
		is "$first" unplugged
}

online_by_state() {
	write "$first" online_movable && shows system-ram null "$total" "$total" true &&
		refused EINVAL write "$first" offline && refused EBUSY write "$first" online_kernel &&
		write "$first" unplugged && write "$first" online_movable
}

offline_by_daxctl() {
	daxctl offline-memory "$first" && shows system-ram null 0 "$total" null && tells offline online_movable && to_devdax
}

online_policy() {
	policy online && fails 240 reconfigure -N -m system-ram && shows devdax null null null null &&
		reconfigure -f -m system-ram && shows system-ram null "$total" "$total" false && is "$first" online
	local result=$?
	policy offline
	[ $result = 0 ] && write "$first" unplugged
}

unbound_while_online() {
	write "$first" online_movable && mark_log && kmem_unbind "$first" && shows devdax disabled null null null &&
		grep -q " : System RAM (kmem)" /proc/iomem && grep -q " : $first\$" /proc/iomem &&
		log_has "$first: mapping0: 0x[0-9a-f]*-0x[0-9a-f]* stuck online until reboot" &&
		log_has "$first: Hotplug regions stuck online until reboot"
}

unloaded() {
	local used
	rmmod kmem && modprobe -r fsdev_dax device_dax
	used=$(awk '$1 == "dax_cxl" { print $1 }' /proc/modules)
	[ -z "$used" ] || rmmod "$used" || return
	rmmod "${HMEM_MODULE:-hmem_rs}" && grep -q " : System RAM (kmem)" /proc/iomem && grep -q " : $first\$" /proc/iomem &&
		[ "$(memtotal)" -gt "$memtotal" ]
}

kmem_begin 1
for program in daxctl jq; do
	command -v $program > /dev/null || skip_all "$program is missing"
done
total=$(($(cat "$DAX/devices/$first/size") / 0x$(cat $MEMORY/block_size_bytes)))
ktap_set_plan 14
check "bound as at boot: system-ram, offline" as_at_boot
check "to devdax" to_devdax
check "to system-ram, not online" to_system_ram
check "online, by daxctl" online_by_daxctl
check "not to devdax while it is online" not_to_devdax_while_online
check "to system-ram for any use, and away by force" for_any_use
check "to famfs and to system-ram" famfs
check "state: not from offline to online" from_offline
check "state: unplugged" unplugged
check "state: online, unplugged, online" online_by_state
check "offline, by daxctl, and to devdax" offline_by_daxctl
check "with the policy to bring it online" online_policy
check "unbound while it is online" unbound_while_online
check "all drivers unloaded" unloaded
ktap_finished
