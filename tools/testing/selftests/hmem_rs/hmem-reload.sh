#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unloads and loads the driver many times, in turn by its own name and as dax_hmem, which scripts use. Each time
# everything must be as before.
#
#   HMEM_TEST_COUNT=N   how often (20)

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

count=${HMEM_TEST_COUNT:-20}

# reload NAME
reload() {
	unload || { echo "unload" && return 1; }
	[ -z "$(hmem_devices)" ] || { echo "devices are left: $(hmem_devices)" && return 1; }
	load "$1" || { echo "load" && return 1; }
	[ -d "/sys/module/$HMEM_MODULE" ] || { echo "modprobe $1 did not load $HMEM_MODULE" && return 1; }
	same_state "$before"
}

reload_in_turn() {
	local round name=dax_hmem
	for ((round = 1; round <= count; round++)); do
		if [ "$name" = dax_hmem ]; then name=$HMEM_MODULE; else name=dax_hmem; fi
		reload "$name" || { echo "in round $round, as $name" && return 1; }
	done
}

hmem_begin_destructive
before=$(hmem_state)
ktap_set_plan 1
check "loaded $count times as $HMEM_MODULE and as dax_hmem" reload_in_turn
ktap_finished
