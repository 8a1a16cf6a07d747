#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices of several ranges, of which some cannot be had. The first device must have at least six memory blocks
# and be the only one of its region; the test makes others of its memory.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# device NAME: its directory.
device() { echo "$DAX/devices/$1"; }

# part N [BYTES]: the range of the Nth block of the memory, or of its first bytes.
part() {
	local start=$((base + $1 * size))
	printf '%x-%x' $start $((start + ${2:-$size} - 1))
}

# Takes the device apart: no memory, no driver.
empty() {
	[ ! -e "$KMEM/$1" ] || { write "$1" unplugged && kmem_unbind "$1"; } || return
	echo 0 > "$(device "$1")/size"
}

# made_of DEVICE RANGE...: gives it these ranges, in this order.
made_of() {
	local device=$1 range
	shift
	empty "$device" || return
	for range in "$@"; do
		echo "$range" > "$(device "$device")/mapping" || return
	done
}

several() {
	made_of "$first" "$(part 0)" "$(part 2)" "$(part 4)" && mark_log && kmem_bind "$first" &&
		write "$first" unplugged && write "$first" online_movable && is "$first" online_movable &&
		[ "$(blocks "$first" | wc -l)" = 3 ] && write "$first" unplugged && gone "$first"
}

too_small() {
	made_of "$first" "$(part 0)" "$(part 2 $((2 << 20)))" "$(part 4)" && mark_log && kmem_bind "$first" &&
		log_has "$first: mapping1: 0x[0-9a-f]*-0x[0-9a-f]* too small after alignment" &&
		log_has "$first: DAX region truncated by 2.00 MiB due to alignment" &&
		write "$first" unplugged && write "$first" online_movable && [ "$(blocks "$first" | wc -l)" = 2 ] &&
		write "$first" unplugged && gone "$first" || return
	made_of "$first" "$(part 2 $((2 << 20)))" && mark_log && refused EINVAL kmem_bind "$first" &&
		log_has "$first: rejecting DAX region without any memory after alignment"
}

# A range that is added while the driver is bound is not touched, by nothing.
added_later() {
	made_of "$first" "$(part 0)" && kmem_bind "$first" && part 2 > "$(device "$first")/mapping" &&
		write "$first" unplugged && write "$first" online_movable && [ "$(blocks "$first" | wc -l)" = 1 ] &&
		write "$first" unplugged && gone "$first"
}

# Leaves the memory of one block online, and makes another device of it and of two more blocks.
# conflict PLACE EXPECTED: it is the PLACEth of three.
conflict() {
	local other region parts=(2 4 5)
	made_of "$first" "$(part 0)" && kmem_bind "$first" && write "$first" unplugged &&
		write "$first" online_movable && kmem_unbind "$first" && echo 0 > "$(device "$first")/size" || return
	region=$(dirname "$(readlink -f "$(device "$first")")")/dax_region
	other=$(cat "$region/seed")
	if [ -z "$other" ]; then
		echo 1 > "$region/create" && other=$(cat "$region/seed") || return
	fi
	parts[$1]=0
	made_of "$other" "$(part "${parts[0]}")" "$(part "${parts[1]}")" "$(part "${parts[2]}")" && mark_log || return
	if [ "$2" = ok ]; then
		kmem_bind "$other" && log_has "$other: mapping$1: .* could not reserve region" &&
			write "$other" unplugged && write "$other" online_movable && is "$other" online_movable &&
			[ "$(blocks "$other" | wc -l)" = 2 ] && empty "$other" || return
	else
		refused "$2" kmem_bind "$other" && log_has "$other: mapping$1: .* could not reserve region" &&
			empty "$other" || return
	fi
	# The device it belongs to gets the memory back.
	made_of_again && is "$first" online_movable && write "$first" unplugged && gone "$first"
}

made_of_again() {
	part 0 > "$(device "$first")/mapping" && kmem_bind "$first"
}

kmem_begin 1
size=$((0x$(cat $MEMORY/block_size_bytes)))
base=$(($(cat "$(device "$first")/resource")))
[ "$(cat "$(device "$first")/size")" -ge $((6 * size)) ] || skip_all "$first has less than six memory blocks"
whole=$(printf '%x-%x' $base $((base + $(cat "$(device "$first")/size") - 1)))
ktap_set_plan 7
check "three ranges" several
check "ranges that are too small" too_small
check "a range added while the driver is bound" added_later
check "the last of three is in use" conflict 2 ok
check "the one in the middle is in use" conflict 1 ok
check "the first is in use" conflict 0 EBUSY
made_of "$first" "$whole" && kmem_bind "$first" > /dev/null && write "$first" unplugged > /dev/null
check "as before in the end" gone "$first"
ktap_finished
