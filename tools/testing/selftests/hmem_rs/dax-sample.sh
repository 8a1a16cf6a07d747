#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The sample driver of the DAX bus, rust_dax_driver: it takes no device that it is not given, and shows what it has.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

SAMPLE=$DAX/drivers/rust_dax_driver

loaded() {
	modprobe rust_dax_driver && [ -d $SAMPLE ] && [ -z "$(bound)" ]
}

# What it is bound to.
bound() { find $SAMPLE/ -name 'dax*.*' -printf '%f\n'; }

not_by_itself() {
	kmem_unbind "$first" || return
	! echo "$first" > $SAMPLE/bind 2> /dev/null || { echo "it was bound without its id" && return 1; }
	[ -z "$(bound)" ]
}

by_new_id() {
	local node start size
	node=$(cat "$DAX/devices/$first/target_node") start=$(cat "$DAX/devices/$first/resource")
	size=$(cat "$DAX/devices/$first/size")
	mark_log && echo "$first" > $SAMPLE/new_id && [ "$(bound)" = "$first" ] &&
		log_has "rust_dax_driver $first: memory of node $node" &&
		log_has "rust_dax_driver $first: range $(printf '%#x-%#x' "$start" $((start + size - 1)))"
}

capacity() {
	[ "$(cat "$DAX/devices/$first/capacity")" = "$(cat "$DAX/devices/$first/size")" ] &&
		[ "$(stat -c %a "$DAX/devices/$first/capacity")" = 444 ]
}

given_back() {
	mark_log && echo "$first" > $SAMPLE/remove_id && echo "$first" > $SAMPLE/unbind && [ -z "$(bound)" ] &&
		[ ! -e "$DAX/devices/$first/capacity" ] && log_has "$first: gave 1 ranges back"
}

unloaded_while_bound() {
	echo "$first" > $SAMPLE/new_id && [ "$(bound)" = "$first" ] && rmmod rust_dax_driver && [ ! -e $SAMPLE ] &&
		kmem_bind "$first" && write "$first" unplugged
}

kmem_begin 1
modinfo rust_dax_driver > /dev/null 2>&1 || skip_all "there is no rust_dax_driver"
ktap_set_plan 6
check "it loads, and takes nothing" loaded
check "a device without a driver is not for it" not_by_itself
check "until its name is in new_id" by_new_id
check "the file capacity" capacity
check "it gives the device back" given_back
check "and can be unloaded with a device" unloaded_while_bound
ktap_finished
