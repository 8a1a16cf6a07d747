#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The file `state`: what it takes from each state, and that it tells the truth.
#
# What blocks do "behind its back", and "one block taken offline and back", fail with the driver kmem that is
# written in C.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

bind_offline() {
	write "$1" unplugged && kmem_unbind "$1" && echo offline > $MEMORY/auto_online_blocks &&
		kmem_bind "$1" && is "$1" offline
}

# from DEVICE STATE: brings it there.
from() {
	write "$1" unplugged || return
	case $2 in
		unplugged) ;;
		offline) bind_offline "$1" ;;
		*) write "$1" "$2" ;;
	esac
}

# move DEVICE FROM TO EXPECTED: what a write does, "ok" or an error.
move() {
	from "$1" "$2" || { echo "cannot reach $2" && return 1; }
	if [ "$4" = ok ]; then
		write "$1" "$3" && is "$1" "$3"
	else
		refused "$4" write "$1" "$3" && is "$1" "$2"
	fi
}

# moves DEVICE: does what it reads, line by line.
moves() {
	local from to want
	while read -r from to want; do
		move "$1" "$from" "$to" "$want" || { echo "from $from to $to" && return 1; }
	done
}

matrix() {
	moves "$first" <<- EOT
		unplugged unplugged ok
		unplugged offline EINVAL
		unplugged online_movable ok
		offline unplugged ok
		offline offline EINVAL
		offline online EBUSY
		offline online_kernel EBUSY
		offline online_movable EBUSY
		online_movable unplugged ok
		online_movable offline EINVAL
		online_movable online EBUSY
		online_movable online_kernel EBUSY
		online_movable online_movable ok
	EOT
}

matrix_any_use() {
	moves "$roomy" <<- EOT && write "$roomy" unplugged && gone "$roomy"
		unplugged online ok
		online online ok
		online unplugged ok
		online offline EINVAL
		online online_kernel EBUSY
		online online_movable EBUSY
		unplugged online_kernel ok
		online_kernel online_kernel ok
		online_kernel unplugged ok
		online_kernel offline EINVAL
		online_kernel online EBUSY
		online_kernel online_movable EBUSY
	EOT
}

# The last device on a node that has other memory. On one that has none, what is online for any use is soon used
# by the kernel, and stays.
with_other_memory() {
	local device
	for device in "${devices[@]}"; do
		! node_has_memory "$device" || echo "$device"
	done | tail -n 1
}

bad_words() {
	local word
	write "$first" online_movable || return
	for word in " " Online online_ " online" "online " online_movabl online_movablee unplugge 0 -1 \
		'online\n\n' '\nonline' 'online\n ' "unplugged online" offline '\0online'; do
		refused EINVAL write "$first" "$word" || { echo "word '$word'" && return 1; }
		is "$first" online_movable || return
	done
}

with_newline_or_nul() {
	write "$first" unplugged && write "$first" 'online_movable\n' && is "$first" online_movable &&
		write "$first" 'unplugged\n' && is "$first" unplugged && write "$first" 'online_movable\0' &&
		is "$first" online_movable && write "$first" 'unplugged\n\0' && gone "$first"
}

cycles() {
	for _ in 1 2 3; do
		write "$first" online_movable && [ "$(memtotal)" -gt "$memtotal" ] || return
		write "$first" unplugged && gone "$first" || return
	done
}

# others TYPE SEEN: the device was bound offline, then somebody brought the blocks online.
others_online() {
	bind_offline "$first" && set_blocks "$first" "$1" && is "$first" "$2" && write "$first" "$2" && is "$first" "$2" &&
		write "$first" unplugged && gone "$first"
}

others_offline() {
	write "$first" online_movable && set_blocks "$first" offline && is "$first" offline &&
		refused EBUSY write "$first" online_movable && write "$first" unplugged && gone "$first"
}

unbound_offline() {
	write "$first" unplugged && write "$first" online_movable && set_blocks "$first" offline || return
	kmem_unbind "$first" || return
	! grep " : $first\$" /proc/iomem && [ "$(memtotal)" -le "$memtotal" ] && kmem_bind "$first"
}

one_offline() {
	local block
	write "$first" unplugged && write "$first" online_movable || return
	block=$(one_block "$first")
	echo offline > "$MEMORY/memory$block/state" && is "$first" online && refused EBUSY write "$first" online &&
		refused EBUSY write "$first" online_movable || return
	echo online_movable > "$MEMORY/memory$block/state" && is "$first" online_movable &&
		write "$first" online_movable || return
	echo offline > "$MEMORY/memory$block/state" && write "$first" unplugged && gone "$first"
}

kmem_begin 1
policy=$(cat $MEMORY/auto_online_blocks)
trap 'echo "$policy" > $MEMORY/auto_online_blocks; rm -rf "$KEPT"' EXIT
roomy=$(with_other_memory)
ktap_set_plan 10
check "what each write does in each state" matrix
check "words that are none change nothing" bad_words
check "a newline or a NUL may follow" with_newline_or_nul
check "three times online and away, nothing is left behind" cycles
check "blocks brought online behind its back" others_online online_movable online_movable
check "blocks taken offline behind its back" others_offline
check "unbound after all blocks were taken offline" unbound_offline
check "one block taken offline and back" one_offline
write "$first" unplugged
check "unplugged in the end" gone "$first"
# The last, as it may leave something.
if [ -n "$roomy" ]; then
	check "what each write does while it is online for any use" matrix_any_use
else
	ktap_test_skip "what each write does while it is online for any use: no device is on a node with other memory"
fi
ktap_finished
