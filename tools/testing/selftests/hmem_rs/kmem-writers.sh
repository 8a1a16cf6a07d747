#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Four writers write random words to the file `state` and, where there is one, to `set_state`, while two readers read.
# What came of it must be explained by some order of all writes and reads; see kmem-race.pl. Needs perl.
#
#   HMEM_TEST_COUNT=N   writes in all (1000)

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

count=${HMEM_TEST_COUNT:-1000}

race() {
	if [ -e "$SET_STATE" ]; then
		"$DIR/kmem-race.pl" "$count" "$DAX/devices/$first/state" "$SET_STATE" "$first"
	else
		"$DIR/kmem-race.pl" "$count" "$DAX/devices/$first/state"
	fi
}

consistent() {
	local now
	now=$(state "$first")
	case $now in
		unplugged) gone "$first" ;;
		online_movable) [ "$(zones "$first" | awk '{ print $2, $3 }' | sort -u)" = "online Movable" ] ;;
		*) echo "in the end it is $now" && return 1 ;;
	esac
}

kmem_begin 1
command -v perl > /dev/null || skip_all "perl is missing"
ktap_set_plan 3
check "$count writes from four writers, with two readers" race
check "the state is true in the end" consistent
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
