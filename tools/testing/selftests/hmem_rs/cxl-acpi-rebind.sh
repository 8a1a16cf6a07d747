#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unbinds cxl_acpi, which takes all windows and regions away, and binds it again. What hmem owns must not
# change; a rebind of the host then decides by the rule again.
#   cxl-acpi-rebind.sh
# Memory must be offline.

# The functions below are called by cxl_test.
# shellcheck disable=SC2317

cd "$(dirname "$0")" || exit 1
. ./cxl-lib.sh
driver=/sys/bus/platform/drivers/cxl_acpi
device=
for link in "$driver"/ACPI0017:*; do
	[ ! -e "$link" ] || device=${link##*/}
done
[ -n "$device" ] || cxl_skip "cxl_acpi is not bound"
host=hmem_platform.0
platform=/sys/bus/platform/drivers/hmem_platform

picture=$(dax_picture)
ours() { dax_picture | grep ' hmem$'; }
pieces=$(ours)

unchanged() { [ "$(ours)" = "$pieces" ]; }
windows_gone() { ! grep -q "CXL Window" /proc/iomem; }
unbind() { echo "$device" > "$driver/unbind" && cxl_until 10 windows_gone; }
bind() { echo "$device" > "$driver/bind"; }
back() { becomes_picture "$picture"; }
decide_again() { echo "$host" > "$platform/unbind" && echo "$host" > "$platform/bind" && back; }

cxl_plan 5
cxl_test "cxl_acpi can be unbound" unbind
cxl_test "what hmem owns stays" unchanged
cxl_test "cxl_acpi can be bound again" bind
cxl_test "all regions and devices are back" back
cxl_test "a rebind of the host decides the same" decide_again
cxl_end
