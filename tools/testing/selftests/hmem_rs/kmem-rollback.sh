#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A change of the state that fails leaves the device as it was, and the log says which memory block was to
# blame, and why. Needs CONFIG_MEMORY_NOTIFIER_ERROR_INJECT, and a device of two memory blocks or more; the part
# with pages that cannot be moved needs numactl, perl, and a node without other memory, and is skipped without.
#
# All but the last fail with the driver kmem that is written in C: it does not notice memory that does not come
# online, and does not say which block refused.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# The log says that no block came online, of which it names the first.
blames_all() {
	blames "$first" "$(one_block "$first" 1)" "did not come online, nor did $(($(blocks "$first" | wc -l) - 1)) more"
}

veto_online() {
	inject MEM_GOING_ONLINE -12 && mark_log || return
	refused EIO write "$first" online_movable || { inject MEM_GOING_ONLINE 0 && return 1; }
	inject MEM_GOING_ONLINE 0
	gone "$first" && write "$first" online_movable && is "$first" online_movable && blames_all
}

veto_online_at_bind() {
	write "$first" unplugged && kmem_unbind "$first" && mark_log || return
	echo online_movable > $MEMORY/auto_online_blocks
	inject MEM_GOING_ONLINE -12
	refused EIO kmem_bind "$first" || { inject MEM_GOING_ONLINE 0 && return 1; }
	inject MEM_GOING_ONLINE 0
	! grep " : $first\$" /proc/iomem || return
	kmem_bind "$first" && is "$first" online_movable && blames_all
}

# A block that is offline beforehand stays so.
veto_offline() {
	local before
	write "$first" unplugged && write "$first" online_movable &&
		echo offline > "$MEMORY/memory$(one_block "$first" 2)/state" || return
	before=$(zones "$first") && mark_log
	inject MEM_GOING_OFFLINE -16
	refused EBUSY write "$first" unplugged || { inject MEM_GOING_OFFLINE 0 && return 1; }
	inject MEM_GOING_OFFLINE 0
	diff <(echo "$before") <(zones "$first") && log_has "$first: hotremove failed, device left online: -16" &&
		blames "$first" "$(one_block "$first" 1)" "does not go offline: a memory notifier vetoed it, error -16"
}

# Only the first block is online, and refuses. The others stay as they are.
first_refuses() {
	local block
	write "$first" unplugged && write "$first" online_movable && block=$(one_block "$first" 1) &&
		while_pinned "$first" "$block" refuses "$block" online
}

# The last block refuses, after all others went offline. They come back, to the zone they were in.
last_refuses() {
	local block
	write "$first" unplugged && write "$first" online_movable && block=$(one_block "$first" "$") &&
		while_pinned "$first" "$block" others_online_and_refuses "$block"
}

others_online_and_refuses() { set_blocks "$first" online_movable "$1" && refuses "$1" online_movable; }

# refuses BLOCK STATE
refuses() {
	interrupted "$DAX/devices/$first/state" unplugged "$first" "$1" && is "$first" "$2" &&
		log_has "$first: hotremove failed, device left online: -4\$"
}

# check_pinned DESCRIPTION COMMAND...
check_pinned() {
	if [ -z "$why_not" ]; then check "$@"; else ktap_test_skip "$1: $why_not"; fi
}

kmem_begin 1
policy=$(cat $MEMORY/auto_online_blocks)
trap 'echo "$policy" > $MEMORY/auto_online_blocks; inject MEM_GOING_ONLINE 0; inject MEM_GOING_OFFLINE 0
	rm -rf "$KEPT"' EXIT
why_not=$(cannot_pin "$first")
inject MEM_GOING_ONLINE 0 || skip_all "memory notifiers cannot be made to fail here"
ktap_set_plan 6
check "a block that does not come online takes the others with it" veto_online
check "and at bind" veto_online_at_bind
check "a block that does not go offline: nothing changes" veto_offline
check_pinned "a signal while pages of the first block cannot be moved" first_refuses
check_pinned "and while pages of the last cannot, and the others went offline" last_refuses
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
