#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kmem in a kernel that cannot remove memory (CONFIG_MEMORY_HOTREMOVE=n): memory can be added and brought online once,
# and stays.

# shellcheck source=tools/testing/selftests/hmem_rs/kmem-lib.sh
. "$(dirname "$(readlink -f "$0")")/kmem-lib.sh"

cannot_go() {
	refused EBUSY write "$first" unplugged && is "$first" offline && refused EINVAL write "$first" offline &&
		refused EBUSY write "$first" online_movable
}

by_blocks() {
	set_blocks "$first" online_movable && is "$first" online_movable && refused EBUSY write "$first" unplugged
}

stays() {
	zones "$first" | keep zones
	kmem_unbind "$first" && grep -q " : $first\$" /proc/iomem && grep -q "System RAM (kmem)" /proc/iomem
}

taken_over() { kmem_bind "$first" && is "$first" online_movable && diff <(kept zones) <(zones "$first"); }

reloaded() { rmmod kmem && grep -q "System RAM (kmem)" /proc/iomem && modprobe kmem && is "$first" online_movable; }

ktap_print_header
mapfile -t devices <<< "$(kmem_devices)"
first=${devices[0]}
[ -n "$first" ] || skip_all "kmem is bound to no device"
[ "${HMEM_TEST_DESTRUCTIVE:-}" = 1 ] || skip_all "leaves memory online: set HMEM_TEST_DESTRUCTIVE=1 to allow it"
! gzip -dc /proc/config.gz | grep -q CONFIG_MEMORY_HOTREMOVE=y || skip_all "this kernel can remove memory"
KEPT=$(mktemp -d)
trap 'rm -rf "$KEPT"' EXIT
ktap_set_plan 5
check "memory that was added cannot go" cannot_go
check "but come online block by block" by_blocks
check "it stays without the driver" stays
check "which takes it over" taken_over
check "also after it was loaded anew" reloaded
ktap_finished
