#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unbinds the host while its decision waits for a foreign driver whose probe takes long
# (test_async_driver_probe), binds it again, and unbinds it while the decision runs.
#   cxl-unbind-waiting.sh
# Memory must be offline, and nobody else may load modules.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
host=hmem_platform.0
driver=/sys/bus/platform/drivers/hmem_platform
[ -e "$driver/$host" ] || cxl_skip "$host is not bound"
modinfo test_async_driver_probe > /dev/null 2>&1 || cxl_skip "the kernel lacks CONFIG_TEST_ASYNC_DRIVER_PROBE=m"

picture=$(dax_picture)
others=$(dax_picture | grep -v ' hmem$')

# It sleeps in probes for about 15 s altogether, the first 5 of them asynchronously.
slow_probe() {
	modprobe test_async_driver_probe 2> /dev/null &
	slow=$!
	cxl_until 5 test -d /sys/bus/platform/drivers/test_async_driver
}

is_waiting() { grep -q "state waiting" "$HMEM_TABLE" 2> /dev/null; }
no_pieces() { [ "$(dax_picture | grep -v ' hmem$')" = "$others" ] && [ "$(dax_picture)" = "$others" ]; }
unbind() { echo "$host" > "$driver/unbind"; }
bind() { echo "$host" > "$driver/bind"; }

waits() {
	unbind && slow_probe && bind && is_waiting && no_pieces && sleep 2 && still_waits
}

# Between two of the slow probes there is a moment without any, which a slow machine may have reached.
still_waits() {
	dmesg | grep -q "registering second synchronous device" || { is_waiting && no_pieces; }
}

still_nothing() {
	wait "$slow"
	rmmod test_async_driver_probe 2> /dev/null
	sleep 1
	no_pieces
}

comes_back() { bind && becomes_picture "$picture"; }

# The decision runs right after bind: hit it at many moments.
unbind_while_it_runs() {
	local round
	for ((round = 0; round < 40; round++)); do
		bind || { echo "# round $round: bind failed"; return 1; }
		[ "$round" = 0 ] || sleep "0.0$(printf %02d "$round")"
		unbind || { echo "# round $round: unbind failed"; return 1; }
		no_pieces || { echo "# round $round: pieces are left"; return 1; }
	done
}

cxl_plan 7
cxl_test "the decision waits while a probe takes long" waits
cxl_test "it can be unbound meanwhile" unbind
cxl_test "nothing is registered afterwards" still_nothing
cxl_test "bound again, it decides the same" comes_back
cxl_test "unbound for the race" unbind
cxl_test "unbinding while the decision runs leaves nothing" unbind_while_it_runs
cxl_test "bound at last, it decides the same" comes_back
cxl_end
