#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory that is online when the driver is unbound stays; whoever binds the device again gets it back.
#
# Fails with the driver kmem that is written in C, and leaves the device without a driver then.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# Brings the memory online, and remembers for taken_over what that shows.
to_be_left() {
	write "$first" online_movable || return
	zones "$first" | keep zones
	memtotal | keep memtotal
}

left_online() {
	to_be_left || return
	kmem_unbind "$first" && grep -q " : $first\$" /proc/iomem && [ "$(memtotal)" = "$(kept memtotal)" ]
}

# The first probe fails after there is a page map, the second must not take that for its own.
in_use() {
	local driver=$DAX/drivers/device_dax said=0
	modprobe device_dax || return
	echo "$first" > "$driver/new_id"
	refused EBUSY store "$driver/bind" "$first" && refused EBUSY store "$driver/bind" "$first" || said=1
	echo "$first" > "$driver/remove_id" && return "$said"
}

taken_over() {
	# Loading the module may have bound it.
	[ -e "$KMEM/$first" ] || kmem_bind "$first" || return
	is "$first" online_movable && diff <(kept zones) <(zones "$first") && [ "$(memtotal)" = "$(kept memtotal)" ]
}

unplugs() {
	write "$first" unplugged && gone "$first" && write "$first" online_movable && write "$first" unplugged && gone "$first"
}

reload() {
	left_online || return
	rmmod kmem || { echo "cannot unload" && return 1; }
	grep -q "System RAM (kmem)" /proc/iomem && modprobe kmem || return
	taken_over
}

# What was offline is removed at unbind, what was online is left.
in_part() {
	local block before
	write "$first" online_movable || return
	block=$(one_block "$first" 1)
	echo offline > "$MEMORY/memory$block/state" || return
	before=$(zones "$first")
	kmem_unbind "$first" &&
		kmem_bind "$first" && is "$first" online && diff <(echo "$before") <(zones "$first") && unplugs
}

# The lines of /proc/iomem from the one above the device to the one below it.
around() { grep -B 1 -A 1 " : $first\$" /proc/iomem; }

# While its hmem device is unbound there is no dax device, but the memory is there, and who has it.
without_host() {
	local hmem before line
	hmem=$(basename "$(dirname "$(readlink -f "$(device "$first")")")")
	to_be_left || return
	before=$(around)
	line=${before%%$'\n'*}
	[[ $line == *" : Soft Reserved" ]] || { echo "$before" && return 1; }
	unbind hmem "$hmem" && [ ! -e "$(device "$first")" ] && diff <(echo "$before") <(around) || return
	bind hmem "$hmem" && wait_for test -e "$KMEM/$first" && taken_over && diff <(echo "$before") <(around) || return
	unplugs && unbind hmem "$hmem" || return
	! grep -xF -- "$line" /proc/iomem || return
	bind hmem "$hmem" && wait_for test -e "$KMEM/$first" && grep -qxF -- "$line" /proc/iomem
}

kmem_begin 1
ktap_set_plan 8
check "memory that is online at unbind stays" left_online
check "device_dax is told that it is in use, each time" in_use
check "binding takes it over, with its state" taken_over
check "and can unplug it" unplugs
check "also after the driver was unloaded" reload
check "and can unplug it" unplugs
check "with one block offline" in_part
check "also after its hmem device was unbound, and /proc/iomem shows who has it" without_host
ktap_finished
