#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Words that are none, to every file of the driver that takes words: the right error, nothing changes, and the log
# says nothing. Needs perl.
#
#   HMEM_TEST_COUNT=N   generated words for each file (10000; 1000 for the driver in C, whose parsers are known)

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# Everything that a word could change.
everything() {
	local device
	for device in "${devices[@]}"; do
		echo "$device $(state "$device")"
		zones "$device"
	done
	grep -v " : Kernel" /proc/iomem
	ls "$KMEM"
	cat $MEMORY/auto_online_blocks
}

# bad_words KIND FILE
bad_words() {
	local before lines
	before=$(everything) lines=$(dmesg | wc -l)
	"$DIR/kmem-bad-words.pl" "$count" "$1" "$2" || return
	diff <(echo "$before") <(everything) || return
	[ "$(dmesg | wc -l)" = "$lines" ] || { dmesg | tail -n "+$((lines + 1))" | head -n 5 && return 1; }
}

kmem_begin 1
command -v perl > /dev/null || skip_all "perl is missing"
if [ -e "$SET_STATE" ]; then
	files=3 count=${HMEM_TEST_COUNT:-10000}
else
	files=2 count=${HMEM_TEST_COUNT:-1000}
fi
ktap_set_plan $((files + 2))
check "state, of a device that is unplugged" bad_words state "$DAX/devices/$first/state"
write "$first" online_movable
check "state, of a device that is online" bad_words state "$DAX/devices/$first/state"
check "new_id" bad_words id "$KMEM/new_id"
[ "$files" = 2 ] || check "set_state" bad_words set "$SET_STATE"
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
