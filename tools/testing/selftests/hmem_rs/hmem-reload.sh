#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unloads and loads the driver many times, by its own name and as dax_hmem. Each time everything must be as
# before.
#
#   HMEM_TEST_COUNT=N   how often (20)

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

count=${HMEM_TEST_COUNT:-20}

# reload NAME: COUNT times.
reload() {
	local round
	for ((round = 1; round <= count; round++)); do
		unload || { echo "unload, round $round" && return 1; }
		[ -z "$(hmem_devices)" ] || { echo "devices are left in round $round: $(hmem_devices)" && return 1; }
		load "$1" || { echo "load, round $round" && return 1; }
		[ -d "/sys/module/$HMEM_MODULE" ] || { echo "modprobe $1 did not load $HMEM_MODULE" && return 1; }
		same_state "$before" || { echo "changed in round $round" && return 1; }
	done
}

hmem_begin_destructive
before=$(hmem_state)
if [ "$HMEM_MODULE" = dax_hmem ]; then
	ktap_set_plan 1
else
	ktap_set_plan 2
	check "loaded as $HMEM_MODULE $count times" reload "$HMEM_MODULE"
fi
check "loaded as dax_hmem $count times" reload dax_hmem
ktap_finished
