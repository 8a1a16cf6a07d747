# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What a job and its steps may call. The second serial port leads to the host; lines that begin with "@@ "
# are for the lab, all others are what a step says:
#   @@ boot RELEASE SECONDS          user space has begun
#   @@ step NAME                     a step begins
#   @@ end NAME STATUS SECONDS       it has ended
#   @@ snapshot NAME BYTES           that many bytes follow: a gzipped tar
#   @@ fault TEXT                    the guest itself is broken
#   @@ done                          all is said

LAB_PORT=/dev/ttyS1

lab_say() {
	printf '@@ %s\n' "$*" > "$LAB_PORT"
}

# Seconds since boot, with two digits.
lab_now() {
	local now
	read -r now _ < /proc/uptime
	printf '%s' "$now"
}

lab_open() {
	stty -F "$LAB_PORT" raw -echo 2> /dev/null
	lab_say boot "$(uname -r) $(lab_now)"
}

# As a distribution boots: udev runs, and every device is announced to it again.
lab_coldplug() {
	lab_udevd
	udevadm trigger --type=devices --action=add \
		--subsystem-match=platform --subsystem-match=acpi --subsystem-match=pci --subsystem-match=cxl \
		--subsystem-match=dax --subsystem-match=nd
	lab_settle
}

lab_udevd() {
	/usr/lib/systemd/systemd-udevd --daemon 2> /run/udevd.log || lab_say fault "udevd does not start: $(tail -n 1 /run/udevd.log)"
}

# Waits until udev has no event left, and the dax bus has come to rest: a driver may decide later than the
# event that loaded it.
lab_settle() {
	local last='' now tries=0
	udevadm settle --timeout=60
	[ -d /sys/bus/cxl ] || return 0
	while [ "$tries" -lt 100 ]; do
		now=$(lab_state)
		case $now in
		*"state waiting"*) ;;
		"$last") return 0 ;;
		esac
		last=$now
		sleep 0.2
		udevadm settle --timeout=60
		tries=$((tries + 1))
	done
	echo "# the dax bus did not come to rest within 20 s"
	return 1
}

# What must stand still.
lab_state() {
	[ ! -e /sys/kernel/debug/hmem_rs/ranges ] || cat /sys/kernel/debug/hmem_rs/ranges
	printf '%s\n' /sys/bus/dax/devices/* /sys/bus/dax/drivers/*/dax* /sys/bus/platform/drivers/hmem*/hmem*
}

# lab_step NAME SECONDS: runs /lab/steps/NAME, its output goes to the host as it comes.
lab_step() {
	local rc from
	lab_say step "$1"
	from=$(lab_now)
	timeout -k 5 "$2" "/lab/steps/$1" > "$LAB_PORT" 2>&1 < /dev/null
	rc=$?
	printf '\n' > "$LAB_PORT"
	lab_say end "$1 $rc $(lab_now) $from"
}

# lab_not COMMAND...: succeeds if it fails. A step goes on after a line that begins with "!", whatever comes of it.
lab_not() {
	! "$@"
}

# lab_snapshot NAME [stuck]: hands back what the kernel and the tools show now; nothing of the dax bus if whoever looks
# at that would wait for ever.
lab_snapshot() {
	local dir=/run/lab/$1 size
	mkdir -p "$dir"
	cat /proc/iomem > "$dir/iomem"
	cat /proc/modules > "$dir/modules" 2> /dev/null
	if [ "${2:-}" = stuck ]; then
		: > "$dir/sysfs"
		echo '[]' > "$dir/daxctl.json"
	else
		lab_look "$dir"
		[ "$1" != end ] || lab_leaks "$dir/leaks"
	fi
	dmesg > "$dir/dmesg"
	tar -C "$dir" -c . | gzip -1 > "$dir.tgz"
	size=$(stat -c %s "$dir.tgz")
	lab_say snapshot "$1 $size"
	cat "$dir.tgz" > "$LAB_PORT"
	printf '\n' > "$LAB_PORT"
	rm -rf "$dir" "$dir.tgz"
}

