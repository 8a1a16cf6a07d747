#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The file `set_state` of the driver: several devices as a unit. The last one must have two memory blocks or more.
#
# Fails with the driver kmem that is written in C, which does not have it.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

all_are() {
	local device
	for device in "${devices[@]}"; do
		is "$device" "$1" || return
	done
}

set_state() { store "$SET_STATE" "$1"; }

by_name() {
	set_state "online_movable ${devices[*]}" && all_are online_movable && set_state "unplugged ${devices[*]}" &&
		all_are unplugged && gone "$first"
}

by_selector() {
	local node region
	node=$(cat "$DAX/devices/$first/target_node")
	region=${first#dax} region=${region%.*}
	set_state "online_movable all" && all_are online_movable || return
	set_state 'unplugged all\n' && all_are unplugged || return
	set_state "online_movable region$region" && is "$first" online_movable && is "${devices[1]}" unplugged || return
	set_state "online_movable node$node" && is "$first" online_movable || return
	set_state "unplugged node$node region$region $first" && is "$first" unplugged || return
	set_state "unplugged all" && all_are unplugged
}

# One block refuses: nothing happens to any device.
all_or_nothing_away() {
	local before
	set_state "unplugged all" && set_state "online_movable all" || return
	before=$(all_zones)
	mark_log
	inject MEM_GOING_OFFLINE -16 || { echo "no error injection" && return 1; }
	refused EBUSY set_state "unplugged all" || { inject MEM_GOING_OFFLINE 0 && return 1; }
	inject MEM_GOING_OFFLINE 0
	diff <(echo "$before") <(all_zones) && all_are online_movable && all_left_online -16 &&
		blames "$first" "$(one_block "$first" 1)" "does not go offline: a memory notifier vetoed it, error -16" &&
		set_state "unplugged all" && all_are unplugged
}

# all_left_online ERRNO
all_left_online() {
	local device
	for device in "${devices[@]}"; do
		log_has "$device: hotremove failed, device left online: $1\$" || return
	done
}

# Only the very last block refuses: all others go offline before, and come back.
last_refuses() {
	local block
	# It alone is there when the program gets its memory.
	set_state "unplugged all" && write "$last" online_movable && block=$(one_block "$last" "$") &&
		while_pinned "$last" "$block" others_online_and_refuses "$block" && set_state "unplugged all" &&
		all_are unplugged
}

others_online_and_refuses() {
	set_blocks "$last" online_movable "$1" && set_state "online_movable all" && all_are online_movable &&
		interrupted "$SET_STATE" "unplugged all" "$last" "$1" && all_left_online -4
}

all_or_nothing_online() {
	local vetoed=0 block count
	inject MEM_GOING_ONLINE 0 && set_state "unplugged all" && write "$first" online_movable || return
	block=$(one_block "$first" 1) count=$(blocks "$first" | wc -l)
	write "$first" unplugged && mark_log || return
	inject MEM_GOING_ONLINE -12 && refused EIO set_state "online_movable all" && vetoed=1
	inject MEM_GOING_ONLINE 0
	[ "$vetoed" = 1 ] && all_are unplugged && gone "$first" &&
		blames "$first" "$block" "did not come online, nor did $((count - 1)) more"
}

# Another device in the place of the last one cannot have one of its ranges: what came online before goes again.
last_cannot() {
	local other policy had
	set_state "unplugged all" && parts_of "$last" || return
	policy=$(region "$last")/policy
	had=$(sed -n 1p "$policy")
	# It must be bound without looking for its memory, or what is not there then is not asked for later.
	leaves_online "$last" && echo kmem,unplugged > "$policy" && other=$(another "$last") &&
		made_of "$other" "$(part 1)" "$(part 0)" && kmem_bind "$other" && is "$other" unplugged && mark_log &&
		refused EBUSY set_state "online_movable all" || return
	log_has "$other: mapping1: 0x$(part 0 | sed s/-/-0x/) could not reserve region" && is "$other" unplugged &&
		! grep " : $other\$" /proc/iomem && all_gone "${devices[@]:0:${#devices[@]}-1}" || return
	# As it was.
	removed "$other" && echo "$had" > "$policy" && takes_over "$last" && made_of "$last" "$whole" &&
		kmem_bind "$last" && write "$last" unplugged && all_gone "${devices[@]}"
}

# all_gone DEVICE...: none has memory.
all_gone() {
	local device
	for device in "$@"; do
		is "$device" unplugged && ! grep " : $device\$" /proc/iomem || return
	done
}

# One device is in another state: no device changes.
wrong_state() {
	write "$first" online_movable && refused EBUSY set_state "online_kernel all" && is "$first" online_movable &&
		is "${devices[1]}" unplugged || return
	# Those that are there already may take part.
	set_state "online_movable all" && all_are online_movable && set_state "unplugged all" && all_are unplugged
}

bad_commands() {
	local command
	for command in " " all unplugged "unplugged" "offline all" "all unplugged" "unplugged All" "unplugged node" \
		"unplugged node-1" "unplugged node01" "unplugged node99999999999" "unplugged region" "unplugged dax" \
		"unplugged dax0" "unplugged dax0." "unplugged ${first}x" "unplugged all,all" 'unplugged\tall' \
		"unplugged all junk"; do
		refused EINVAL set_state "$command" || { echo "command '$command'" && return 1; }
	done
	for command in "unplugged dax4095.0" "unplugged node1023" "unplugged region4095" "unplugged all dax4095.0"; do
		refused ENODEV set_state "$command" || { echo "command '$command'" && return 1; }
	done
	all_are unplugged
}

# The log names the first block of the device that was bound first: let that be the first.
bound_in_order() {
	local device
	for device in "${devices[@]}"; do
		kmem_unbind "$device" && kmem_bind "$device" && write "$device" unplugged || return
	done
}

not_for_reading() {
	[ "$(stat -c %a "$SET_STATE")" = 200 ]
}

kmem_begin 2
last=${devices[-1]}
bound_in_order || skip_all "a device cannot be bound again"
why_not=$(cannot_pin "$last")
ktap_set_plan 9
check "devices by name" by_name
check "devices by node, by region, and all" by_selector
check "away: all or nothing" all_or_nothing_away
# Not skipped, but failed, without the file.
if [ ! -e "$SET_STATE" ] || [ -z "$why_not" ]; then
	check "away: all or nothing, with a signal at the last block" last_refuses
else
	ktap_test_skip "away: all or nothing, with a signal at the last block: $why_not"
fi
check "online: all or nothing" all_or_nothing_online
if [ ! -e "$SET_STATE" ] || [ -e "$(region "$last")/policy" ]; then
	check "online: all or nothing, where the last device cannot" last_cannot
else
	ktap_test_skip "online: all or nothing, where the last device cannot: its region has no policy"
fi
check "a device in another state stops it" wrong_state
check "commands that are none" bad_commands
check "the file cannot be read" not_for_reading
ktap_finished
