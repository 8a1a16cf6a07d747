#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unloads the driver (and dax_cxl, which needs it) and loads both again: each time the same devices must come
# back.
#   cxl-reload.sh COUNT
# Memory must be offline.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
[ $# = 1 ] || cxl_usage "COUNT"
[ -d "/sys/module/$HMEM_MODULE" ] || cxl_skip "$HMEM_MODULE is not loaded, or is built in"

picture=$(dax_picture)

reload() {
	local round
	for ((round = 1; round <= $1; round++)); do
		if ! rmmod dax_cxl || ! rmmod "$HMEM_MODULE"; then
			echo "# round $round: a module cannot be unloaded"
			return 1
		fi
		[ -z "$(dax_picture)" ] || { echo "# round $round: dax devices are left"; return 1; }
		# dax_cxl brings the driver in by itself: in turns, it does.
		[ $((round % 2)) = 0 ] || modprobe "$HMEM_MODULE"
		modprobe dax_cxl
		becomes_picture "$picture" || { echo "# round $round: not the same devices"; return 1; }
	done
}

cxl_plan 2
cxl_test "there are devices" test -n "$picture"
cxl_test "the same come back $1 times" reload "$1"
cxl_end
