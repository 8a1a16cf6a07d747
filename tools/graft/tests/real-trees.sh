#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Grafts real kernel sources, checks that what must be refused is, and mails the series to itself.
#
# usage: real-trees.sh TREE...
#
# Each TREE is kernel sources, pristine or grafted, and is only read. Prints KTAP, and a sum at the
# end. GRAFT names the program, which is built otherwise. What checkpatch says of the series is for
# make check.
set -euo pipefail

if [ $# -lt 1 ]; then
	echo "usage: ${0##*/} TREE..." >&2
	exit 2
fi
top=$(realpath "$(dirname "$0")/../../..")
graft=${GRAFT:-}
if [ -z "$graft" ]; then
	cargo build --release --quiet --locked --manifest-path "$top/tools/Cargo.toml" --package graft
	graft=${CARGO_TARGET_DIR:-$top/tools/target}/release/graft
fi
# In memory where there is one: many small copies.
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT

for tool in git diff; do
	if ! command -v "$tool" >/dev/null; then
		echo "${0##*/}: $tool is missing: run this inside the toolbox" >&2
		exit 2
	fi
done

for tree in "$@"; do
	"$graft" status "$tree" >/dev/null || exit 2
done

# The overlay as it is now, however long this takes.
repo=$work/overlay
mkdir -p "$repo/tools/graft"
cp "$top/MAINTAINERS" "$repo/"
cp -r "$top/tools/graft/edits" "$top/tools/graft/series.toml" "$repo/tools/graft/"
for dir in Documentation drivers include rust samples tools/testing; do
	if [ -d "$top/$dir" ]; then
		mkdir -p "$repo/$(dirname "$dir")"
		cp -r "$top/$dir" "$repo/$dir"
	fi
done

count=0
failed=0

# ok NAME COMMAND...: one line of KTAP, and how what the command said ends if it failed.
ok() {
	local name=$1 status=0
	shift
	count=$((count + 1))
	# Not as a condition: there a function would go on after a command that fails.
	set +e
	(
		set -e
		"$@"
	) >"$work/said" 2>&1
	status=$?
	set -e
	if [ "$status" = 0 ]; then
		echo "ok $count $name"
	else
		failed=$((failed + 1))
		tail -n 20 "$work/said" | sed 's/^/# /'
		echo "not ok $count $name"
	fi
}

# The kernel files that the data edits, one a line.
edited() {
	sed -n "s/^file *= *[\"']\(.*\)[\"'].*/\1/p" "$repo"/tools/graft/edits/*.toml | sort -u
}

# Copies the few files of a tree that a graft looks at, without a graft.
sparse() {
	local tree=$1 to=$2 file
	rm -rf "$to"
	mkdir -p "$to/drivers"
	{
		printf '%s\n' Makefile Kbuild Kconfig
		edited
		"$graft" status "$tree" | sed -n 's/^  edited  //p'
	} | sort -u | while read -r file; do
		if [ -e "$tree/$file" ]; then
			mkdir -p "$to/$(dirname "$file")"
			cp -p "$tree/$file" "$to/$file"
		fi
	done
	if [ -d "$tree/.hmem-graft" ]; then
		cp -r "$tree/.hmem-graft" "$to/"
		"$graft" undo "$to" >/dev/null
	fi
}

run() {
	"$graft" "$1" "$2" --overlay "$repo"
}

same() {
	diff -r -x .git -x .hmem-graft "$1" "$2"
}

repeats() {
	run apply "$1"
	find "$1" -type f -printf '%p %T@\n' | sort >"$work/before"
	run apply "$1"
	find "$1" -type f -printf '%p %T@\n' | sort | diff "$work/before" -
}

# Must be refused with these words and change nothing.
refuses() {
	local words=$1 tree=$2
	rm -rf "$work/kept"
	cp -a "$tree" "$work/kept"
	if run apply "$tree" >"$work/refusal" 2>&1; then
		echo "was not refused"
		return 1
	fi
	cat "$work/refusal"
	grep -q "$words" "$work/refusal"
	diff -r "$work/kept" "$tree"
}

# Each edited file in turn emptied, or doubled: no anchor may be found none or several times unnoticed.
# Which files those are depends on the tree's version.
damaged() {
	local tree=$1 words=$2 how=$3 file files
	run apply "$tree"
	files=$("$graft" status "$tree" | sed -n 's/^  edited  //p')
	"$graft" undo "$tree"
	[ -n "$files" ]
	for file in $files; do
		cp -p "$tree/$file" "$work/good"
		case $how in
		missing) : >"$tree/$file" ;;
		doubled) cat "$work/good" "$work/good" >"$tree/$file" ;;
		esac
		refuses "$file: .*$words" "$tree"
		cp -p "$work/good" "$tree/$file"
	done
}

# The mails of the series, on a tree of git, make what apply makes.
mails() {
	local tree=$1 mails=$2 grafted=$3 clean=$work/clean mail
	sparse "$tree" "$clean"
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	git -C "$clean" init --quiet
	git -C "$clean" config user.name tester
	git -C "$clean" config user.email tester@example.org
	git -C "$clean" add --all --force
	git -C "$clean" commit --quiet --message pristine
	for mail in "$mails"/*.patch; do
		case $mail in */0000-*) continue ;; esac
		git -C "$clean" am --quiet "$mail"
	done
	same "$clean" "$grafted"
}

# Every new file is under an F: line of our own sections: the kernel's "F: */" would cover anything.
maintained() {
	local grafted=$1 file pattern found missing=0
	sed -n 's/^F:[[:space:]]*//p' "$repo/MAINTAINERS" >"$work/patterns"
	while read -r file; do
		found=0
		while read -r pattern; do
			case $pattern in */) pattern+='*' ;; esac
			# shellcheck disable=SC2053 # the pattern is one
			if [[ $file == $pattern ]]; then
				found=1
				break
			fi
		done <"$work/patterns"
		if [ "$found" = 0 ]; then
			echo "$file is under no F: line of the repository's MAINTAINERS"
			missing=1
		fi
	done < <("$graft" status "$grafted" | sed -n 's/^  overlay //p')
	return "$missing"
}

echo "KTAP version 1"
for tree in "$@"; do
	tree=$(realpath "$tree")
	version=$(sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$tree/Makefile" | paste -sd.)
	copy=$work/copy pristine=$work/pristine mails=$work/mails
	rm -rf "$mails"
	sparse "$tree" "$pristine"
	sparse "$tree" "$copy"

	ok "$version: the whole tree takes the series" \
		"$graft" patches "$tree" "$mails" --overlay "$repo" --author 'Tester <tester@example.org>'
	ok "$version: an anchor is missing" damaged "$copy" "matches nowhere" missing
	ok "$version: an anchor is doubled" damaged "$copy" "matches [2-9]" doubled
	ok "$version: the copy is still pristine" same "$copy" "$pristine"
	ok "$version: apply, and again without a change" repeats "$copy"
	ok "$version: git am makes the same of it" mails "$tree" "$mails" "$copy"
	ok "$version: MAINTAINERS knows every file" maintained "$copy"
	ok "$version: undo" "$graft" undo "$copy"
	ok "$version: undo left nothing" diff -r "$copy" "$pristine"
done
echo "1..$count"
echo "$((count - failed)) passed, $failed failed"
[ "$failed" = 0 ]
