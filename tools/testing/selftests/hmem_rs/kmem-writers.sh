#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Four writers write random states, and words that are none, to the file `state` and, where there is one, to
# `set_state`, while one reads. Whatever comes in between, each write must do one of the things it may do.
#
#   HMEM_TEST_COUNT=N   writes in all (1000)

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

count=${HMEM_TEST_COUNT:-1000}
# Not online or online_kernel: memory in a kernel zone might never go away again.
words=(unplugged unplugged online_movable online_movable online_movable offline junk onlinee 'unplugged\n\n' ONLINE)

# one_write: writes a random word, and says if what came of it cannot be.
one_write() {
	local word said file=$DAX/devices/$first/state text
	word=${words[RANDOM % ${#words[@]}]} text=$word
	if [ -e "$SET_STATE" ] && ((RANDOM % 4 == 0)); then
		file=$SET_STATE text="$word $first"
	fi
	said=$(store "$file" "$text")
	case $word:$said in
		unplugged: | online_movable: | online_movable:EBUSY) ;;
		offline:EINVAL | junk:EINVAL | onlinee:EINVAL | ONLINE:EINVAL) ;;
		'unplugged\n\n:EINVAL') ;;
		*) echo "'$text' to ${file##*/}: ${said:-ok}" ;;
	esac
}

writer() {
	local i
	RANDOM=$1
	for ((i = 0; i < count / 4; i++)); do
		one_write
	done
}

reader() {
	local now
	while [ ! -e "$KEPT/done" ]; do
		now=$(state "$first")
		case $now in unplugged | offline | online | online_movable) ;; *) echo "read '$now'" ;; esac
	done
}

all_writers() {
	local n writers=() reader
	reader > "$KEPT/reader" &
	reader=$!
	for n in 1 2 3 4; do
		writer "$n" > "$KEPT/writer$n" &
		writers+=($!)
	done
	wait "${writers[@]}"
	: > "$KEPT/done"
	wait $reader
	! grep . "$KEPT/reader" "$KEPT"/writer?
}

consistent() {
	local now
	now=$(state "$first")
	case $now in
		unplugged) gone "$first" ;;
		online_movable) [ "$(zones "$first" | awk '{ print $2, $3 }' | sort -u)" = "online Movable" ] ;;
		*) echo "in the end it is $now" && return 1 ;;
	esac
}

kmem_begin 1
ktap_set_plan 3
check "$count writes from four writers, with a reader" all_writers
check "the state is true in the end" consistent
write "$first" unplugged
check "unplugged in the end" gone "$first"
ktap_finished
