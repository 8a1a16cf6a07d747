#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lets each memory allocation of a decision fail in turn, first in the bind and then in the work item. What
# is not registered must be named, nothing may be left when the host is unbound, and a rebind must put it
# right.
#   cxl-fail-alloc.sh
# Needs CONFIG_FAILSLAB. The drivers below the host stay away meanwhile: they have failures of their own.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
host=hmem_platform.0
driver=/sys/bus/platform/drivers/hmem_platform
failslab=/sys/kernel/debug/failslab
[ -e "$driver/$host" ] || cxl_skip "$host is not bound"
[ -d "$failslab" ] || cxl_skip "the kernel has no CONFIG_FAILSLAB"

# An allocation that may wait fails, too; and quietly, a trace in the log would look like a bug.
echo N > "$failslab/ignore-gfp-wait"
echo 0 > "$failslab/verbose"

picture=$(dax_picture)

# More than a decision has.
MOST=400

workers() {
	local task
	for task in /proc/[0-9]*; do
		[[ $(cxl_read "$task/comm") != kworker/u* ]] || echo "$task"
	done
}

# fail_nth N TASK...
fail_nth() {
	local count=$1 task
	shift
	for task; do
		echo "$count" > "$task/fail-nth"
	done 2> /dev/null
}

unbind() { [ ! -e "$driver/$host" ] || echo "$host" > "$driver/unbind"; }

nothing_left() {
	! ls -d /sys/bus/platform/devices/"$host"/hmem.* > /dev/null 2>&1 && ! grep -q "Soft Reserved" /proc/iomem
}

# Whether the table, if there is one, adds up: a range that is decided accounts for all its bytes.
adds_up() {
	local kind state reserved cxl hmem trimmed
	while read -r kind _ _ _ _ _ _ state _ reserved _ cxl _ hmem _ trimmed; do
		[ "$kind $state" != "range decided" ] || ((reserved == cxl + hmem + trimmed)) || return 1
	done < "$HMEM_TABLE"
}

# Whether each piece with a device has it.
devices_are_there() {
	local kind name
	while read -r kind _ name _; do
		[ "$kind" != hmem ] || [ "$name" = - ] || [ -d "/sys/bus/platform/devices/$name" ] || return 1
	done < "$HMEM_TABLE"
}

# An unbound host must leave nothing, a bound one must say the truth.
sound() {
	if [ -e "$driver/$host" ]; then
		cxl_until 30 all_decided && adds_up && devices_are_there
	else
		nothing_left
	fi
}

report() {
	echo "# allocation $1: $2"
	sed 's/^/# /' "$HMEM_TABLE"
}

# The bind itself: it runs in the task that writes.
each_in_bind() {
	local count left failed=0
	for ((count = 1; count <= MOST; count++)); do
		unbind
		nothing_left || { report "$count" "something is left of the round before"; return 1; }
		left=$(
			echo "$count" > /proc/self/fail-nth
			echo "$host" > "$driver/bind"
			cxl_read /proc/self/fail-nth
		) 2> /dev/null
		[ -e "$driver/$host" ] || failed=$((failed + 1))
		sound || { report "$count" "the table does not say the truth"; return 1; }
		# Not reached any more: all of them have failed once.
		[ "${left:-0}" = 0 ] || break
	done
	echo "# $((count - 1)) allocations failed, $failed of them the bind"
	[ "$count" -gt 5 ]
}

# The work item: one of the unbound workers runs it.
each_in_work() {
	local count named=0
	for ((count = 1; count <= 120; count++)); do
		unbind
		nothing_left || { report "$count" "something is left of the round before"; return 1; }
		mapfile -t tasks < <(workers)
		fail_nth "$count" "${tasks[@]}"
		echo "$host" > "$driver/bind"
		sound || { report "$count" "the table does not say the truth"; return 1; }
		fail_nth 0 "${tasks[@]}"
		! grep -q "errno -12" "$HMEM_TABLE" || named=$((named + 1))
	done
	echo "# $named of $((count - 1)) rounds had a failure, all of them named"
	[ "$named" -gt 3 ]
}

put_right() {
	unbind
	echo 1 > /sys/bus/platform/drivers_autoprobe
	echo "$host" > "$driver/bind"
	cxl_until 60 is_picture "$picture" && return 0
	picture_differs "$picture"
	return 1
}

cxl_plan 3
echo 0 > /sys/bus/platform/drivers_autoprobe
cxl_test "each allocation of the bind may fail" each_in_bind
cxl_test "each allocation of the decision may fail" each_in_work
cxl_test "a rebind puts it right" put_right
cxl_end
