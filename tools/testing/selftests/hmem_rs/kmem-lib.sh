# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who read this in
#
# What the tests of the kmem driver share. They take the memory of all devices that kmem is bound to online
# and away, and unbind the driver from them, so HMEM_TEST_DESTRUCTIVE=1 must allow it, and nothing may use the
# memory.

# shellcheck source=tools/testing/selftests/hmem_rs/hmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/hmem-lib.sh"

KMEM=$DAX/drivers/kmem
MEMORY=/sys/devices/system/memory
SET_STATE=$KMEM/set_state
INJECT=/sys/kernel/debug/notifier-error-inject/memory/actions

# Names of the devices that kmem is bound to, in the order of their numbers.
kmem_devices() {
	local path
	for path in "$KMEM"/dax[0-9]*; do
		[ ! -e "$path/state" ] || echo "${path##*/dax}"
	done | sort -t. -k1n -k2n | sed 's/^/dax/'
}

# kmem_begin [NUMBER]: there are so many devices, one if not given, and all are unplugged.
kmem_begin() {
	local device
	ktap_print_header
	[ "$(id -u)" = 0 ] || skip_all "run as root"
	[ "${HMEM_TEST_DESTRUCTIVE:-}" = 1 ] ||
		skip_all "takes the memory of dax devices away: set HMEM_TEST_DESTRUCTIVE=1 to allow it"
	mapfile -t devices <<< "$(kmem_devices)"
	[ -n "${devices[0]}" ] || devices=()
	[ "${#devices[@]}" -ge "${1:-1}" ] || skip_all "kmem is bound to ${#devices[@]} devices, ${1:-1} are needed"
	for device in "${devices[@]}"; do
		write "$device" unplugged > /dev/null 2>&1 || skip_all "$device cannot be unplugged, something uses its memory"
	done
	first=${devices[0]}
	memtotal=$(memtotal)
	KEPT=$(mktemp -d)
	trap 'rm -rf "$KEPT"' EXIT
}

state() { cat "$DAX/devices/$1/state"; }

# write DEVICE STATE: prints the name of the error if it fails.
write() { store "$DAX/devices/$1/state" "$2"; }

# store FILE TEXT: in one write; \0 and \n in the text are what they are in C. Prints what went wrong.
store() {
	local said
	said=$(printf '%b' "$2" | dd of="$1" bs=64k iflag=fullblock conv=notrunc status=none 2>&1) && return 0
	case $said in
		*"Invalid argument"*) echo EINVAL ;;
		*"resource busy"*) echo EBUSY ;;
		*"No such device"*) echo ENODEV ;;
		*"Input/output error"*) echo EIO ;;
		*"Interrupted system call"*) echo EINTR ;;
		*"Operation not permitted"*) echo EPERM ;;
		*"Cannot allocate memory"*) echo ENOMEM ;;
		*) echo "${said##*: }" ;;
	esac
	return 1
}

# What a test must find again: it cannot be in a variable, as tests run in shells of their own.
keep() { cat > "$KEPT/$1"; }
kept() { cat "$KEPT/$1"; }

memtotal() { awk '/^MemTotal:/ { print $2 }' /proc/meminfo; }

# blocks DEVICE: the numbers of its memory blocks.
blocks() {
	local size range start end block
	size=$(cat $MEMORY/block_size_bytes)
	sed -n "s/^ *\([0-9a-f]*-[0-9a-f]*\) : $1\$/\1/p" /proc/iomem | while read -r range; do
		start=0x${range%-*} end=0x${range#*-}
		for ((block = start / 0x$size; block <= end / 0x$size; block++)); do
			[ ! -e "$MEMORY/memory$block" ] || echo "$block"
		done
	done
}

# zones DEVICE: for each block, its state and its zone.
zones() {
	local block
	for block in $(blocks "$1"); do
		echo "$block $(cat "$MEMORY/memory$block/state") $(cat "$MEMORY/memory$block/valid_zones")"
	done
}

# set_blocks DEVICE STATE: each by itself, behind the back of the driver.
set_blocks() {
	local block
	for block in $(blocks "$1"); do
		echo "$2" > "$MEMORY/memory$block/state" || return
	done
}

one_block() { blocks "$1" | sed -n "${2:-2}p"; }

# is DEVICE STATE: whether the state reads so.
is() {
	local now
	now=$(state "$1")
	[ "$now" = "$2" ] || { echo "$1: $now, not $2" && return 1; }
}

# refused ERROR COMMAND...: whether the command fails with this error.
refused() {
	local error=$1 said
	shift
	said=$("$@") && echo "no error" && return 1
	[ "$said" = "$error" ] || { echo "$said, not $error" && return 1; }
}

# gone DEVICE: no block, no trace in /proc/iomem, MemTotal as before.
gone() {
	local now
	is "$1" unplugged || return
	! grep " : $1\$" /proc/iomem || return
	now=$(memtotal)
	[ "$now" -le "$memtotal" ] || { echo "MemTotal $now, was $memtotal" && return 1; }
}

# inject ACTION ERRNO: memory notifiers fail from now on, with 0 they do not.
inject() {
	[ -e "$INJECT" ] || modprobe memory-notifier-error-inject 2> /dev/null
	[ -e "$INJECT/$1/error" ] && echo "$2" > "$INJECT/$1/error"
}

# log_has PATTERN: whether a line of the log since mark_log matches.
mark_log() { logged=$(dmesg | wc -l); }
log_has() {
	dmesg | tail -n "+$((logged + 1))" | grep -qE "$1" && return 0
	echo "the log does not have: $1"
	dmesg | tail -n "+$((logged + 1))" | tail -n 5
	return 1
}

kmem_unbind() { echo "$1" > "$KMEM/unbind"; }
kmem_bind() { store "$KMEM/bind" "$1"; }

# said FILE PATTERN: waits until a line of the file matches.
said() {
	local try
	for ((try = 0; try < 600; try++)); do
		grep -q "$2" "$1" && return 0
		sleep 0.1
	done
	echo "${1##*/}: not '$2' but:"
	tail -n 2 "$1"
	return 1
}

# hold NAME use|pin NODE: starts a program that has memory of the node; see kmem-hold.pl.
hold() {
	[ -p "$KEPT/enough" ] || mkfifo "$KEPT/enough" || return
	numactl --membind="$3" "$DIR/kmem-hold.pl" "$2" "$3" <> "$KEPT/enough" > "$KEPT/$1" 2>&1 &
	said "$KEPT/$1" "^on the node"
}

# let_go NAME...: ends all of these programs, if their data is right.
let_go() {
	local name result=0
	echo > "$KEPT/enough"
	for name in "$@"; do
		said "$KEPT/$name" "^data is right" || result=1
	done
	rm "$KEPT/enough"
	return $result
}
