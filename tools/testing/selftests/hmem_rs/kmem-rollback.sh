#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A change of the state that fails leaves the device as it was, and the log says which memory block was to
# blame, and why. Needs CONFIG_MEMORY_NOTIFIER_ERROR_INJECT; HMEM_TEST_HOLD may name a program that holds pages
# which cannot be moved (default: kmem-hold.pl beside this script), else that part is skipped.
#
# Fails with the driver kmem that is written in C.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

veto_online() {
	inject MEM_GOING_ONLINE -12 && mark_log || return
	refused EIO write "$first" online_movable || { inject MEM_GOING_ONLINE 0 && return 1; }
	inject MEM_GOING_ONLINE 0
	gone "$first" && log_has "$first: memory block 0x[0-9a-f]*-0x[0-9a-f]* did not come online" &&
		write "$first" online_movable && is "$first" online_movable
}

veto_online_at_bind() {
	write "$first" unplugged && kmem_unbind "$first" || return
	echo online_movable > $MEMORY/auto_online_blocks
	inject MEM_GOING_ONLINE -12
	kmem_bind "$first" && { inject MEM_GOING_ONLINE 0 && echo "was bound" && return 1; }
	inject MEM_GOING_ONLINE 0
	! grep " : $first\$" /proc/iomem || return
	kmem_bind "$first" && is "$first" online_movable
}

# A block that is offline beforehand stays so.
veto_offline() {
	local before block
	write "$first" unplugged && write "$first" online_movable || return
	block=$(one_block "$first")
	echo offline > "$MEMORY/memory$block/state" || return
	before=$(zones "$first") && mark_log
	inject MEM_GOING_OFFLINE -16
	refused EBUSY write "$first" unplugged || { inject MEM_GOING_OFFLINE 0 && return 1; }
	inject MEM_GOING_OFFLINE 0
	diff <(echo "$before") <(zones "$first") && log_has "$first: hotremove failed, device left online: -16" &&
		log_has "$first: memory block .* does not go offline: a memory notifier vetoed it"
}

# hold MODE: a program that has memory of the node, and does what the mode says; see kmem-hold.pl.
hold() {
	mkfifo "$KEPT/to" "$KEPT/from" || return
	"$HOLD" "$1" "$(cat "$DAX/devices/$first/target_node")" < "$KEPT/to" > "$KEPT/from" 2>&1 &
	holder=$!
	exec 8> "$KEPT/to" 9< "$KEPT/from"
	said_by_holder "on the node"
}

# said_by_holder LINE: waits for its next line.
said_by_holder() {
	local line
	read -r -t 60 -u 9 line
	[ "$line" = "$1" ] || { echo "$HOLD: ${line:-nothing}" && return 1; }
}

# Ends the program, which checks its data before.
release() {
	local result=0
	exec 8>&-
	said_by_holder "data is right" || result=1
	exec 9<&-
	wait "$holder"
	rm -f "$KEPT/to" "$KEPT/from"
	return $result
}

# Pages that are pinned make it try for ever: the signal ends the write.
signal() {
	local before pid status
	write "$first" unplugged && write "$first" online_movable && hold pin || return
	before=$(zones "$first") && mark_log
	(echo unplugged > "$DAX/devices/$first/state") 2> /dev/null &
	pid=$!
	sleep 5
	kill -TERM $pid
	wait $pid
	status=$?
	release || return
	[ $status != 0 ] || { echo "it was unplugged" && return 1; }
	diff <(echo "$before") <(zones "$first") && is "$first" online_movable &&
		log_has "$first: hotremove failed, device left online: -4" &&
		log_has "$first: memory block .* does not go offline: a signal is pending"
}

# Pages in use are moved, and what is in them comes along.
under_load() {
	write "$first" unplugged && write "$first" online_movable && hold use || return
	write "$first" unplugged || { release && return 1; }
	release && gone "$first"
}

kmem_begin 1
policy=$(cat $MEMORY/auto_online_blocks)
trap 'echo "$policy" > $MEMORY/auto_online_blocks; inject MEM_GOING_ONLINE 0; inject MEM_GOING_OFFLINE 0
	rm -rf "$KEPT"' EXIT
HOLD=$DIR/kmem-hold.pl
inject MEM_GOING_ONLINE 0 || skip_all "memory notifiers cannot be made to fail here"
ktap_set_plan 6
check "a block that does not come online takes the others with it" veto_online
check "and at bind" veto_online_at_bind
check "a block that does not go offline brings the others back" veto_offline
if command -v perl > /dev/null; then
	check "a signal while pages cannot be moved" signal
	check "memory in use goes away, its data does not" under_load
else
	ktap_test_skip "a signal while pages cannot be moved: perl is missing"
	ktap_test_skip "memory in use goes away, its data does not: perl is missing"
fi
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
