#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A change of the state that fails leaves the device as it was, and the log says which memory block was to
# blame, and why. Needs CONFIG_MEMORY_NOTIFIER_ERROR_INJECT; the part with pages that
# cannot be moved needs numactl and perl, and is skipped without.
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

# Pages that are pinned make it try for ever: the signal ends the write. A block that was offline stays so, the zones
# and MemTotal are as they were.
pinned_and_signalled() {
	local before total pid
	write "$first" unplugged && write "$first" online_movable &&
		echo offline > "$MEMORY/memory$(one_block "$first")/state" && hold pinned pin "$node" || return
	before=$(zones "$first") total=$(memtotal) && mark_log
	(echo unplugged > "$DAX/devices/$first/state") 2> /dev/null &
	pid=$!
	sleep 5
	kill -TERM $pid
	if wait $pid; then
		let_go pinned
		echo "it was unplugged"
		return 1
	fi
	diff <(echo "$before") <(zones "$first") && is "$first" online || return
	[ "$(memtotal)" = "$total" ] || { echo "MemTotal $(memtotal), was $total" && return 1; }
	let_go pinned && log_has "$first: hotremove failed, device left online: -4" &&
		log_has "$first: memory block .* does not go offline: a signal is pending"
}

kmem_begin 1
policy=$(cat $MEMORY/auto_online_blocks)
trap 'echo "$policy" > $MEMORY/auto_online_blocks; inject MEM_GOING_ONLINE 0; inject MEM_GOING_OFFLINE 0
	rm -rf "$KEPT"' EXIT
node=$(cat "$DAX/devices/$first/target_node")
inject MEM_GOING_ONLINE 0 || skip_all "memory notifiers cannot be made to fail here"
ktap_set_plan 5
check "a block that does not come online takes the others with it" veto_online
check "and at bind" veto_online_at_bind
check "a block that does not go offline brings the others back" veto_offline
if command -v numactl perl > /dev/null; then
	check "a signal while pages cannot be moved" pinned_and_signalled
else
	ktap_test_skip "a signal while pages cannot be moved: numactl or perl is missing"
fi
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
