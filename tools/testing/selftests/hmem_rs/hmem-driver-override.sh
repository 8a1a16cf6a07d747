#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# driver_override lets root bind a driver to any platform device. A device that is not hmem's must be refused
# with an error. dax_hmem takes its platform data for its own and oopses, so it is not asked.

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

# A platform device without a driver that is none of ours.
foreign_device() {
	local path
	for path in "$PLATFORM"/devices/*; do
		case ${path##*/} in
		hmem.* | hmem_platform.*) continue ;;
		esac
		[ -w "$path/driver_override" ] && [ "$(driver_of "$path")" = none ] && echo "${path##*/}" && return 0
	done
	return 1
}

# refused DRIVER
refused() {
	local path=$PLATFORM/devices/$foreign said
	echo "$1" > "$path/driver_override" || return
	if said=$( (echo "$foreign" > "$PLATFORM/drivers/$1/bind") 2>&1); then
		echo "bind returned no error"
		unbind "$1" "$foreign"
		return 1
	fi
	echo "bind said: $said"
	[ "$(driver_of "$path")" = none ]
}

clean_up() {
	printf '\n' > "$PLATFORM/devices/$foreign/driver_override"
}

hmem_begin
[ "$HMEM_MODULE" = hmem_rs ] || skip_all "$HMEM_MODULE oopses on this"
[ "${HMEM_TEST_DESTRUCTIVE:-}" = 1 ] ||
	skip_all "binds a driver to a device it is not made for: set HMEM_TEST_DESTRUCTIVE=1 to allow it"
foreign=$(foreign_device) || skip_all "every platform device has a driver"
trap clean_up EXIT
before=$(hmem_state)
ktap_set_plan 3
check "hmem refuses $foreign" refused hmem
check "hmem_platform refuses $foreign" refused hmem_platform
check "the hmem devices are as before" same_state "$before"
ktap_finished
