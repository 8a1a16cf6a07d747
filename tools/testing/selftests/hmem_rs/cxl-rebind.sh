#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unbinds and binds the host device again and again: each time the same devices must come back.
#   cxl-rebind.sh COUNT [HOST]
# Memory must be offline.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
[ $# -gt 0 ] || cxl_usage "COUNT [HOST]"
count=$1 host=${2:-hmem_platform.0}
driver=/sys/bus/platform/drivers/hmem_platform
[ -e "$driver/$host" ] || cxl_skip "$host is not bound"

picture=$(dax_picture)

gone() { ! ls -d /sys/bus/platform/devices/"$host"/hmem.* > /dev/null 2>&1; }

rebind() {
	local round
	for ((round = 1; round <= count; round++)); do
		echo "$host" > "$driver/unbind" || { echo "# round $round: unbind failed"; return 1; }
		gone || { echo "# round $round: hmem devices outlive their host's driver"; return 1; }
		echo "$host" > "$driver/bind" || { echo "# round $round: bind failed"; return 1; }
		becomes_picture "$picture" || { echo "# round $round: not the same devices"; return 1; }
	done
}

cxl_plan 2
cxl_test "there are devices" test -n "$picture"
cxl_test "the same come back $count times" rebind
cxl_end
