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

# set_blocks DEVICE STATE [BLOCK]: each by itself, but not this one, behind the back of the driver.
set_blocks() {
	local block
	for block in $(blocks "$1"); do
		[ "$block" = "${3:-}" ] || echo "$2" > "$MEMORY/memory$block/state" || return
	done
}

# one_block DEVICE [N]: the number of its Nth block, the second if not given; "$" is the last.
one_block() { blocks "$1" | sed -n "${2:-2}p"; }

# block_range NUMBER: its addresses, as the driver prints them.
block_range() {
	local size=$((0x$(cat $MEMORY/block_size_bytes)))
	printf '0x%x-0x%x' $(($1 * size)) $((($1 + 1) * size - 1))
}

# node_has_memory DEVICE: whether its node has any.
node_has_memory() {
	grep -q "MemTotal: *[1-9]" "/sys/devices/system/node/node$(cat "$DAX/devices/$1/target_node")/meminfo" 2> /dev/null
}

# All devices, with the zones of each.
all_zones() {
	local device
	for device in "${devices[@]}"; do
		echo "$device $(state "$device")"
		zones "$device"
	done
}

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
log_since() { dmesg | tail -n "+$((logged + 1))"; }
log_has() {
	log_since | grep -qE "$1" && return 0
	echo "the log does not have: $1"
	log_since | tail -n 5
	return 1
}

# blames DEVICE BLOCK WHAT: since mark_log, the log says this of this memory block, and nothing of any other.
blames() {
	local said want
	want="$1: memory block $(block_range "$2") $3"
	said=$(log_since | grep -o "dax[0-9.]*: memory block 0x.*")
	[ "$said" = "$want" ] || { echo "the log says '$said', not '$want'" && return 1; }
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
	# One of the same name may have said it before.
	: > "$KEPT/$1"
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

# while_pinned DEVICE BLOCK COMMAND...: only this block of the device is online, and a program has pages in it that
# cannot be moved, if the node has no other memory. Whatever comes of it, the program must end: nobody could take
# the memory offline before.
while_pinned() {
	local result=0
	set_blocks "$1" offline "$2" && hold pinned pin "$(cat "$DAX/devices/$1/target_node")" || return
	"${@:3}" || result=1
	let_go pinned && [ $result = 0 ]
}

# cannot_pin DEVICE: why while_pinned is not possible; the device is unplugged.
cannot_pin() {
	local program
	for program in numactl perl; do
		command -v $program > /dev/null || { echo "$program is missing" && return; }
	done
	! node_has_memory "$1" || echo "its node has other memory"
}

# interrupted FILE TEXT DEVICE BLOCK: pages in this block cannot be moved, so that a write that takes it offline
# tries for ever, until a signal ends it. Then all devices are as they were, and the log blames this block and no
# other.
interrupted() {
	local before total writer status=0
	before=$(all_zones) total=$(memtotal)
	mark_log
	(echo "$2" > "$1") 2> /dev/null &
	writer=$!
	# The blocks before it may take their time.
	wait_for grep -q going-offline "$MEMORY/memory$4/state" || echo "block $4 is $(cat "$MEMORY/memory$4/state")"
	sleep 3
	kill -TERM $writer
	wait $writer || status=$?
	[ $status = $((128 + 15)) ] || { echo "the write ended by itself, with status $status" && return 1; }
	diff <(echo "$before") <(all_zones) || return
	[ "$(memtotal)" = "$total" ] || { echo "MemTotal $(memtotal), was $total" && return 1; }
	blames "$3" "$4" "does not go offline: a signal is pending, error -4"
}

# device NAME: its directory.
device() { echo "$DAX/devices/$1"; }

# region NAME: what the device is part of.
region() { echo "$(dirname "$(readlink -f "$(device "$1")")")/dax_region"; }

# parts_of DEVICE: its memory is what the tests make devices of.
parts_of() {
	size=$((0x$(cat $MEMORY/block_size_bytes)))
	base=$(($(cat "$(device "$1")/resource")))
	whole=$(printf '%x-%x' $base $((base + $(cat "$(device "$1")/size") - 1)))
}

# part N [BYTES]: the range of the Nth block of that memory, or of its first bytes.
part() {
	local start=$((base + $1 * size))
	printf '%x-%x' $start $((start + ${2:-$size} - 1))
}

# Takes a device apart: no memory, no driver.
empty() {
	[ ! -e "$KMEM/$1" ] || { write "$1" unplugged && kmem_unbind "$1"; } || return
	echo 0 > "$(device "$1")/size"
}

# made_of DEVICE RANGE...: gives it these ranges, in this order.
made_of() {
	local device=$1 range
	shift
	empty "$device" || return
	for range in "$@"; do
		echo "$range" > "$(device "$device")/mapping" || return
	done
}

# leaves_online DEVICE: makes it of the first block, and leaves the memory of that online, without a device.
leaves_online() {
	made_of "$1" "$(part 0)" && kmem_bind "$1" && write "$1" unplugged && write "$1" online_movable &&
		kmem_unbind "$1" && echo 0 > "$(device "$1")/size"
}

# takes_over DEVICE: the device that memory belongs to gets it back.
takes_over() {
	part 0 > "$(device "$1")/mapping" && kmem_bind "$1" && is "$1" online_movable && write "$1" unplugged &&
		gone "$1"
}

# another DEVICE: the name of a new device of the same region, without memory.
another() {
	local region
	region=$(region "$1")
	[ -n "$(cat "$region/seed")" ] || echo 1 > "$region/create" || return
	cat "$region/seed"
}

# removed DEVICE: takes it apart, and away.
removed() {
	local region
	region=$(region "$1")
	empty "$1" && printf '%s' "$1" > "$region/delete"
}
