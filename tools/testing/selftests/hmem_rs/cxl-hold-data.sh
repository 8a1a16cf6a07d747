#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Onlines the memory of the dax device at each address, by itself, and checks that data written there comes
# back; then offlines it:
#   cxl-hold-data.sh ADDRESS...
# A tmpfs bound to the device's node holds the data, so the node must have no other memory.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
[ $# -gt 0 ] || cxl_usage "ADDRESS..."

MIB=4
dir=/tmp/hold-data

hold() {
	local node kib
	node=$(cxl_read "/sys/bus/dax/devices/$1/target_node")
	mkdir -p "$dir"
	dd if=/dev/urandom of=/tmp/pattern bs=1M count="$MIB" status=none || return 1
	mount -t tmpfs -o "mpol=bind:$node,size=$((MIB + 1))M" hold-data "$dir" || return 1
	cp /tmp/pattern "$dir/data"
	kib=$(node_kib "$node" Shmem)
	echo "# node $node holds $kib KiB"
	echo 3 > /proc/sys/vm/drop_caches
	# The kernel's count lags a few pages a processor behind.
	cmp /tmp/pattern "$dir/data" && [ "$kib" -ge $((MIB * 1024 * 3 / 4)) ]
}

let_go() {
	umount "$dir"
	dax_to "$1" offline
}

cxl_plan $(($# * 4))
for address; do
	device=$(dax_at "$address")
	cxl_test "there is a dax device at $address" test -n "$device"
	cxl_test "its memory goes online" dax_to "$device" online_movable
	cxl_test "data written to it comes back" hold "$device"
	cxl_test "it can be offlined" let_go "$device"
done
cxl_end
