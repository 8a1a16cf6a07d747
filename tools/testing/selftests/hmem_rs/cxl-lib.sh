# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the cxl-*.sh scripts share: KTAP, and finding devices by address. Names of regions and dax devices
# depend on the order of probing, addresses do not.

# The driver under test: hmem_rs, or dax_hmem for a comparison.
HMEM_MODULE=${HMEM_MODULE:-hmem_rs}
HMEM_TABLE=${HMEM_TABLE:-/sys/kernel/debug/hmem_rs/ranges}
export HMEM_MODULE HMEM_TABLE

cxl_tests=0
cxl_failed=0

# cxl_plan COUNT
cxl_plan() {
	echo "TAP version 13"
	echo "1..$1"
}

# cxl_test NAME COMMAND...: passes if the command does.
cxl_test() {
	local name=$1
	shift
	cxl_tests=$((cxl_tests + 1))
	if "$@"; then
		echo "ok $cxl_tests $name"
	else
		cxl_failed=$((cxl_failed + 1))
		echo "not ok $cxl_tests $name"
	fi
}

cxl_end() {
	echo "# Totals: pass:$((cxl_tests - cxl_failed)) fail:$cxl_failed xfail:0 xpass:0 skip:0 error:0"
	[ "$cxl_failed" = 0 ]
	exit
}

# cxl_skip REASON: nothing here can be tested on this machine.
cxl_skip() {
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit 4
}

cxl_usage() {
	echo "# usage: ${0##*/} $1" >&2
	exit 2
}

# Reads one attribute, without a process.
cxl_read() {
	local value=
	[ ! -e "$1" ] || read -r value < "$1" 2> /dev/null
	printf '%s' "$value"
}

# The dax device that starts at an address.
dax_at() {
	local device
	for device in /sys/bus/dax/devices/*; do
		[ -e "$device/resource" ] || continue
		if [ "$(($(cxl_read "$device/resource")))" = "$(($1))" ] && [ "$(cxl_read "$device/size")" != 0 ]; then
			echo "${device##*/}"
			return 0
		fi
	done
	return 1
}

# The committed CXL region that starts at an address.
region_at() {
	local region
	for region in /sys/bus/cxl/devices/region*; do
		[ "$(cxl_read "$region/commit")" = 1 ] || continue
		if [ "$(($(cxl_read "$region/resource")))" = "$(($1))" ]; then
			echo "${region##*/}"
			return 0
		fi
	done
	return 1
}

dax_driver() {
	local driver
	driver=$(readlink "/sys/bus/dax/devices/$1/driver") || return 1
	echo "${driver##*/}"
}

# The memory blocks of a dax device.
dax_blocks() {
	local device=/sys/bus/dax/devices/$1 start end step block at
	start=$(($(cxl_read "$device/resource")))
	end=$((start + $(cxl_read "$device/size")))
	step=$((0x$(cxl_read /sys/devices/system/memory/block_size_bytes)))
	for ((at = (start + step - 1) / step; (at + 1) * step <= end; at++)); do
		block=/sys/devices/system/memory/memory$at
		[ ! -d "$block" ] || echo "$block"
	done
}

# dax_to DEVICE STATE: puts all its memory blocks into a state (offline, online_movable ...); fails if it has
# no block. A block that was onlined in whatever way reads "online".
dax_to() {
	local block any=1
	for block in $(dax_blocks "$1"); do
		any=0
		[ "$(cxl_read "$block/state")" != "${2%%_*}" ] || continue
		if ! echo "$2" > "$block/state"; then
			echo "# ${block##*/} does not go $2"
			return 1
		fi
	done
	[ "$any" = 0 ] || echo "# $1 has no memory blocks"
	return "$any"
}

# KiB of a kind (MemTotal, Shmem ...) in a node; 0 for a node without memory.
node_kib() {
	local kind kib
	while read -r _ _ kind kib _; do
		[ "$kind" != "$2:" ] || echo "$kib"
	done < "/sys/devices/system/node/node$1/meminfo"
}

# The dax bus in a form that does not depend on names: ADDRESS SIZE DRIVER PARENT-KIND, ascending.
dax_picture() {
	local device parent
	for device in /sys/bus/dax/devices/*; do
		[ -e "$device" ] || continue
		parent=$(readlink -f "$device/..")
		parent=${parent##*/}
		printf '%s %s %s %s\n' "$(cxl_read "$device/resource")" "$(cxl_read "$device/size")" \
			"$(dax_driver "${device##*/}" || echo none)" "${parent%%[.0-9]*}"
	done | sort
}

# cxl_until SECONDS COMMAND...: waits until the command succeeds.
cxl_until() {
	local left=$(($1 * 5))
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.2
	done
}

# Whether the driver has decided about every range; a driver without a table is asked by its devices.
all_decided() {
	[ -e "$HMEM_TABLE" ] || return 0
	! grep -q "state waiting" "$HMEM_TABLE"
}

# is_picture TEXT: whether the dax bus looks like that, with every range decided.
is_picture() {
	all_decided && [ "$(dax_picture)" = "$1" ]
}

# becomes_picture TEXT: waits until it does, and shows how it differs if it does not.
becomes_picture() {
	cxl_until 30 is_picture "$1" && return
	diff <(echo "$1") <(dax_picture) | sed 's/^/# /'
	[ ! -e "$HMEM_TABLE" ] || sed 's/^/# /' "$HMEM_TABLE"
	return 1
}
