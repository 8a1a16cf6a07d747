#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Policies that are refused: by hand, and made up (HMEM_TEST_COUNT, default 10000). Each with EINVAL, with the
# position and the reason in the log, and the old table stays.

# shellcheck source=tools/testing/selftests/hmem_rs/policy-lib.sh
. "$(dirname "$(readlink -f "$0")")/policy-lib.sh"

OLD="hmem:device_dax"

unchanged() {
	[ "$(policy)" = "$OLD" ] || { echo "$1: the policy is now $(policy)" && return 1; }
}

# bad TEXT POSITION: refused there. Builtins only, as there are many.
bad() {
	! echo "$1" 2> /dev/null > "$POLICY" || { echo "$1 is accepted" && return 1; }
	unchanged "$1" && places="$places$2 "
}

by_hand() {
	local text at places=
	mark_log
	while IFS='|' read -r at text; do
		[ -z "$at" ] || bad "$text" "$at" || return
	done <<- 'CASES'
		1|;
		1|:kmem
		2|*
		8|*:kmem;
		8|*:kmem;;cxl:none
		8|*:kmem cxl:none
		7|*:kmem:none
		1|kmem:*
		1|hmemm:none
		1|HMEM:none
		5|hmem0:none
		2|*+cxl:none
		5|cxl+*:none
		5|cxl+:none
		1|+cxl:none
		6|hmem+cxl:none
		5|0-9+10-19:none
		5|node:none
		5|node-1:none
		6|node0x1:none
		5|node4096:none
		5|node4294967295:none
		5|node4294967296:none
		3|4G:none
		4|4G-:none
		4|4G@:none
		1|-4G:none
		1|@4G:none
		4|4G--5G:none
		6|1G@4G@5G:none
		1|8G-4G:none
		1|0@4G:none
		1|0x1-0x0:none
		1|2@0xffffffffffffffff:none
		3|0x:none
		3|0x10000000000000000-1:none
		1|18446744073709551616-1:none
		1|16777216T@0:none
		2|1g@4G:none
		3|1GB@4G:none
		10|0-9:none;5-14:kmem
		3|*:
		8|*:kmem,
		8|*:kmem,,none
		3|*:*
		3|*:default
		3|*:offline
		3|*:Kmem
		3|*:system-ram
		3|*:never_ram
		3|*:memmap
		3|*:memmap=1
		8|*:kmem,device_dax
		10|*:online,unplugged
		13|*:memmap=on,memmap=off
		13|*:never-ram,never-ram
		1|"*:kmem"
		1|%s%n:kmem
	CASES
	at=$(dmesg | tail -n "+$((logged + 1))" | sed -n 's/.*policy: .* refused, character \([0-9]*\): .*/\1/p' | tr '\n' ' ')
	[ "$at" = "$places" ] || { echo "refused at $at, not $places" && return 1; }
}

long() {
	local text
	printf -v text '%*s' "$1" ''
	mark_log
	refused EINVAL set_policy "${text// /x}" && unchanged && log_has "refused, character 2048: the policy is too long"
}

# 4096 bytes without an end, and more than the kernel takes at a time.
page() {
	local text
	printf -v text '%*s' "$1" ''
	refused EINVAL set_policy "*:kmem;${text// /*}" && unchanged
}

# Zero bytes, and bytes that are no text.
binary() {
	refused EINVAL set_policy '*:kmem\0;*:none' > /dev/null || [ "$(policy)" = '*:kmem' ] || return
	set_policy "$OLD" && refused EINVAL set_policy '*:kmem\xff' && refused EINVAL set_policy '\x80\x81' && unchanged
}

# Words put together at random: none is worse than refused. Builtins only, as it is done so often.
made_up() {
	local words=('*' ':' ';' ',' '+' '-' '@' ' ' hmem cxl node0 node9 0x 0 4G 1T 0xffffffffffffffff kmem none
		device_dax unplugged online_movable memmap=on memmap=off never-ram memmap % é)
	local i n text accepted=0
	RANDOM=${HMEM_TEST_SEED:-1}
	for ((i = 0; i < ${HMEM_TEST_COUNT:-10000}; i++)); do
		text=
		for ((n = RANDOM % 12; n >= 0; n--)); do
			text+=${words[RANDOM % ${#words[@]}]}
		done
		if echo "$text" > "$POLICY"; then
			accepted=$((accepted + 1))
			[ "$(policy)" = "${text%"${text##*[! ]}"}" ] || { echo "'$text' is now '$(policy)'" && return 1; }
			echo "$OLD" > "$POLICY"
		fi
	done 2> /dev/null
	echo "# $accepted of ${HMEM_TEST_COUNT:-10000} are policies"
	unchanged "the last one"
}

actions() {
	local text before
	before=$(actions_of "$one")
	for text in '*:kmem' 'kmem;none' 'kmem,none' 'kmem,' ',kmem' 'default,kmem' offline 'kmem\0none' never; do
		refused EINVAL store "$PLATFORM/devices/$one/dax_region/policy" "$text" || { echo "$text" && return 1; }
	done
	[ "$(actions_of "$one")" = "$before" ]
}

policy_begin
under "*:none" || skip_all "$one cannot be bound anew"
set_policy "$OLD" || skip_all "no policy can be set"
ktap_set_plan 8
check "58 policies with a fault, each where it is" by_hand
check "2048 bytes are too long" long 2048
check "4094 bytes" long 4094
check "a page without an end" page 4089
check "more than a page" page 10000
check "bytes that are no text" binary
check "${HMEM_TEST_COUNT:-10000} that are made up" made_up
check "and for a region, what are not actions" actions
rebind "$one"
ktap_finished
