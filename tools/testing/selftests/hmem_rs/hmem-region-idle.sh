#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# region_idle: regions come up without a sized dax device, for the administrator to part them. Set when the
# module is loaded it holds for all regions, set at run time for those bound afterwards.

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

idle() {
	cat "/sys/module/$HMEM_MODULE/parameters/region_idle"
}

load_idle() {
	unload && load "$HMEM_MODULE" region_idle=1 && settle
	[ "$(idle)" = Y ] || { echo "region_idle is $(idle)" && return 1; }
}

# Whether all dax devices of a region have no size and no driver.
region_is_idle() {
	local dax
	[ -n "$(dax_below "$1")" ] || { echo "$1 has no dax device" && return 1; }
	for dax in $(dax_below "$1"); do
		[ "$(cat "$DAX/devices/$dax/size")" = 0 ] || { echo "$dax has $(cat "$DAX/devices/$dax/size") bytes" && return 1; }
		[ "$(driver_of "$DAX/devices/$dax")" = none ] || { echo "$dax is bound" && return 1; }
	done
}

# The hmem devices are those that there were.
none_missing() {
	diff <(echo "$all") <(hmem_devices)
}

all_idle() {
	local hmem
	none_missing || return
	for hmem in $(hmem_devices); do
		region_is_idle "$hmem" || return
	done
}

# Two halves of the first region, in mode devdax.
partition() {
	local region=${one#hmem.} size
	size=$(($(cat "$PLATFORM/devices/$one/dax_region/size") / 2))
	daxctl create-device -r "$region" -s "$size" && daxctl create-device -r "$region" -s "$size" && settle
	[ "$(dax_sizes)" = "$size device_dax $size device_dax " ] || { dax_sizes && return 1; }
	[ "$(cat "$PLATFORM/devices/$one/dax_region/available_size")" = 0 ] || { echo "bytes are left" && return 1; }
}

# Sizes and drivers of the devices that have bytes: the first one of a region stays, empty.
dax_sizes() {
	local dax
	for dax in $(dax_below "$one"); do
		attribute "$DAX/devices/$dax/size"
		[ "$REPLY" = 0 ] || echo -n "$REPLY $(driver_of "$DAX/devices/$dax") "
	done
}

give_back() {
	local dax
	for dax in $(dax_below "$one"); do
		daxctl disable-device "$dax" && daxctl destroy-device "$dax"
	done > /dev/null 2>&1
	# The first device of a region cannot be destroyed; without its bytes it is as good.
	[ "$(cat "$PLATFORM/devices/$one/dax_region/available_size")" = "$(cat "$PLATFORM/devices/$one/dax_region/size")" ]
}

load_busy() {
	unload && load "$HMEM_MODULE" && same_state "$before"
}

# At run time, only a region that is bound afterwards is idle.
one_idle() {
	local other
	echo "$1" > "/sys/module/$HMEM_MODULE/parameters/region_idle" || return
	[ "$(idle)" = Y ] || { echo "region_idle is $(idle)" && return 1; }
	unbind hmem "$one" && bind hmem "$one" && settle
	none_missing && region_is_idle "$one" || return
	for other in $(hmem_devices); do
		[ "$other" = "$one" ] || ! region_is_idle "$other" > /dev/null || { echo "$other is idle, too" && return 1; }
	done
}

all_back() {
	echo "$1" > "/sys/module/$HMEM_MODULE/parameters/region_idle" || return
	unbind hmem "$one" && bind hmem "$one" && same_state "$before"
}

refuses() {
	! echo maybe > "/sys/module/$HMEM_MODULE/parameters/region_idle" 2> /dev/null
}

hmem_begin_destructive
command -v daxctl > /dev/null || skip_all "daxctl is not installed"
[ "$(idle)" = N ] || skip_all "region_idle is set"
all=$(hmem_devices)
one=${all%%$'\n'*}
before=$(hmem_state)
ktap_set_plan 10
check "loaded with region_idle=1" load_idle
check "every region is idle" all_idle
check "daxctl makes two devices of $one" partition
check "and gives its bytes back" give_back
check "loaded without it, all is as before" load_busy
check "region_idle=Y while running: $one is idle when bound anew" one_idle Y
check "region_idle=N: $one is as before when bound anew" all_back N
check "region_idle=1 works as Y does" one_idle 1
check "region_idle=0 works as N does" all_back 0
check "region_idle takes no other word" refuses
ktap_finished
