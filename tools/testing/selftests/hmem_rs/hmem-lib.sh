# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who read this in
#
# What the tests of the hmem driver share. They work with either driver, hmem_rs or dax_hmem, on any machine
# with Soft Reserved memory:
#
#   HMEM_TEST_DESTRUCTIVE=1   also do what takes dax devices away for a moment (never done while their memory
#                             is online). Without it such tests skip.
#   HMEM_MODULE=NAME          the module under test. Default: the one that is loaded.

PLATFORM=/sys/bus/platform
DAX=/sys/bus/dax
TABLE=/sys/kernel/debug/hmem_rs/ranges

DIR=$(dirname "$(readlink -f "$0")")
if [ -r "$DIR/../kselftest/ktap_helpers.sh" ]; then
	# shellcheck disable=SC1091
	. "$DIR/../kselftest/ktap_helpers.sh"
else
	# Outside a kernel tree: the same names, and as much of them as is used here.
	KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4
	ktap_count=0 ktap_failed=0 ktap_skipped=0 ktap_planned=0
	ktap_print_header() { echo "TAP version 13"; }
	ktap_print_msg() { echo "# $*"; }
	ktap_set_plan() { ktap_planned=$1 && echo "1..$1"; }
	ktap_skip_all() { echo "1..0 # SKIP $*"; }
	ktap_test_pass() { ktap_count=$((ktap_count + 1)) && echo "ok $ktap_count $*"; }
	ktap_test_fail() { ktap_count=$((ktap_count + 1)) && ktap_failed=$((ktap_failed + 1)) && echo "not ok $ktap_count $*"; }
	ktap_test_skip() { ktap_count=$((ktap_count + 1)) && ktap_skipped=$((ktap_skipped + 1)) && echo "ok $ktap_count $* # SKIP"; }
	ktap_finished() {
		echo "# Totals: pass:$((ktap_count - ktap_failed - ktap_skipped)) fail:$ktap_failed skip:$ktap_skipped"
		[ "$ktap_failed" = 0 ] && [ "$ktap_count" = "$ktap_planned" ] && exit "$KSFT_PASS"
		exit "$KSFT_FAIL"
	}
fi

# check DESCRIPTION COMMAND...: a test that passes if the command does. What the command prints is shown only
# if it fails.
check() {
	local description=$1 said
	shift
	if said=$("$@" 2>&1); then
		ktap_test_pass "$description"
	else
		[ -z "$said" ] || while IFS= read -r line; do ktap_print_msg "$line"; done <<< "$said"
		ktap_test_fail "$description"
	fi
}

skip_all() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

# Begins a test: header, and what every test needs.
hmem_begin() {
	ktap_print_header
	[ "$(id -u)" = 0 ] || skip_all "run as root"
	if [ -z "${HMEM_MODULE:-}" ]; then
		for HMEM_MODULE in hmem_rs dax_hmem; do
			[ ! -d "/sys/module/$HMEM_MODULE" ] || break
		done
	fi
	[ -d "/sys/module/$HMEM_MODULE" ] || skip_all "$HMEM_MODULE is not loaded"
}

hmem_begin_destructive() {
	hmem_begin
	[ "${HMEM_TEST_DESTRUCTIVE:-}" = 1 ] ||
		skip_all "takes dax devices away for a moment: set HMEM_TEST_DESTRUCTIVE=1 to allow it"
	[ -n "$(hmem_devices)" ] || skip_all "there is no hmem device"
	[ -z "$(online_blocks)" ] || skip_all "memory of a dax device is online, as memory blocks $(online_blocks)"
}

# Names of the hmem.N devices, in the order of their numbers.
hmem_devices() {
	local path
	for path in "$PLATFORM"/devices/hmem.*; do
		[ ! -e "$path" ] || echo "${path##*.}"
	done | sort -n | sed 's/^/hmem./'
}

# Names of the dax devices below a device.
dax_below() {
	local path
	for path in "$PLATFORM/devices/$1"/dax[0-9]*; do
		[ ! -e "$path/size" ] || echo "${path##*/}"
	done
}

# attribute FILE: its first line, in REPLY. Without a process: those are what a round costs.
attribute() {
	REPLY=
	[ ! -e "$1" ] || read -r REPLY < "$1" || :
}

# driver PATH: the driver of a device, or "none", in REPLY.
driver() {
	REPLY=none
	[ ! -e "$1/driver" ] || { cd -P "$1/driver" && REPLY=${PWD##*/}; }
}

driver_of() {
	driver "$1"
	echo "$REPLY"
}

# The state that must come back after whatever a test does: each hmem device, its dax devices, what they map
# and who drives them.
hmem_state() {
	local hmem dax path attribute
	for hmem in "$PLATFORM"/devices/hmem.*; do
		[ -e "$hmem" ] || continue
		driver "$hmem"
		echo "${hmem##*/} $REPLY"
		for path in "$hmem"/dax[0-9]*; do
			[ -e "$path/size" ] || continue
			dax=${path##*/}
			for attribute in resource size target_node; do
				attribute "$path/$attribute"
				dax="$dax $REPLY"
			done
			driver "$path"
			echo "  $dax $REPLY"
		done
	done
}

# Memory blocks of dax devices that are online.
online_blocks() {
	local size range start end block
	size=$(cat /sys/devices/system/memory/block_size_bytes 2> /dev/null) || return 0
	sed -n 's/^ *\([0-9a-f]*-[0-9a-f]*\) : dax[0-9.]*$/\1/p' /proc/iomem | while read -r range; do
		start=0x${range%-*} end=0x${range#*-}
		for ((block = start / 0x$size; block <= end / 0x$size; block++)); do
			[ "$(cat "/sys/devices/system/memory/memory$block/state" 2> /dev/null)" != online ] || printf '%s ' "$block"
		done
	done
}

# wait_for COMMAND...: up to 20 seconds.
wait_for() {
	local try
	for ((try = 0; try < 200; try++)); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# Nothing is loading, and the driver has decided about every range.
settle() {
	! command -v udevadm > /dev/null || udevadm settle --timeout=30
	wait_for decided
}

decided() {
	[ ! -r "$TABLE" ] || [[ $(< "$TABLE") != *"state waiting"* ]]
}

# same_state BEFORE: whether it is like that again, and the difference if not. Drivers bind a moment after
# the device has appeared, and the driver may decide later still.
same_state() {
	local now try
	for ((try = 0; try < 200; try++)); do
		now=$(hmem_state)
		[ "$now" != "$1" ] || ! decided || return 0
		sleep 0.1
	done
	diff <(echo "$1") <(echo "$now")
}

unbind() {
	echo "$2" > "$PLATFORM/drivers/$1/unbind"
}

bind() {
	echo "$2" > "$PLATFORM/drivers/$1/bind"
}

# dax_cxl uses the driver, so it goes first. Events of its devices that udev has not seen yet would load it again.
had_dax_cxl=0
unload() {
	settle || return
	if [ -d /sys/module/dax_cxl ]; then
		had_dax_cxl=1
		rmmod dax_cxl || return
	fi
	rmmod "$HMEM_MODULE"
}

# load NAME [PARAMETER...]: and dax_cxl again, where it was.
load() {
	modprobe "$@" || return
	[ "$had_dax_cxl" != 1 ] || modprobe dax_cxl
}
