#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Soft Reserved memory of the kernel's CXL test: where CXL puts a region together it is CXL's, where it cannot
# it is hmem's. The test's memory hangs on a host of its own, hmem_platform.1; what other hosts have must not
# change meanwhile.
#   cxltest-hand-over.sh [ROUNDS]
# Every second round unloads the driver in between. Needs the modules of tools/testing/cxl in the place of the
# kernel's own. Memory must be offline.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
rounds=${1:-1}
modinfo cxl_test > /dev/null 2>&1 || cxl_skip "no module cxl_test"

# The kernel says so each time the driver asks for the test's ranges.
tell='dyndbg="func mock_walk_hmem_resources +p"'
mark() { echo "hand-over: phase $1" > /dev/kmsg; }
asked() { dmesg | sed "1,/hand-over: phase $1\$/d" | grep -q "walk cxl_test resource"; }

# The dax regions below a device.
regions_of() { find "/sys/devices/platform/$1" -type d -name dax_region 2> /dev/null; }
have() { [ -n "$(regions_of "$1")" ]; }
have_not() { ! have "$1"; }

# What the other hosts have.
others() { dax_of hmem_platform.0; }
dax_of() {
	local device
	for device in $(find "/sys/devices/platform/$1" -type d -name 'dax[0-9]*.[0-9]*' 2> /dev/null | sort); do
		echo "${device##*/platform/} $(cxl_read "$device/resource") $(cxl_read "$device/size")" \
			"$(dax_driver "${device##*/}")"
	done
}

# begin WHO WHOM PARAMETER...: loads the test and waits until WHO has the memory; WHOM must not.
begin() {
	local who=$1 whom=$2
	shift 2
	phase=$((phase + 1))
	mark "$phase"
	modprobe cxl_mock_mem && modprobe cxl_test hmem_test=1 "$tell" "$@" || return
	udevadm settle
	cxl_until 30 have "$who" || { echo "# $who got nothing"; return 1; }
	cxl_until 30 all_decided || { echo "# no decision"; return 1; }
	have_not "$whom" || { echo "# $whom has some, too"; return 1; }
	asked "$phase" || { echo "# the driver never asked for the test's ranges"; return 1; }
	[[ $(cxl_read "/sys/module/$HMEM_MODULE/taint") == *O* ]] || { echo "# not the test's driver"; return 1; }
	tools_agree "$who" "$whom"
}

tools_agree() {
	local paths
	paths=$(daxctl list -R | jq -r '(if type == "array" then .[] else . end) | .path')
	[[ $paths != */$1/* || $paths == */$2/* ]] || return 0
	echo "# daxctl list says otherwise: $paths"
	return 1
}

end() {
	modprobe -r cxl_test || return
	udevadm settle
	if have cxl_acpi.0 || have hmem_platform.1; then
		echo "# something is left without cxl_test"
		return 1
	fi
}

reload() {
	local module
	for module in dax_cxl "$HMEM_MODULE"; do
		[ ! -d "/sys/module/$module" ] || rmmod "$module" || return
	done
	modprobe "$HMEM_MODULE" && cxl_until 30 same_others
}

same_others() {
	all_decided || return
	[ "$(others)" = "$before" ] || { echo "# other hosts have: $(others)"; return 1; }
}

# round NUMBER
round() {
	begin cxl_acpi.0 hmem_platform.1 && same_others && end || return
	[ "$(($1 % 2))" = 0 ] || reload || return
	begin hmem_platform.1 cxl_acpi.0 fail_autoassemble=1 && same_others && end
}

before=$(others)
phase=0
cxl_plan "$((rounds + 1))"
for ((number = 1; number <= rounds; number++)); do
	cxl_test "round $number: CXL has what it assembles, hmem what it cannot" round "$number"
done
cxl_test "what other hosts have is what it was" same_others
cxl_end
