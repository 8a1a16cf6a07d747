#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The memory of a device joins a node that has other memory already, of another type. The node stays in the tier of
# its first memory, whatever is bound and unbound.
#
# Needs a node whose other memory can be taken offline, like that of a DIMM which was plugged in.
#
# Fails with the driver kmem that is written in C: it takes back a count that it did not take. With the node's last
# user of the type gone, the kernel would follow a null pointer when the DIMM goes offline, so that this does not unbind
# twice.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

# The tiers that the node is in.
tiers() {
	local tier low high
	for tier in /sys/devices/virtual/memory_tiering/memory_tier*; do
		tr , '\n' < "$tier/nodelist" | while IFS=- read -r low high; do
			[ "$node" -lt "$low" ] || [ "$node" -gt "${high:-$low}" ] || echo "${tier##*/}"
		done
	done
}

# dimm STATE: for all other memory of the node.
dimm() {
	local block
	for block in "${dimm[@]}"; do
		[ "$(cat "$block/state")" = "$1" ] || echo "$1" > "$block/state" || return
	done
}

same_tier() {
	local now
	now=$(tiers)
	[ "$now" = "$(kept tier)" ] || { echo "node $node is in ${now//$'\n'/ and }, was in $(kept tier)" && return 1; }
}

in_a_tier() {
	dimm online_movable && tiers | keep tier && [ "$(kept tier | wc -l)" = 1 ]
}

bound() { kmem_bind "$first" && same_tier; }

bound_and_unbound() { kmem_unbind "$first" && same_tier && kmem_bind "$first" && same_tier; }

dimm_back() { dimm offline && dimm online_movable && same_tier; }

with_memory() {
	write "$first" unplugged && write "$first" online_movable && same_tier && write "$first" unplugged && same_tier &&
		dimm_back
}

kmem_begin 1
node=$(cat "$DAX/devices/$first/target_node")
dimm=("/sys/devices/system/node/node$node"/memory[0-9]*)
[ -e "${dimm[0]}" ] || skip_all "node $node has no other memory"
dimm offline 2> /dev/null || skip_all "the other memory of node $node is in use"
# The first device must be bound while the node has a type already, from the DIMM and from nobody else.
for device in "${devices[@]}"; do
	kmem_unbind "$device"
done
ktap_set_plan 5
check "the DIMM brings the node into a tier" in_a_tier
check "binding does not change it" bound
check "nor unbinding and binding again" bound_and_unbound
check "nor taking the DIMM offline and back" dimm_back
check "nor memory that comes and goes" with_memory
ktap_finished
