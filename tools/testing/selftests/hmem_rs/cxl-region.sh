#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Takes a CXL region down, or makes one, with cxl-cli as an administrator would:
#   cxl-region.sh destroy ADDRESS
#   cxl-region.sh create ADDRESS SIZE MEMDEV

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh

gone() { ! region_at "$1" > /dev/null && ! dax_at "$1" > /dev/null; }
is_offline() {
	local block
	for block in $(dax_blocks "$(dax_at "$1")"); do
		[ "$(cxl_read "$block/state")" = offline ] || return 1
	done
}
# cxl-cli tells what it did on stderr.
quietly() { "$@" > /tmp/cxl-region.log 2>&1 || { sed 's/^/# /' /tmp/cxl-region.log; return 1; }; }

destroy() {
	local region
	region=$(region_at "$1") || cxl_skip "no region at $1"
	cxl_plan 4
	cxl_test "the memory of $region is offline" is_offline "$1"
	cxl_test "$region is disabled" quietly cxl disable-region "$region"
	cxl_test "$region is destroyed" quietly cxl destroy-region "$region"
	cxl_test "its region and dax device are gone" gone "$1"
}

bound() { [ "$(dax_driver "$(dax_at "$1")" 2> /dev/null)" = kmem ]; }
is_sized() { [ "$(($(cxl_read "/sys/bus/cxl/devices/$(region_at "$1")/size")))" = "$(($2))" ]; }

create() {
	cxl_plan 3
	cxl_test "a region is created" quietly cxl create-region -d decoder0.0 -t ram -s "$(($2))" -m "$3"
	cxl_test "it lies at $1 and has $2" is_sized "$1" "$2"
	cxl_test "its dax device is bound to kmem" cxl_until 30 bound "$1"
}

case $#:$1 in
2:destroy) destroy "$2" ;;
4:create) create "$2" "$3" "$4" ;;
*) cxl_usage "destroy ADDRESS | create ADDRESS SIZE MEMDEV" ;;
esac
cxl_end
