#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# PID 1 of a lab guest. It only sets the stage: the job runs as a child, so that whatever happens to it, the
# machine still powers off and the host need not wait for a timeout.

export PATH=/usr/sbin:/usr/bin LC_ALL=C HOME=/root TERM=linux
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2> /dev/null
ln -sf /proc/self/fd /dev/fd
mount -t debugfs debugfs /sys/kernel/debug 2> /dev/null
# lab_leaks asks for scans when all is done; others would take half of the time.
[ ! -e /sys/kernel/debug/kmemleak ] || echo scan=off > /sys/kernel/debug/kmemleak
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p /run/udev /run/lock /dev/shm

# shellcheck source=tools/hmem-lab/src/guest/lab.sh
. /lab/lab.sh
lab_open
# shellcheck disable=SC1091 # written for each boot
(. /lab/job)
rc=$?
[ "$rc" = 0 ] || lab_say fault "the job ended with status $rc"
lab_say 'done'
sync
echo 1 > /proc/sys/kernel/sysrq
echo o > /proc/sysrq-trigger
sleep 60
