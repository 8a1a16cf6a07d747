#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loads the CXL modules and the driver in random orders, one after another or all at once: each time the same
# devices must come.
#   cxl-load-order.sh COUNT [SEED]
# Nothing else may load modules meanwhile (no udev), and none of these may be loaded or in use.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
[ $# -gt 0 ] || cxl_usage "COUNT [SEED]"
count=$1
RANDOM=${2:-1}
modules=(cxl_acpi cxl_pci cxl_port cxl_mem dax_cxl "$HMEM_MODULE" kmem)

# Takes away what the last round loaded, users first; what stays in use is tried again.
unload() {
	local round module
	for round in 1 2 3 4 5 6; do
		for module in dax_cxl "$HMEM_MODULE" kmem cxl_mem cxl_pci cxl_acpi cxl_pmem cxl_port cxl_core; do
			[ ! -d "/sys/module/$module" ] || rmmod "$module" 2> /dev/null
		done
		[ -d /sys/module/cxl_core ] || [ -d "/sys/module/$HMEM_MODULE" ] || return 0
	done
	echo "# cannot unload: $(lsmod | awk '{ print $1 }' | tr '\n' ' ')"
	return 1
}

# The modules in a random order, in the array of that name.
shuffle() {
	local at other swap
	order=("${modules[@]}")
	for ((at = ${#order[@]} - 1; at > 0; at--)); do
		other=$((RANDOM % (at + 1)))
		swap=${order[at]} order[at]=${order[other]} order[other]=$swap
	done
}

load() {
	local module
	for module in "${order[@]}"; do
		if [ "$1" = together ]; then
			modprobe "$module" &
		else
			modprobe "$module"
		fi
	done
	wait
}

# Regions first: what the rule gives when CXL had all the time it wants.
settled() {
	local last now=
	while
		last=$now
		sleep 0.5
		now=$(dax_picture)
		[ -z "$now" ] || [ "$now" != "$last" ]
	do :; done
	echo "$now"
}

all_orders() {
	local round way
	for ((round = 1; round <= count; round++)); do
		unload || return 1
		shuffle
		way=$([ $((round % 3)) = 0 ] && echo together || echo "one after another")
		load "$way"
		becomes_picture "$picture" && continue
		echo "# round $round: not the same devices after loading ${order[*]}, $way"
		return 1
	done
}

order=("${modules[@]}")
load first
picture=$(settled)
echo "# ${picture//$'\n'/$'\n# '}"

cxl_plan 2
cxl_test "there are devices" test -n "$picture"
cxl_test "the same come in $count orders" all_orders
cxl_end
