#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Programs that numactl bound to the node work on their data while its memory is taken away under them, and
# brought back, and taken away. Needs numactl and perl.
#
#   HMEM_TEST_COUNT=N   programs at the same time (3)

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

count=${HMEM_TEST_COUNT:-3}

# Starts the programs; each has its memory on the node, the node has no other.
on_the_node() {
	local n
	write "$first" online_movable || return
	for ((n = 0; n < count; n++)); do
		hold "program-$n" use "$node" || return
	done
}

# Pages in use: MemUsed of the node in MiB.
node_used() { awk '$3 == "MemUsed:" { print int($4 / 1024) }' "/sys/devices/system/node/node$node/meminfo"; }

in_use() {
	local used
	used=$(node_used)
	[ "$used" -ge $((count * 16)) ] || { echo "only $used MiB of node $node are in use" && return 1; }
}

away() { write "$first" unplugged && gone "$first"; }

and_back() { write "$first" online_movable && away; }

all_right() { eval "let_go program-{0..$((count - 1))}"; }

kmem_begin 1
for program in numactl perl; do
	command -v $program > /dev/null || skip_all "$program is missing"
done
node=$(cat "$DAX/devices/$first/target_node")
ktap_set_plan 6
check "$count programs work on memory of the node" on_the_node
check "which is in use" in_use
check "it goes away under them" away
check "and comes back, and goes away again" and_back
check "their data is right" all_right
check "unplugged in the end" gone "$first"
ktap_finished
