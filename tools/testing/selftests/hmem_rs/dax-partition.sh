#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A region in parts, made with daxctl: eight shapes. The region must have a size of 1 GiB or more, and its only device
# must be bound to kmem. Needs daxctl and jq.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

M=$((1 << 20))

available() { cat "$REGION/available_size"; }

# create [ARGUMENT...]: makes a device, prints its name.
create() { daxctl create-device -r "$region" "$@" | jq -er '.[0].chardev'; }

# of DEVICE FILTER: what daxctl lists of it.
of() { daxctl list -M -d "$1" | jq -r ".[0] | $2"; }

# has DEVICE MIB...: it has mappings of these sizes, in this order of their pages, and is as large as they are.
has() {
	local device=$1 want got size=0 part
	shift
	want=$(for part in "$@"; do printf '%s ' $((part * M)); done)
	got=$(of "$device" '.mappings | sort_by(.page_offset) | map("\(.size) ") | add')
	[ "$got" = "$want" ] || { echo "$device has mappings of $got, not $want" && return 1; }
	for part in "$@"; do size=$((size + part * M)); done
	[ "$(cat "$DAX/devices/$device/size")" = $size ]
}

# destroy DEVICE...
destroy() {
	local device
	for device in "$@"; do
		daxctl disable-device "$device" > /dev/null && daxctl destroy-device "$device" > /dev/null || return
		[ ! -e "$DAX/devices/$device" ] || return
	done
}

# resize DEVICE MIB
resize() {
	daxctl disable-device "$1" > /dev/null && daxctl reconfigure-device -s $(($2 * M)) "$1" > /dev/null
}

empty() { [ "$(available)" = "$whole" ]; }

# Nothing is left of a shape, whether it failed or not.
shape() {
	local path result=0
	"$@" || result=1
	for path in "$REGION/.."/dax*.*; do
		[ "${path##*/}" = "$first" ] || destroy "${path##*/}" 2> /dev/null || result=1
	done
	empty && return $result
}

all_of_it() {
	local one
	one=$(create) && has "$one" $((whole / M)) && [ "$(available)" = 0 ] || return
	! create -s $((2 * M)) 2> /dev/null || { echo "more than there is" && return 1; }
}

four_equal() {
	local n part=$((whole / 4 / M)) devices=()
	for n in 0 1 2 3; do
		devices+=("$(create -s $((part * M)))") || return
		has "${devices[n]}" $part || return
		[ "$(of "${devices[n]}" '.mappings[0].start')" = $((base + n * part * M)) ] || return
	done
	[ "$(available)" = 0 ] && destroy "${devices[@]}" && empty
}

of_all_sizes() {
	local size sum=0 device
	for size in 2 6 34 128 250; do
		device=$(create -s $((size * M))) && has "$device" $size || return
		sum=$((sum + size * M))
	done
	[ "$(available)" = $((whole - sum)) ] && device=$(create) && [ "$(available)" = 0 ] &&
		has "$device" $(((whole - sum) / M))
}

# In place of one that is gone comes one that does not fit there.
over_a_hole() {
	local one two three four
	one=$(create -s $((64 * M))) && two=$(create -s $((64 * M))) && three=$(create -s $((64 * M))) || return
	destroy "$two" && four=$(create -s $((96 * M))) && has "$four" 64 32 && has "$one" 64 && has "$three" 64
}

grown() {
	local one two
	one=$(create -s $((64 * M))) && two=$(create -s $((64 * M))) || return
	# The last one grows where it is, the first has a neighbour.
	resize "$two" 128 && has "$two" 128 && resize "$one" 96 && has "$one" 64 32
}

shrunk() {
	local one two
	one=$(create -s $((64 * M))) && two=$(create -s $((64 * M))) && resize "$one" 128 && has "$one" 64 64 &&
		resize "$one" 32 && has "$one" 32 && [ "$(available)" = $((whole - 96 * M)) ] &&
		resize "$one" 64 && has "$one" 64
}

aligned() {
	local one two three
	one=$(create -s $((2 * M)) -a 4096) && [ "$(cat "$DAX/devices/$one/align")" = 4096 ] && has "$one" 2 || return
	destroy "$one" && two=$(create -s $((512 * M)) -a $((2 * M))) &&
		[ "$(cat "$DAX/devices/$two/align")" = $((2 * M)) ] || return
	daxctl disable-device "$two" > /dev/null && daxctl reconfigure-device -s $((512 * M)) -a 4096 "$two" > /dev/null &&
		[ "$(cat "$DAX/devices/$two/align")" = 4096 ] || return
	! create -s $((2 * M)) -a 12288 2> /dev/null || { echo "12288 is no alignment" && return 1; }
	destroy "$two" || return
	# Where the processor has such pages.
	! grep -q pdpe1gb /proc/cpuinfo || { three=$(create -s $((1024 * M)) -a $((1024 * M))) && has "$three" 1024; }
}

# The mappings of a device, listed, and given to a new one.
mapped() {
	local one two three before
	one=$(create -s $((64 * M))) && two=$(create -s $((64 * M))) && resize "$one" 128 && destroy "$two" || return
	daxctl list -M -d "$one" | jq '.[0]' | keep mappings && before=$(of "$one" '.mappings | map([.start, .end])') || return
	destroy "$one" && empty && three=$(create --input "$KEPT/mappings") && has "$three" 64 64 &&
		[ "$(of "$three" '.mappings | map([.start, .end])')" = "$before" ]
}

as_before() { echo "$size" > "$DAX/devices/$first/size" && kmem_bind "$first" && is "$first" offline; }

kmem_begin 1
for program in daxctl jq; do
	command -v $program > /dev/null || skip_all "$program is missing"
done
REGION=$(dirname "$(readlink -f "$DAX/devices/$first")")/dax_region
region=$(cat "$REGION/id") base=$(($(cat "$DAX/devices/$first/resource"))) size=$(cat "$DAX/devices/$first/size")
whole=$(cat "$REGION/size")
[ "$whole" = "$size" ] || skip_all "$first is not all of its region"
[ "$whole" -ge $((1024 * M)) ] || skip_all "$first has less than 1 GiB"
kmem_unbind "$first"
echo 0 > "$DAX/devices/$first/size" || skip_all "$first cannot be made empty"
ktap_set_plan 10
check "one device" shape all_of_it
check "four of equal size" shape four_equal
check "of all sizes, and the rest" shape of_all_sizes
check "over a hole" shape over_a_hole
check "grown, with a neighbour and without" shape grown
check "shrunk, over the border of a mapping" shape shrunk
check "aligned to pages of each size" shape aligned
check "from a list of mappings" shape mapped
check "nothing is left" empty
check "the device is as before" as_before
ktap_finished
