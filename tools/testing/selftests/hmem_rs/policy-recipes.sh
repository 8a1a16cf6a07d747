#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipes of Documentation/admin-guide/mm/dax-policy.rst: what each makes of every dax device of the machine,
# be it of memory that firmware set aside, of a CXL region that was there at boot, or of one created later.
#
#   policy-recipes.sh            each recipe set at run time, and applied to what is there
#   policy-recipes.sh as-set     only looks whether what is there obeys the recipe that is the policy
#
#   HMEM_TEST_CREATE=ARGUMENTS   for `cxl create-region`: a region that is created anew under each recipe, of the
#                                first memdev that has no region

# shellcheck source=tools/testing/selftests/hmem_rs/policy-lib.sh
. "$(dirname "$(readlink -f "$0")")/policy-lib.sh"

CXL=/sys/bus/cxl/devices

# All dax devices with their origin, node and first byte: "NAME hmem|cxl NODE START".
memory() {
	local path origin
	for path in "$DAX"/devices/dax*; do
		case $(readlink -f "$path") in
			*/hmem.*) origin=hmem ;;
			*/dax_region*) origin=cxl ;;
			*) continue ;;
		esac
		echo "${path##*/} $origin $(cat "$path/target_node") $(cat "$path/resource")"
	done
}

# wanted RECIPE ORIGIN NODE START: "DRIVER STATE" that the recipe is for, with the state "any" where it says nothing.
wanted() {
	case $1:$2 in
		applications:hmem) echo "device_dax -" ;;
		node:*) [ "$3" = "$node" ] && echo "kmem online_movable" || echo "kmem unplugged" ;;
		regions:cxl) echo "kmem online_movable" ;;
		shared:*) [ $(($4)) = $((start)) ] && echo "device_dax -" || echo "kmem any" ;;
		kernel:hmem) [ "$3" = "$node" ] && echo "kmem online_kernel" || echo "kmem any" ;;
		nothing:*) echo "none -" ;;
		*) echo "kmem any" ;;
	esac
}

# The policy that makes it so, on this machine.
recipe() {
	case $1 in
		applications) echo "hmem:device_dax" ;;
		node) echo "node$node:kmem,online_movable;*:kmem,unplugged" ;;
		regions) echo "cxl:kmem,online_movable" ;;
		shared) echo "$start-$end:device_dax,never-ram" ;;
		kernel) echo "hmem+node$node:kmem,online_kernel" ;;
		nothing) echo "*:none" ;;
	esac
}

# The last one's memory can rarely be taken away again.
RECIPES="nothing applications node regions shared kernel"

# obeyed RECIPE: by every device.
obeyed() {
	local dax origin at_node at driver state any=0
	while read -r dax origin at_node at; do
		any=1
		read -r driver state <<< "$(wanted "$1" "$origin" "$at_node" "$at")"
		wait_for has_driver "$dax" "$driver" || { echo "$dax, $origin at $at: driver $(driver_of "$DAX/devices/$dax"), not $driver" && return 1; }
		case $has_state$state in 0* | *any | *-) continue ;; esac
		is "$dax" "$state" || return
	done <<< "$(memory)"
	[ $any = 1 ]
}

# Takes the memory of a CXL region away, and what `cxl` has to say.
region_down() {
	local dax
	for dax in "$CXL/$1"/dax_region*/dax[0-9]*; do
		[ -e "$dax/size" ] || continue
		dax=${dax##*/}
		[ ! -e "$DAX/devices/$dax/state" ] || write "$dax" unplugged || return
		[ "$(driver_of "$DAX/devices/$dax")" = none ] || offline "$dax" || return
	done
	# Forced: cxl would look for memory to take offline, and fails if there is none.
	cxl disable-region -f "$1" 2>&1
}

# apply RECIPE: to all that is there, as the documentation tells, and to a region that comes later.
apply() {
	local hmem region said
	said=$(set_policy "$(recipe "$1")") || { echo "$(recipe "$1"): $said" && return 1; }
	for region in "$CXL"/region[0-9]*; do
		[ -e "$region" ] || continue
		region=${region##*/}
		region_down "$region" || return
		if [ "$region" = "$created" ]; then
			cxl destroy-region "$region" 2>&1 || return
		else
			cxl enable-region "$region" 2>&1 || return
		fi
	done
	for hmem in $(hmem_devices); do
		rebind "$hmem" || return
	done
	[ -z "${HMEM_TEST_CREATE:-}" ] || create || return
	settle
}

# Prints the first memdev of which no decoder has memory.
free_memdev() {
	local endpoint size used
	for endpoint in "$CXL"/endpoint*; do
		used=0
		for size in "$endpoint"/decoder*/dpa_size; do
			used=$((used + $(cat "$size")))
		done
		[ $used != 0 ] || { readlink -f "$endpoint/uport" && return; }
	done
}

create() {
	local memdev
	memdev=$(free_memdev)
	# shellcheck disable=SC2086 # several words
	cxl create-region $HMEM_TEST_CREATE "${memdev##*/}" 2>&1
}

# The name of the region that this makes; it is the same each time.
create_first() {
	local said
	created=
	[ -n "${HMEM_TEST_CREATE:-}" ] || return 0
	settle
	said=$(create) || skip_all "cxl create-region $HMEM_TEST_CREATE: ${said//$'\n'/ }"
	created=$(sed -n 's/^ *"region":"\(.*\)",*$/\1/p' <<< "$said")
	settle
}

# The recipe that the policy is.
recipe_in_force() {
	local name
	for name in $RECIPES; do
		[ "$(recipe "$name")" != "$had_policy" ] || echo "$name"
	done
}

policy_begin
if [ "${1:-}" = as-set ]; then
	recipe=$(recipe_in_force)
	[ -n "$recipe" ] || skip_all "the policy '$had_policy' is not a recipe"
	create_first
	ktap_set_plan 1
	check "$had_policy" obeyed "$recipe"
	ktap_finished
fi
create_first
# shellcheck disable=SC2086 # several words
set -- $RECIPES
ktap_set_plan $(($# * 2))
for recipe; do
	check "$(recipe "$recipe"): set and applied" apply "$recipe"
	check "$(recipe "$recipe"): obeyed" obeyed "$recipe"
done
ktap_finished
