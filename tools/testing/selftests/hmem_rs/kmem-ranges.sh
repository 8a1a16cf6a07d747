#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices of several ranges, of which some cannot be had. The first device must have at least six memory blocks
# and be the only one of its region; the test makes others of its memory.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

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

# device_dax has a page map of the ranges that it found, and lets user space map whatever range there is.
not_added_later() {
	local driver=$DAX/drivers/device_dax result=0 mapping
	mapping=$(device "$first")/mapping
	made_of "$first" "$(part 0)" && modprobe device_dax || return
	echo "$first" > "$driver/new_id"
	[ -e "$driver/$first" ] || store "$driver/bind" "$first" || return
	refused EBUSY store "$mapping" "$(part 2)" || result=1
	[ "$(cat "$(device "$first")/size")" = "$size" ] || result=1
	echo "$first" > "$driver/unbind" && echo "$first" > "$driver/remove_id" && part 2 > "$mapping" && return "$result"
}

# Leaves the memory of one block online, and makes another device of it and of two more blocks.
# conflict PLACE EXPECTED: it is the PLACEth of three.
conflict() {
	local other parts=(2 4 5)
	leaves_online "$first" && other=$(another "$first") || return
	parts[$1]=0
	made_of "$other" "$(part "${parts[0]}")" "$(part "${parts[1]}")" "$(part "${parts[2]}")" && mark_log || return
	if [ "$2" = ok ]; then
		kmem_bind "$other" && log_has "$other: mapping$1: 0x$(part 0 | sed s/-/-0x/) could not reserve region" &&
			write "$other" unplugged && write "$other" online_movable && is "$other" online_movable &&
			[ "$(blocks "$other" | wc -l)" = 2 ] || return
	else
		refused "$2" kmem_bind "$other" &&
			log_has "$other: mapping$1: 0x$(part 0 | sed s/-/-0x/) could not reserve region" || return
	fi
	removed "$other" && takes_over "$first"
}

# Bound without looking at the memory, the driver must have all of it later, or it takes nothing.
bound_unplugged() {
	local other policy had
	policy=$(region "$first")/policy
	had=$(sed -n 1p "$policy")
	leaves_online "$first" && echo kmem,unplugged > "$policy" && other=$(another "$first") &&
		made_of "$other" "$(part 2)" "$(part 0)" && kmem_bind "$other" && is "$other" unplugged && mark_log &&
		refused EBUSY write "$other" online_movable && is "$other" unplugged || return
	! grep " : $other\$" /proc/iomem &&
		log_has "$other: mapping1: 0x$(part 0 | sed s/-/-0x/) could not reserve region" || return
	removed "$other" && echo "$had" > "$policy" && takes_over "$first"
}

# What is left online of one range is taken over, but the other is not added until somebody wants it.
taken_over_unplugged() {
	local policy had
	policy=$(region "$first")/policy
	had=$(sed -n 1p "$policy")
	made_of "$first" "$(part 0)" "$(part 2)" && kmem_bind "$first" && write "$first" unplugged &&
		write "$first" online_movable && echo offline > "$MEMORY/memory$(one_block "$first" 2)/state" &&
		kmem_unbind "$first" && echo kmem,unplugged > "$policy" && kmem_bind "$first" || return
	is "$first" online_movable || return
	[ "$(blocks "$first" | wc -l)" = 1 ] || { zones "$first" && return 1; }
	write "$first" unplugged && write "$first" online_movable && [ "$(blocks "$first" | wc -l)" = 2 ] &&
		write "$first" unplugged && gone "$first" && kmem_unbind "$first" && echo "$had" > "$policy"
}

kmem_begin 1
parts_of "$first"
[ "$(cat "$(device "$first")/size")" -ge $((6 * size)) ] || skip_all "$first has less than six memory blocks"
ktap_set_plan 10
check "three ranges" several
check "ranges that are too small" too_small
check "a range added while the driver is bound" added_later
check "no range is added while device_dax is bound" not_added_later
check "the last of three is in use" conflict 2 ok
check "the one in the middle is in use" conflict 1 ok
check "the first is in use" conflict 0 EBUSY
if [ -e "$(region "$first")/policy" ]; then
	check "bound unplugged, and one of two is in use" bound_unplugged
	check "bound unplugged, and one of two is online" taken_over_unplugged
else
	ktap_test_skip "bound unplugged, and one of two is in use: the region has no policy"
	ktap_test_skip "bound unplugged, and one of two is online: the region has no policy"
fi
made_of "$first" "$whole" && kmem_bind "$first" > /dev/null && write "$first" unplugged > /dev/null
check "as before in the end" gone "$first"
ktap_finished
