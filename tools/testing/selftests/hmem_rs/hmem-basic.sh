#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks at what the hmem driver made of Soft Reserved memory, and changes nothing.

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

drivers_are_there() {
	[ -d "$PLATFORM/drivers/hmem" ] && [ -d "$PLATFORM/drivers/hmem_platform" ]
}

# A device that the driver refused stays, without a driver; all others have a region with their number.
regions_have_the_number() {
	local hmem
	for hmem in $(hmem_devices); do
		[ "$(driver_of "$PLATFORM/devices/$hmem")" = hmem ] || continue
		[ "$(cat "$PLATFORM/devices/$hmem/dax_region/id")" = "${hmem#hmem.}" ] || { echo "$hmem" && return 1; }
	done
}

below_the_host() {
	local hmem
	for hmem in $(hmem_devices); do
		case $(readlink -f "$PLATFORM/devices/$hmem") in
		*/hmem_platform.*/"$hmem") ;;
		*) echo "$hmem is $(readlink -f "$PLATFORM/devices/$hmem")" && return 1 ;;
		esac
	done
}

each_has_a_dax_device() {
	local hmem
	for hmem in $(hmem_devices); do
		[ "$(driver_of "$PLATFORM/devices/$hmem")" = hmem ] || continue
		case $(dax_below "$hmem") in
		"dax${hmem#hmem.}."*) ;;
		*) echo "$hmem has '$(dax_below "$hmem")'" && return 1 ;;
		esac
	done
}

aligned() {
	local hmem dax align
	for hmem in $(hmem_devices); do
		for dax in $(dax_below "$hmem"); do
			align=$(cat "$DAX/devices/$dax/align")
			[ $(($(cat "$DAX/devices/$dax/resource") % align)) = 0 ] || { echo "start of $dax" && return 1; }
			[ $(($(cat "$DAX/devices/$dax/size") % align)) = 0 ] || { echo "size of $dax" && return 1; }
		done
	done
}

parameter() {
	local file=/sys/module/$HMEM_MODULE/parameters/region_idle
	[ "$(stat -c %a "$file")" = 644 ] || { stat -c '%n %a' "$file" && return 1; }
	case $(cat "$file") in
	Y | N) ;;
	*) echo "region_idle is $(cat "$file")" && return 1 ;;
	esac
}

aliases() {
	local alias
	# The name is fixed for scripts; the others are how udev finds the module.
	for alias in dax_hmem platform:hmem platform:hmem_platform; do
		modprobe -n -q "$alias" || { echo "modprobe $alias finds nothing" && return 1; }
		modprobe --show-depends "$alias" 2>&1 | grep -q "$HMEM_MODULE" || {
			echo "modprobe $alias finds $(modprobe --show-depends "$alias" 2>&1)" && return 1
		}
	done
}

daxctl_lists() {
	local dax listed
	listed=$(daxctl list -RDi) || return
	for dax in $(for hmem in $(hmem_devices); do dax_below "$hmem"; done); do
		grep -q "\"$dax\"" <<< "$listed" || { echo "not listed: $dax" && return 1; }
	done
}

# check_devices DESCRIPTION COMMAND...: a test that says something only if there are hmem devices.
check_devices() {
	if [ -n "$(hmem_devices)" ]; then check "$@"; else ktap_test_skip "$1: there is no hmem device"; fi
}

hmem_begin
ktap_set_plan 8
check "both drivers are registered" drivers_are_there
check_devices "hmem devices lie below their host" below_the_host
check_devices "dax regions have the numbers of their devices" regions_have_the_number
check_devices "each bound hmem device has dax devices of its number" each_has_a_dax_device
check_devices "dax devices are aligned" aligned
check "region_idle is a parameter that root may write" parameter
check "the module is found by its aliases" aliases
if command -v daxctl > /dev/null; then
	check_devices "daxctl lists the dax devices" daxctl_lists
else
	ktap_test_skip "daxctl lists the dax devices"
fi
ktap_finished
