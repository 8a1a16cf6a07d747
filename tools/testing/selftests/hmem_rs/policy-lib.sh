# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who read this in
#
# What the tests of the policy share. They take hmem devices away and bring them back under other policies,
# so HMEM_TEST_DESTRUCTIVE=1 must allow it, and nothing may use the memory. At the end the policy is as it was.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

POLICY=/sys/module/dax/parameters/policy

# Begins a test that may run on any machine with a hmem device, of which the first is $one, and $name the dax
# device of it. Both names stay.
policy_begin() {
	ktap_print_header
	[ "$(id -u)" = 0 ] || skip_all "run as root"
	[ "${HMEM_TEST_DESTRUCTIVE:-}" = 1 ] ||
		skip_all "takes dax devices away for a moment: set HMEM_TEST_DESTRUCTIVE=1 to allow it"
	[ -e "$POLICY" ] || skip_all "this kernel has no policy"
	one=$(hmem_devices | head -n 1)
	[ -n "$one" ] || skip_all "there is no hmem device"
	name=$(dax_below "$one" | head -n 1)
	range_of_one || skip_all "where $one lies is not told"
	node=$(cat "$DAX/devices/$(dax_below "$one" | head -n 1)/target_node" 2> /dev/null)
	had_policy=$(policy)
	has_state=0
	! dax_with_state > /dev/null || has_state=1
	KEPT=$(mktemp -d)
	trap 'set_policy "$had_policy" > /dev/null; rm -rf "$KEPT"' EXIT
}

# Whether the kmem that is bound tells its state.
dax_with_state() {
	ls "$KMEM"/dax*/state 2> /dev/null
}

# The first and the last byte of $one, in $start and $end.
range_of_one() {
	local dax
	dax=$(dax_below "$one" | head -n 1)
	start=$(cat "$DAX/devices/$dax/resource" 2> /dev/null) || return
	end=$(printf '%#x' $((start + $(cat "$PLATFORM/devices/$one/dax_region/size") - 1)))
}

policy() { cat "$POLICY"; }
set_policy() { store "$POLICY" "$1\n"; }

# The two lines of what a region carries, the name of the device given.
actions_of() { sed -n 1p "$PLATFORM/devices/$1/dax_region/policy"; }
source_of() { sed -n 2p "$PLATFORM/devices/$1/dax_region/policy"; }

# Takes the memory of a hmem device away, and the device from its driver.
hmem_unbind() {
	local dax
	for dax in $(dax_below "$1"); do
		[ ! -e "$DAX/devices/$dax/state" ] || write "$dax" unplugged > /dev/null || return
		[ "$(driver_of "$DAX/devices/$dax")" = none ] || offline "$dax" || return
	done
	unbind hmem "$1"
}

# Takes what is online of a device offline: a kmem without a state leaves that to others.
offline() {
	local block
	for block in $(blocks "$1"); do
		[ "$(cat "$MEMORY/memory$block/state" 2> /dev/null)" != online ] || echo offline > "$MEMORY/memory$block/state" || return
	done
}

rebind() {
	hmem_unbind "$1" && bind hmem "$1" && settle
}

# under POLICY: set, and $one bound anew.
under() {
	local said
	said=$(set_policy "$1") || { echo "$1: $said" && return 1; }
	rebind "$one"
}

# becomes DRIVER [STATE]: the only dax device of $one.
becomes() {
	local dax now
	dax=$(dax_below "$one")
	wait_for has_driver "$dax" "$1"
	now=$(driver_of "$DAX/devices/$dax")
	[ "$now" = "$1" ] || { echo "$dax: driver $now, not $1" && return 1; }
	[ $# = 1 ] || [ "$has_state" = 0 ] || is "$dax" "$2"
}

has_driver() { [ "$(driver_of "$DAX/devices/$1")" = "$2" ]; }

# rule TEXT DRIVER [STATE]: what one rule for everything makes of $one.
rule() {
	under "*:$1" || return
	[ "$(source_of "$one")" = "rule 1: *:$1" ] || { source_of "$one" && return 1; }
	[ "$(actions_of "$one")" = "$1" ] || { actions_of "$one" && return 1; }
	shift
	becomes "$@"
}
