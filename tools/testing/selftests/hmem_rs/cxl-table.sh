#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks that hmem_rs' table of decisions accounts for every Soft Reserved byte, and that /proc/iomem, sysfs
# and daxctl tell the same story. Changes nothing. Needs root and debugfs.
#
#   range START-END node N host HOST state STATE reserved BYTES cxl BYTES hmem BYTES trimmed BYTES
#     cxl START-END REGION[,REGION]
#     hmem START-END DEVICE errno 0
#     trimmed START-END REASON

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh

[ -e "$HMEM_TABLE" ] || cxl_skip "there is no $HMEM_TABLE: hmem_rs is not loaded, or debugfs not mounted"
table=$(cat "$HMEM_TABLE")
iomem=$(cat /proc/iomem)
faults=0

# Says what is wrong; the test in progress fails.
fault() {
	echo "# $*"
	faults=$((faults + 1))
}

# Splits START-END into from, to and bytes.
split() {
	from=$((${1%-*}))
	to=$((${1#*-}))
	bytes=$((to - from + 1))
}

# The word that follows a word in the line that was read.
after() {
	local rest=${line#* "$1" }
	echo "${rest%% *}"
}

# Whether what was split lies within these ends.
within() {
	[ "$from" -ge "$1" ] && [ "$to" -le "$2" ]
}

# Whether these ends lie outside of what was split.
outside() {
	[ "$1" -lt "$from" ] || [ "$2" -gt "$to" ]
}

# Whether a line of /proc/iomem has these ends and this name. Numbers are compared: it pads short ones.
in_iomem() {
	local range name
	while IFS= read -r line; do
		range=${line%% : *}
		name=${line#* : }
		range=${range//[[:space:]]/}
		[ "$name" = "$3" ] && [ $((0x${range%-*})) = "$1" ] && [ $((0x${range#*-})) = "$2" ] && return 0
	done <<< "$iomem"
	return 1
}

# The sums of one range, checked when the next begins.
close_range() {
	[ -n "$range" ] || return 0
	[ "$state" != waiting ] || return 0
	[ "$sum_cxl" = "$cxl" ] || fault "$range: cxl is $cxl, its lines add up to $sum_cxl"
	[ "$sum_hmem" = "$hmem" ] || fault "$range: hmem is $hmem, its lines add up to $sum_hmem"
	[ "$sum_trimmed" = "$trimmed" ] || fault "$range: trimmed is $trimmed, its lines add up to $sum_trimmed"
	[ $((cxl + hmem + trimmed)) = "$reserved" ] ||
		fault "$range: $reserved bytes are reserved, $((cxl + hmem + trimmed)) are accounted for"
}

every_byte_is_accounted_for() {
	local line kind where last=-1
	faults=0
	range=
	while read -r line; do
		read -r kind where _ <<< "$line"
		case $kind in
		range)
			close_range
			range=$where state=$(after state)
			reserved=$(($(after reserved))) cxl=$(($(after cxl)))
			hmem=$(($(after hmem))) trimmed=$(($(after trimmed)))
			sum_cxl=0 sum_hmem=0 sum_trimmed=0
			split "$where"
			first=$from final=$to last=-1
			;;
		cxl | hmem | trimmed)
			split "$where"
			[ "$from" -le "$to" ] || fault "$range: $kind $where is upside down"
			within "$first" "$final" || fault "$range: $kind $where lies outside"
			[ "$from" -gt "$last" ] || fault "$range: $kind $where overlaps what is before it"
			last=$to
			case $kind in
			cxl) sum_cxl=$((sum_cxl + bytes)) ;;
			hmem) sum_hmem=$((sum_hmem + bytes)) ;;
			trimmed) sum_trimmed=$((sum_trimmed + bytes)) ;;
			esac
			;;
		*) fault "the table has a line that makes no sense: $line" ;;
		esac
	done <<< "$table"
	close_range
	[ "$faults" = 0 ]
}

# What the firmware (or memmap=) set aside, from the last memory map in the kernel log: START-END, one a line.
set_aside() {
	local maps='BIOS-[a-z0-9]+|extended|user|modified'
	dmesg | sed -nE 's/^\[ *[0-9.]*\] //; s/^('"$maps"'): \[mem (0x[0-9a-f]+-0x[0-9a-f]+)\] *(.*)/\1 \2 \3/p' |
		awk '$1 != who { who = $1; list = "" } / soft reserved$/ { list = list $2 "\n" } END { printf "%s", list }'
}

nothing_is_missing() {
	local where aside=0 total=0
	[ -n "$(set_aside)" ] || { echo "# the kernel log has lost its memory map: not checked"; return 0; }
	while read -r where; do
		split "$where"
		aside=$((aside + bytes))
	done < <(set_aside)
	while read -r line; do
		case $line in
		range*) total=$((total + $(after reserved))) ;;
		esac
	done <<< "$table"
	[ "$aside" = "$total" ] && return 0
	echo "# $aside bytes are set aside, the table has $total"
	return 1
}

every_range_is_decided() {
	local line
	faults=0
	while read -r line; do
		case $line in
		range*"state decided"*) ;;
		range*) fault "$line" ;;
		esac
	done <<< "$table"
	[ "$faults" = 0 ]
}

every_piece_has_its_device() {
	local kind where name path dax size
	faults=0
	while read -r kind where name _ errno; do
		[ "$kind" = hmem ] || continue
		split "$where"
		if [ "$name" = - ]; then
			fault "hmem $where has no device (errno $errno)"
			continue
		fi
		path=/sys/bus/platform/devices/$name
		[ -d "$path" ] || { fault "hmem $where: there is no device $name"; continue; }
		size=$(cxl_read "$path/dax_region/size")
		[ "$size" = "$bytes" ] || fault "hmem $where: the dax region of $name has ${size:-no size}"
		[ $(((from | bytes) % 0x200000)) = 0 ] || fault "hmem $where is not aligned"
		in_iomem "$from" "$to" "Soft Reserved" || fault "hmem $where is not Soft Reserved in /proc/iomem"
		for dax in "$path"/dax[0-9]*; do
			[ -e "$dax/resource" ] || continue
			size=$(cxl_read "$dax/size")
			[ "$size" != 0 ] || continue
			start=$(($(cxl_read "$dax/resource")))
			outside "$start" $((start + size - 1)) && fault "${dax##*/} lies outside $where"
		done
	done <<< "$table"
	[ "$faults" = 0 ]
}

# No hmem device and no Soft Reserved line that the table does not know.
nothing_else_is_hmem() {
	local kind where name path line range known=" "
	faults=0
	while read -r kind where name _; do
		[ "$kind" = hmem ] || continue
		split "$where"
		known+="$name $from-$to "
	done <<< "$table"
	for path in /sys/bus/platform/devices/hmem.*; do
		[ ! -d "$path" ] || [[ $known == *" ${path##*/} "* ]] || fault "the table does not know ${path##*/}"
	done
	while IFS= read -r line; do
		[ "${line#* : }" = "Soft Reserved" ] || continue
		range=${line%% : *}
		range=${range//[[:space:]]/}
		[[ $known == *" $((0x${range%-*}))-$((0x${range#*-})) "* ]] || fault "the table does not know $line"
	done <<< "$iomem"
	[ "$faults" = 0 ]
}

# A region may have been destroyed since; one that is there must cover what it is said to cover.
every_region_covers_its_part() {
	local kind where names name path start end covered
	faults=0
	while read -r kind where names; do
		[ "$kind" = cxl ] || continue
		split "$where"
		covered=0 gone=0
		for name in ${names//,/ }; do
			path=/sys/bus/cxl/devices/$name
			[ -d "$path" ] || { gone=1; continue; }
			start=$(($(cxl_read "$path/resource")))
			end=$((start + $(cxl_read "$path/size") - 1))
			start=$((start > from ? start : from)) end=$((end < to ? end : to))
			[ "$end" -lt "$start" ] || covered=$((covered + end - start + 1))
		done
		[ "$gone" = 1 ] || [ "$covered" = "$bytes" ] || fault "cxl $where: $names cover $covered of $bytes bytes"
	done <<< "$table"
	[ "$faults" = 0 ]
}

daxctl_lists_the_same() {
	local listed seen device
	listed=$(daxctl list | jq -r 'if type == "array" then .[] else . end | "\(.chardev) \(.size)"' | sort)
	seen=$(for device in /sys/bus/dax/devices/*; do
		[ ! -e "$device" ] || echo "${device##*/} $(cxl_read "$device/size")"
	done | sort)
	[ "$listed" = "$seen" ] && return 0
	diff <(echo "$seen") <(echo "$listed") | sed 's/^/# /'
	return 1
}

cxl_plan 7
cxl_test "every range is decided" every_range_is_decided
cxl_test "every Soft Reserved byte is accounted for, once" every_byte_is_accounted_for
cxl_test "what the firmware set aside is all there" nothing_is_missing
cxl_test "every piece has its device and its line in iomem" every_piece_has_its_device
cxl_test "nothing else is hmem's" nothing_else_is_hmem
cxl_test "every region covers its part" every_region_covers_its_part
cxl_test "daxctl lists what sysfs has" daxctl_lists_the_same
cxl_end
