#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Who writes to attributes of a dax device, or of its region, while the region is unbound must not stop that, nor
# be stopped, nor make a device of a region that is gone. Nor must who reads those of a mapping that goes.
#
#   HMEM_TEST_COUNT=N   how often (20)
#
# Where the DAX core lacks the fixes that come with hmem_rs, the first tests stop unbind, or a change of the size, until
# the others are killed. "delete" stops it for good: unbind holds the lock of the device and waits for the file, whose
# writer waits for the lock. And "create" leaves devices below a region that is gone, whose parent no driver can be bound
# to any more.

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

count=${HMEM_TEST_COUNT:-20}

# ends PROCESS: within 20 seconds; its status. Where it waits otherwise.
ends() {
	if wait_for gone "$1"; then
		wait "$1"
		return
	fi
	sed 's/.* //; s/+0x.*//' "/proc/$1/stack"
	return 1
}

# as_fast_as_can write TEXT FILE, or read - FILE: until it is killed.
as_fast_as_can() {
	local _
	case $1 in
		write) while :; do echo "$2" > "$3"; done ;;
		read) while :; do read -r _ < "$3"; done ;;
	esac
}

# against write|read TEXT FILE: two do that while the region goes and comes.
against() {
	local tasks=() task round result=0
	# Where the test before was stopped
	[ "$(driver_of "$PLATFORM/devices/$one")" != none ] || bind hmem "$one" || return
	for task in 1 2; do
		as_fast_as_can "$@" > /dev/null 2>&1 &
		tasks+=($!)
	done
	for ((round = 1; round <= count && result == 0; round++)); do
		unbind hmem "$one" > /dev/null 2>&1 &
		ends $! || { echo "unbind, round $round" && result=1 && break; }
		[ -z "$(dax_below "$one")" ] || { echo "$one has a device after unbind, round $round" && result=1; }
		bind hmem "$one" > /dev/null 2>&1 &
		ends $! || { echo "bind, round $round" && result=1; }
	done
	kill "${tasks[@]}"
	for task in "${tasks[@]}"; do
		wait_for gone "$task" || { echo "a task does not end" && result=1; }
	done
	return $result
}

# A range that goes takes its mapping along, whose attributes others read.
against_mapping() {
	local driver task round value whole result=0
	driver=$(driver_of "$device") whole=$(cat "$device/size")
	[ "$driver" = none ] || echo "$name" > "$DAX/drivers/$driver/unbind" || return
	as_fast_as_can read - "$device/mapping0/start" > /dev/null 2>&1 &
	task=$!
	for ((round = 1; round <= 10 * count && result == 0; round++)); do
		for value in 0 "$whole"; do
			echo "$value" > "$device/size" &
			ends $! || { echo "size $value, round $round" && result=1 && break; }
		done
	done
	kill $task
	wait_for gone $task || { echo "the reader does not end" && result=1; }
	[ "$driver" = none ] || echo "$name" > "$DAX/drivers/$driver/bind" || result=1
	return $result
}

gone() { ! kill -0 "$1" 2> /dev/null; }

# With nothing in use there is room for new devices.
idle() {
	local result=0
	echo Y > "$idle" || return
	"$@" || result=1
	echo N > "$idle" && return $result
}

back() {
	unbind hmem "$one" && bind hmem "$one" && same_state "$before"
}

hmem_begin_destructive
one=$(hmem_devices | head -n 1)
name=$(dax_below "$one" | head -n 1)
[ -n "$name" ] || skip_all "$one has no dax device"
region=$PLATFORM/devices/$one/dax_region
device=$PLATFORM/devices/$one/$name
idle=/sys/module/$HMEM_MODULE/parameters/region_idle
[ "$(cat "$idle")" = N ] || skip_all "region_idle is on"
before=$(hmem_state)
ktap_set_plan 9
check "writes to size" against write "$(cat "$device/size")" "$device/size"
check "writes to align" against write "$(cat "$device/align")" "$device/align"
check "writes to mapping" against write 0-0 "$device/mapping"
check "reads of a mapping" against_mapping
check "reads of seed" idle against read - "$region/seed"
check "reads of create" idle against read - "$region/create"
check "writes to delete" against write "$name" "$region/delete"
check "writes to create" idle against write 1 "$region/create"
check "$one is as before" back
ktap_finished