# lab_look DIR
lab_look() {
	local dir=$1
	lab_sysfs > "$dir/sysfs"
	daxctl list -RDMi > "$dir/daxctl.json" 2> "$dir/daxctl.err"
	[ ! -d /sys/bus/cxl ] || cxl list -DRTMPEBi > "$dir/cxl.json" 2> /dev/null
	[ ! -e /sys/kernel/debug/hmem_rs/ranges ] || cat /sys/kernel/debug/hmem_rs/ranges > "$dir/ranges"
	[ ! -d /sys/bus/dax/drivers/kmem ] || printf '%s\n' /sys/bus/dax/drivers/kmem/* > "$dir/kmem"
	if [ -e /usr/bin/hmem-map ]; then
		hmem-map snapshot "$dir/map" > "$dir/map.log" 2>&1 || echo "status $?" >> "$dir/map.log"
	fi
}

# lab_leaks FILE: what kmemleak finds, in a kernel that has it. It says nothing about memory that is younger than
# 5 seconds, nor about what has changed since it was scanned before.
lab_leaks() {
	local kmemleak=/sys/kernel/debug/kmemleak
	[ -e "$kmemleak" ] || return 0
	sleep 6
	echo scan > "$kmemleak" && echo scan > "$kmemleak" && cat "$kmemleak" > "$1"
}

# DEVICE/ATTRIBUTE=VALUE of all dax and hmem devices. Only builtins: a process costs a lot under emulation.
lab_sysfs() {
	local path name attribute value driver
	for path in /sys/bus/dax/devices/* /sys/bus/platform/devices/hmem.*; do
		[ -e "$path" ] || continue
		name=${path##*/}
		printf '%s/exists=1\n' "$name"
		for attribute in size resource target_node numa_node align state dax_region/id dax_region/size \
			dax_region/align dax_region/available_size; do
			value=
			[ ! -e "$path/$attribute" ] || read -r value < "$path/$attribute" 2> /dev/null
			[ -z "$value" ] || printf '%s/%s=%s\n' "$name" "$attribute" "$value"
		done
		for driver in /sys/bus/dax/drivers/* /sys/bus/platform/drivers/hmem*; do
			[ ! -e "$driver/$name" ] || printf '%s/driver=%s\n' "$name" "${driver##*/}"
		done
		cd -P "$path/.." && printf '%s/parent=%s\n' "$name" "${PWD##*/}"
		cd / || return
	done
}

# Takes the console away: characters on a serial line, and waking the thread that prints them, would count.
lab_no_console() {
	echo N > /sys/class/tty/ttyS0/console
}

# What came before gets the time to end, such as memory that RCU frees.
lab_drain() { sleep 4; }

# lab_measure NAME COMMAND...: runs it, and tells how many microseconds that took by the guest's clock.
lab_measure() {
	local name=$1 from to
	shift
	lab_drain
	from=$EPOCHREALTIME
	"$@" || return
	to=$EPOCHREALTIME
	echo "bench $name $((${to/./} - ${from/./}))"
}

# lab_measure_work NAME QUEUES COMMAND...: runs it, and tells how many microseconds the first work item took that came to
# one of the workqueues (an expression for grep) meanwhile.
lab_measure_work() {
	local name=$1 queues=$2 trace=/sys/kernel/tracing events work
	shift 2
	mount -t tracefs tracefs $trace
	echo 1 > $trace/events/workqueue/enable
	"$@" || return
	echo 0 > $trace/events/workqueue/enable
	events=$(grep -E 'workqueue_(queue_work|execute_start|execute_end):' $trace/trace)
	work=$(grep -Em 1 "workqueue=($queues)( |\$)" <<< "$events" | sed 's/.*work struct=\([^ ]*\).*/\1/')
	[ -n "$work" ] || return
	awk -v name="$name" -v work="$work" '
		{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+:$/) at = $i + 0 }
		/execute_start:/ && index($0, work) && !from { from = at }
		/execute_end:/ && index($0, work) && !to { to = at }
		END { if (!to) exit 1; printf "bench %s %d\n", name, (to - from) * 1000000 + 0.5 }' <<< "$events"
}

