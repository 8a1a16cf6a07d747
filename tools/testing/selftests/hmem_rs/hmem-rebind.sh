#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unbinds and binds one hmem device, and then the host of all of them, many times. Each time everything must
# be as before.
#
#   HMEM_TEST_COUNT=N   how often (50)

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

count=${HMEM_TEST_COUNT:-50}

bound_hmem_device() {
	local hmem
	for hmem in $(hmem_devices); do
		[ "$(driver_of "$PLATFORM/devices/$hmem")" != hmem ] || { echo "$hmem" && return 0; }
	done
	return 1
}

# rebind DRIVER DEVICE: COUNT times.
rebind() {
	local round
	for ((round = 1; round <= count; round++)); do
		unbind "$1" "$2" || { echo "unbind, round $round" && return 1; }
		driver "$PLATFORM/devices/$2"
		[ "$REPLY" = none ] || { echo "still bound in round $round" && return 1; }
		bind "$1" "$2" || { echo "bind, round $round" && return 1; }
		same_state "$before" || { echo "changed in round $round" && return 1; }
	done
}

no_hmem_device() {
	unbind hmem_platform "$host" || return
	[ -z "$(hmem_devices)" ] || { hmem_devices && return 1; }
}

bind_host() {
	bind hmem_platform "$host" && same_state "$before"
}

hmem_begin_destructive
one=$(bound_hmem_device) || skip_all "no hmem device is bound"
host=$(basename "$(dirname "$(readlink -f "$PLATFORM/devices/$one")")")
before=$(hmem_state)
ktap_set_plan 4
check "$one bound anew $count times" rebind hmem "$one"
check "without its driver $host has no hmem device" no_hmem_device
check "$host bound again" bind_host
check "$host bound anew $count times" rebind hmem_platform "$host"
ktap_finished
