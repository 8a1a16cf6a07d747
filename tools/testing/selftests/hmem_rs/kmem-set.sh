#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The file `set_state` of the driver: several devices as a unit.
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
	local last=${devices[-1]} before
	set_state "online_movable all" || return
	before=$(for device in "${devices[@]}"; do zones "$device"; done)
	mark_log
	inject MEM_GOING_OFFLINE -16 || { echo "no error injection" && return 1; }
	refused EBUSY set_state "unplugged all" || { inject MEM_GOING_OFFLINE 0 && return 1; }
	inject MEM_GOING_OFFLINE 0
	diff <(echo "$before") <(for device in "${devices[@]}"; do zones "$device"; done) && all_are online_movable &&
		log_has "${devices[0]}: hotremove failed" && log_has "$last: hotremove failed" &&
		log_has "does not go offline: a memory notifier vetoed it" && set_state "unplugged all" && all_are unplugged
}

all_or_nothing_online() {
	local vetoed=0
	inject MEM_GOING_ONLINE -12 && refused EIO set_state "online_movable all" && vetoed=1
	inject MEM_GOING_ONLINE 0
	[ "$vetoed" = 1 ] && all_are unplugged && gone "$first"
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

not_for_reading() {
	[ "$(stat -c %a "$SET_STATE")" = 200 ]
}

kmem_begin 2
ktap_set_plan 7
check "devices by name" by_name
check "devices by node, by region, and all" by_selector
check "away: all or nothing" all_or_nothing_away
check "online: all or nothing" all_or_nothing_online
check "a device in another state stops it" wrong_state
check "commands that are none" bad_commands
check "the file cannot be read" not_for_reading
ktap_finished
