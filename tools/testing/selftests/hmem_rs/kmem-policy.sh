#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The policy auto_online_blocks when a device is bound, the memory map on the memory itself, and two devices on one
# node. Needs four devices on one node: memory that is online for any use might never go away again.
#
# With memory_hotplug.memmap_on_memory=1 on the kernel's command line the memory map is tested, without it that it is
# refused.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

policy() { echo "$1" > $MEMORY/auto_online_blocks; }

# bound_as DEVICE POLICY ZONES: binds it anew; each block must be as it says.
bound_as() {
	local seen result
	kmem_unbind "$1" && policy "$2" && kmem_bind "$1"
	result=$?
	# It counts when the device is bound only.
	policy offline
	seen=$(zones "$1" | cut -d' ' -f2- | sort -u)
	[ "$seen" = "$3" ] || { echo "blocks are '$seen', not '$3'" && return 1; }
	[ $result = 0 ] && is "$1" "$2"
}

# What was online for any use goes away if nothing kept it; if not, nothing has changed.
away_if_possible() {
	local before
	before=$(zones "$1")
	write "$1" unplugged > /dev/null && is "$1" unplugged && return
	is "$1" "$2" && diff <(echo "$before") <(zones "$1")
}

for_any_use() { bound_as "$1" "$2" "online Normal" && away_if_possible "$1" "$2"; }

# One comes and goes, and comes and goes with its driver, while the other is online.
two_on_a_node() {
	local one=${devices[0]} other=${devices[1]} before
	write "$other" online_movable && before=$(zones "$other") && write "$one" online_movable &&
		write "$one" unplugged && kmem_unbind "$one" && kmem_bind "$one" && write "$one" unplugged &&
		diff <(echo "$before") <(zones "$other") && is "$other" online_movable &&
		write "$other" unplugged && gone "$other"
}

memmap() { echo "$2" > "$DAX/devices/$1/memmap_on_memory"; }

# added DEVICE: how much MemTotal grows, in KiB.
added() {
	local before
	before=$(memtotal)
	write "$1" online_movable || return
	echo $(($(memtotal) - before))
	write "$1" unplugged
}

# The memory map of 128 MiB takes 2 MiB.
memmap_on_memory() {
	local plain own size
	size=$(($(cat "$DAX/devices/$first/size") / 1024))
	plain=$(added "$first") && kmem_unbind "$first" && memmap "$first" 1 && kmem_bind "$first" || return
	refused_while_bound || return
	write "$first" unplugged && own=$(added "$first") && gone "$first" || return
	if [ "$plain" != "$size" ] || [ "$own" != $((size - size / 64)) ]; then
		echo "$plain and $own KiB were added, of $size"
		return 1
	fi
	kmem_unbind "$first" && memmap "$first" 0 && kmem_bind "$first" && write "$first" unplugged &&
		[ "$(added "$first")" = "$size" ]
}

refused_while_bound() { refused EBUSY store "$DAX/devices/$first/memmap_on_memory" 0; }

memmap_refused() {
	kmem_unbind "$first" || return
	! memmap "$first" 1 2> /dev/null || { echo "it was taken" && return 1; }
	kmem_bind "$first" && write "$first" unplugged
}

kmem_begin 4
policy=$(cat $MEMORY/auto_online_blocks)
trap 'echo "$policy" > $MEMORY/auto_online_blocks; rm -rf "$KEPT"' EXIT
ktap_set_plan 6
check "offline" bound_as "$first" offline "offline Normal Movable"
check "online_movable" bound_as "$first" online_movable "online Movable"
write "$first" unplugged
check "two devices on one node" two_on_a_node
if [ "$(cat /sys/module/memory_hotplug/parameters/memmap_on_memory)" = N ]; then
	check "the memory map on the memory is refused" memmap_refused
else
	check "the memory map on the memory" memmap_on_memory
fi
check "online_kernel" for_any_use "${devices[2]}" online_kernel
check "online" for_any_use "${devices[3]}" online
ktap_finished
