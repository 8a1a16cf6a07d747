#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Onlines all memory of the dax devices at the given addresses, checks that the node grew, and offlines it
# again:
#   cxl-online.sh ADDRESS...
# The memory itself is not written.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
[ $# -gt 0 ] || cxl_usage "ADDRESS..."

grew() {
	local node before after block
	node=$(cxl_read "/sys/bus/dax/devices/$1/target_node")
	before=$(node_kib "$node" MemTotal)
	dax_to "$1" online_movable || return 1
	after=$(node_kib "$node" MemTotal)
	block=$((0x$(cxl_read /sys/devices/system/memory/block_size_bytes)))
	[ $((after - before)) = $(($(dax_blocks "$1" | wc -l) * block / 1024)) ] && return 0
	echo "# node $node had $before KiB and has $after KiB"
	return 1
}

cxl_plan $(($# * 3))
for address; do
	device=$(dax_at "$address")
	cxl_test "there is a dax device at $address" test -n "$device"
	cxl_test "its node grows by its blocks" grew "$device"
	cxl_test "it can be offlined" dax_to "$device" offline
done
cxl_end
