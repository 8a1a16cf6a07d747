#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a rule makes of memory that firmware set aside, set at run time and applied by binding anew: each
# driver, each online type, the memory map, terms, and that nothing is changed without a rule.

# shellcheck source=tools/testing/selftests/hmem_rs/policy-lib.sh
. "$(dirname "$(readlink -f "$0")")/policy-lib.sh"

reads_back() {
	set_policy "$1" || return
	[ "$(policy)" = "$2" ] || { policy && return 1; }
}

no_policy() {
	under "" || return
	[ "$(source_of "$one"): $(actions_of "$one")" = "no rule: default" ] || { actions_of "$one" && return 1; }
	same_state "$before"
}

# A table is for later regions.
keeps_what_it_has() {
	under "*:device_dax" && set_policy "*:none" || return
	becomes device_dax || return
	[ "$(source_of "$one")" = "rule 1: *:device_dax" ] || { source_of "$one" && return 1; }
	rebind "$one" && becomes none
}

term() {
	under "$1:none;*:device_dax" && becomes "$2"
}

memmap() {
	rule "kmem,unplugged,memmap=$1" kmem unplugged || return
	[ "$(cat "$DAX/devices/$(dax_below "$one")/memmap_on_memory")" = "$2" ]
}

zone() {
	local block
	rule "kmem,$1" kmem "$1" || return
	[ "$has_state" = 1 ] || return 0
	for block in $(blocks "$(dax_below "$one")"); do
		[ "$(cat "$MEMORY/memory$block/state")" = online ] || { echo "memory$block is not online" && return 1; }
		[ "$(cat "$MEMORY/memory$block/valid_zones")" = "$2" ] || { zones "$(dax_below "$one")" && return 1; }
	done
}

unplugged() {
	rule "kmem,unplugged" kmem unplugged || return
	[ "$has_state" = 0 ] || gone "$(dax_below "$one")"
}

# Later the memory is there for who asks.
plugged_later() {
	[ "$has_state" = 1 ] || return 0
	write "$(dax_below "$one")" online_movable && is "$(dax_below "$one")" online_movable &&
		write "$(dax_below "$one")" unplugged && gone "$(dax_below "$one")"
}

by_hand() {
	rule none none && echo "$name" > "$DAX/drivers/device_dax/new_id" && becomes device_dax || return
	echo "$name" > "$DAX/drivers/device_dax/remove_id"
	echo "$name" > "$DAX/drivers/device_dax/unbind"
}

policy_begin
under "" || skip_all "$one cannot be bound anew"
before=$(hmem_state)
memtotal=$(memtotal)
ktap_set_plan 22
check "what was set is read back" reads_back "hmem:kmem;*:none" "hmem:kmem;*:none"
check "without what follows it" reads_back ' hmem : kmem \n\0 ' ' hmem : kmem'
check "device_dax" rule device_dax device_dax
check "fsdev_dax" rule fsdev_dax fsdev_dax
check "none" rule none none
check "none, and a driver by its new_id" by_hand
check "kmem, unplugged: bound, and no memory" unplugged
check "and the memory is there for who asks" plugged_later
check "kmem, online_movable" zone online_movable Movable
check "kmem, online_kernel" zone online_kernel Normal
check "kmem, online" rule "kmem,online" kmem online
check "memmap=on" memmap on 1
check "memmap=off" memmap off 0
check "a table does not change regions that exist" keeps_what_it_has
check "hmem matches" term hmem none
check "cxl does not" term cxl device_dax
check "its node does" term "node$node" none
check "its range does" term "$start-$end" none
check "a larger one does" term "0-0xffffffffffffffff" none
check "all terms together do" term "hmem+node$node+$start-$end" none
check "one that does not hold is enough" term "cxl+$start-$end" device_dax
check "without a rule all is as before" no_policy
ktap_finished
