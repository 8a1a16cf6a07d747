#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# dax_region/policy: what a region carries, and that it may be written as long as no device of it is bound.
# never-ram: that no way leads to System RAM.

# shellcheck source=tools/testing/selftests/hmem_rs/policy-lib.sh
. "$(dirname "$(readlink -f "$0")")/policy-lib.sh"

FILE() { echo "$PLATFORM/devices/$one/dax_region/policy"; }
dax() { dax_below "$one"; }
write_actions() { store "$(FILE)" "$1"; }

private() {
	[ "$(stat -c %a "$(FILE)")" = 600 ] && [ "$(stat -c %a "$POLICY")" = 600 ]
}

# Left alone at boot, looked at, chosen, bound.
two_steps() {
	under "*:none" && becomes none && write_actions "$1" || return
	[ "$(cat "$(FILE)")" = "$1"$'\nwritten' ] || { cat "$(FILE)" && return 1; }
	echo "$name" > "$DAX/drivers_probe"
	becomes "$2" "$3"
}

busy() {
	refused EBUSY write_actions none && [ "$(actions_of "$one")" = "$1" ]
}

unbound_again() {
	echo "$name" > "$DAX/drivers/device_dax/unbind" && write_actions none && [ "$(actions_of "$one")" = none ]
}

nothing_said() {
	write_actions default && [ "$(actions_of "$one")" = default ] || return
	write_actions '\n' && [ "$(actions_of "$one")" = default ]
}

# What is bound to nothing at first: kmem may be tried, and must refuse.
never() {
	under "$1" || return
	mark_log
	! grep -q "$(dax)" /proc/iomem || { grep "$(dax)" /proc/iomem && return 1; }
	echo "$name" > "$DAX/drivers/kmem/new_id" 2> /dev/null
	echo "$name" > "$DAX/drivers/kmem/bind" 2> /dev/null && echo "bound" && return 1
	echo "$name" > "$DAX/drivers/kmem/remove_id"
	[ "$(driver_of "$DAX/devices/$(dax)")" != kmem ] || { echo "bound" && return 1; }
	log_has "$(dax): policy: never becomes System RAM: rule 1: "
}

daxctl_says_so() {
	command -v daxctl > /dev/null || return 0
	mark_log
	! daxctl reconfigure-device -f -m system-ram "$(dax)" || return
	[ "$(driver_of "$DAX/devices/$(dax)")" != kmem ] && log_has "never becomes System RAM"
}

stays() {
	write_actions device_dax,never-ram && refused EPERM write_actions kmem && refused EPERM write_actions default &&
		log_has "never-ram stays while the region exists"
}

still_devdax() {
	under "*:device_dax,never-ram" && becomes device_dax
}

policy_begin
under "" || skip_all "$one cannot be bound anew"
ktap_set_plan 13
check "root only" private
check "none, then device_dax" two_steps device_dax device_dax
check "busy while bound" busy device_dax
check "not any more when unbound" unbound_again
check "none, then fsdev_dax" two_steps fsdev_dax fsdev_dax
check "none, then kmem, unplugged" two_steps kmem,unplugged kmem unplugged
check "nothing said" two_steps none none
check "nothing at all" nothing_said
check "never-ram: kmem refuses, new_id or not" never "*:none,never-ram"
check "also where the rule says nothing of a driver" never "*:never-ram"
check "daxctl cannot either" daxctl_says_so
check "never-ram cannot be written away" stays
check "never-ram, device_dax" still_devdax
ktap_finished