# lab_memory NAME COMMAND...: runs it, and tells how many bytes of memory for small objects that takes. Free pages would not
# tell: they wait in lists of each processor.
lab_memory() {
	local name=$1 before after
	shift
	before=$(lab_slab)
	"$@" || return
	after=$(lab_slab)
	echo "bytes $name $(((after - before) * 1024))"
}

# KiB that the allocator for small objects has once RCU has freed what it has, and the caches are empty.
lab_slab() {
	sleep 1
	echo 3 > /proc/sys/vm/drop_caches
	sed -n 's/^Slab: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# lab_floor MEBIBYTES: what it costs to write the memory map of so much memory, with the kernel's own loop that writes
# zeros: 64 bytes a page.
lab_floor() {
	local from begun to
	lab_drain
	from=$EPOCHREALTIME
	dd if=/dev/zero of=/dev/null bs=1M count=1 status=none
	begun=$EPOCHREALTIME
	dd if=/dev/zero of=/dev/null bs=1M count=$(($1 / 64 + 1)) status=none
	to=$EPOCHREALTIME
	echo "bench floor: writing its memory map $((${to/./} - ${begun/./} - (${begun/./} - ${from/./})))"
}

# lab_floor_log LINES: what it costs to put so many lines, as long as those about a range, into the kernel's log. Done many
# times, as the shell alone costs more.
lab_floor_log() {
	local rounds=16 from begun to
	# Not ten in five seconds.
	echo on > /proc/sys/kernel/printk_devkmsg
	# What the first time alone costs does not count.
	lab_log_lines 1 /dev/kmsg
	from=$EPOCHREALTIME
	lab_log_lines $(($1 * rounds)) /dev/null
	begun=$EPOCHREALTIME
	lab_log_lines $(($1 * rounds)) /dev/kmsg
	to=$EPOCHREALTIME
	echo "bench floor: as many lines in the log $(((${to/./} - ${begun/./} - (${begun/./} - ${from/./}) + rounds / 2) / rounds))"
}

lab_log_lines() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "range 0x100000000-0x103ffffff node 0 state decided, hmem 0x100000000-0x103ffffff hmem.0 errno 0"
	done > "$2"
}

# lab_write FILE TEXT
lab_write() {
	printf '%s' "$2" > "$1"
}

# lab_read TIMES FILE
lab_read() {
	local i
	for ((i = 0; i < $1; i++)); do
		read -r _ < "$2"
	done
}

# lab_until COMMAND...: tries it for 20 s.
lab_until() {
	local tries=0
	until "$@"; do
		[ $((tries += 1)) -le 100 ] || return
		sleep 0.2
	done
}

# lab_fails 'SCRIPT ARGUMENT...' TEST...: runs a kselftest script, in which these tests must fail, and no others.
lab_fails() {
	local script rc=0
	read -ra script <<< "$1"
	shift
	(cd /lab/hmem_rs && "./${script[0]}" "${script[@]:1}") > /run/said 2>&1 || rc=$?
	sed 's/^/# /' /run/said
	[ "$rc" != 0 ] && diff <(printf '%s\n' "$@" | sort) <(sed -n 's/^not ok [0-9]* //p' /run/said | sort)
}

# Modules that the driver needs gone before it can be unloaded.
lab_unload_driver() {
	local module
	for module in dax_cxl "$HMEM_MODULE"; do
		[ ! -d "/sys/module/$module" ] || rmmod "$module"
	done
}

# lab_ndctl SCRIPT: one of the tests that ndctl comes with. It must pass: its status for "skipped" is a failure.
lab_ndctl() {
	cd /lab/ndctl || return
	NDCTL=/usr/bin/ndctl DAXCTL=/usr/bin/daxctl CXL=/usr/bin/cxl TEST_PATH=. "./$1"
}

lab_shell() {
	setsid -c bash --norc -i < /dev/ttyS0 > /dev/ttyS0 2>&1 || bash -i
}
