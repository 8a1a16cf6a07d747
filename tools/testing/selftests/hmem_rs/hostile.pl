#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# hostile.pl: several tasks do at random what root can do to dax devices, their drivers and their memory, all at the same
# time. Now and then they pause, and then:
#
# - No byte has two owners, and what hmem_rs says of its ranges is true.
# - When all is undone, all is as it was: each range, device, driver and memory block, and the size of memory.
# - The kernel has no complaint, and in the end nothing leaked.
#
# Drivers go while memory is online, too. One thing it does not do: let a device hmem.N or a CXL region go while memory
# is online. That would stay, under a name that may belong to another range next.
#
#   HMEM_TEST_DESTRUCTIVE=1   must be set
#   HMEM_TEST_SECONDS=N       how long; ten minutes if not given
#   HMEM_TEST_SEED=N          for other random numbers
#   HMEM_TEST_ONLINE=S-E      memory that may be used; what else there is never comes online
#   HMEM_TEST_MEMDEVS=NAMES   CXL memory devices of which regions may be made
#
# The modules kmem, device_dax and dax_cxl must be loaded, and udev should not run. x86_64 only.
use strict;
use warnings;
no warnings 'portable';
use constant { TASKS => 4, ROUND => 60, WNOHANG => 1, LOCK_SH => 1, LOCK_EX => 2 };
use constant { MIB => 1 << 20, CXL => '/sys/bus/cxl', POLICY => '/sys/module/dax/parameters/policy' };

BEGIN { require './fault-lib.pl' }
our $complaint;

my @usable = map { hex } split /-/, $ENV{HMEM_TEST_ONLINE} // '0-0';
my @memdevs = split ' ', $ENV{HMEM_TEST_MEMDEVS} // '';

sub any { return $_[rand @_] }
sub name { return $_[0] =~ s/.*\///r }
sub hex_of { my $text = get($_[0]); return $text =~ /^0x/ ? hex $text : 0 }

# What can be had now: things come and go while they are looked for.
sub daxes { return map { name($_) } files(DAX . '/devices', 'dax\d+\.\d+') }
sub hmems { return map { name($_) } files(PLATFORM . '/devices', 'hmem\.\d+') }
sub regions { return map { "$_/dax_region" } files(PLATFORM . '/devices', 'hmem\.\d+'), files(CXL . '/devices', 'dax_region\d+') }
sub is_usable { my $at = hex_of(DAX . "/devices/$_[0]/resource"); return $at >= $usable[0] && $at < $usable[1] }

# Writes if the file is there; returns 0 or the number of the error.
sub poke {
	my ($file, $text) = @_;
	sysopen my $out, $file, 1 or return 0 + $!;
	return defined syswrite($out, $text) ? 0 : 0 + $!;
}

# Shared by those who bring memory online; alone are those who let a device or a region go whose number others get.
open my $lock, '>', '/run/hostile.lock' or die "lock: $!\n";
sub locked {
	my ($how, $work) = @_;
	open my $own, '<', '/run/hostile.lock' or die "lock: $!\n";
	flock $own, $how;
	return $work->();
}

# Memory that was online when its driver went: a device like the one that it belonged to takes it over.
sub heal {
	my %left;
	for (split /\n/, get('/proc/iomem')) {
		push @{$left{$3}}, [hex $1, hex $2] if /^ *(\w+)-(\w+) : (dax[\d.]+)$/;
	}
	have_module('kmem') if %left;
	for my $dax (grep { driver_of(DAX . "/devices/$_") ne 'kmem' } sort keys %left) {
		my ($id) = $dax =~ /(\d+)/;
		my $region = PLATFORM . "/devices/hmem.$id";
		poke(PLATFORM . '/drivers/hmem/bind', "hmem.$id") unless -e "$region/driver";
		for my $other (map { name($_) } files($region, "dax$id\\.\\d+")) {
			poke(DAX . "/devices/$other/driver/unbind", $other);
			poke(DAX . "/devices/$other/size", 0);
		}
		for (1 .. 20) {
			last if -e DAX . "/devices/$dax";
			poke("$region/dax_region/create", 1);
		}
		poke(DAX . "/devices/$dax/mapping", sprintf '%x-%x', @$_) for @{$left{$dax}};
		poke(KMEM . '/bind', $dax);
	}
	poke("$_/state", 'unplugged') for files(KMEM, 'dax.*');
}

# What makes numbers go, while no memory is online: as long as that can be had.
sub renumbers {
	my ($work) = @_;
	return locked(LOCK_EX, sub {
		poke(POLICY, "\n");
		heal();
		return get('/proc/iomem') =~ /System RAM \(kmem\)/ ? 2 : $work->();
	});
}

my @junk = ('', "\n", "\0", 'x' x 5000, '-1', '0x', 'dax', 'all', "online\nonline", 'dax0.0.0', '18446744073709551616');
my @policies = ("\n", "*:device_dax\n", "*:none\n", "hmem:kmem,unplugged;cxl:device_dax\n", "cxl:never-ram\n", "*:kmem\n",
	sprintf("%#x-%#x:kmem,online_movable\n", @usable), "node0:kmem,memmap=on\n");
my @modules = qw(kmem device_dax dax_cxl hmem_rs);

# What root can do, and how often.
my %acts = (
	'bind dax' => [8, sub { my $dax = any(daxes()) // return 2; poke(DAX . '/drivers/' . any('kmem', 'device_dax') . '/bind', $dax) }],
	'unbind dax' => [6, sub { my $dax = any(daxes()) // return 2; poke(DAX . "/devices/$dax/driver/unbind", $dax) }],
	'bind hmem' => [5, sub { poke(PLATFORM . '/drivers/hmem/bind', any(hmems()) // 'hmem.0') }],
	'unbind hmem' => [3, sub { poke(PLATFORM . '/drivers/hmem/unbind', any(hmems()) // 'hmem.0') }],
	'bind host' => [3, sub { poke(PLATFORM . '/drivers/hmem_platform/bind', HOST) }],
	'unbind host' => [1, sub { renumbers(sub { poke(PLATFORM . '/drivers/hmem_platform/unbind', HOST) }) }],
	'id' => [4, sub { poke(DAX . '/drivers/' . any('kmem', 'device_dax') . '/' . any('new_id', 'remove_id'),
		any(any(daxes()) // 'dax0.0', 'dax0.1', any(@junk))) }],
	'driver_override' => [3, \&override],
	'mapping' => [6, \&mapping],
	'create' => [4, sub { my $region = any(regions()) // return 2; daxes() < 24 ? poke("$region/create", any(1, 1, 1, any(@junk))) : 0 }],
	'delete' => [5, sub { my $region = any(regions()) // return 2; poke("$region/delete", any(daxes()) // any(@junk)) }],
	'size' => [6, sub { my $dax = any(daxes()) // return 2;
		poke(DAX . "/devices/$dax/size", any(0, 128 * MIB, 256 * MIB, 2 * MIB * int rand 128, any(@junk))) }],
	'align' => [2, sub { my $dax = any(daxes()) // return 2; poke(DAX . "/devices/$dax/align", any(4096, 2 * MIB, any(@junk))) }],
	'memmap' => [2, sub { my $dax = any(daxes()) // return 2; poke(DAX . "/devices/$dax/memmap_on_memory", any(0, 1)) }],
	'state' => [10, \&state],
	'set_state' => [3, sub { locked(LOCK_SH, sub { poke(KMEM . '/set_state', any('unplugged all', 'unplugged node0', any(@junk),
		map { is_usable($_) ? "online_movable $_" : () } daxes())) }) }],
	'block' => [4, \&block],
	'policy' => [2, sub { locked(LOCK_SH, sub { poke(POLICY, any(@policies, any(@junk))) }) }],
	'region_idle' => [1, sub { poke('/sys/module/hmem_rs/parameters/region_idle', any('Y', 'N', 'N')) }],
	'read' => [8, \&look],
	'load' => [2, sub { my $name = any(@modules); -d "/sys/module/$name" ? 2 : load(module($name)) }],
	'unload' => [1, sub { my $name = any(@modules); return unload($name) if $name ne 'hmem_rs';
		renumbers(sub { unload('dax_cxl'); unload($name) }) }],
	'cxl' => [1, \&cxl],
);

sub override {
	my $device = any(files(PLATFORM . '/devices', '.*')) // return 2;
	my $driver = any('hmem', 'hmem_platform');
	return 2 if name($device) eq HOST || -e "$device/driver";
	my $error = poke("$device/driver_override", $driver) || poke(PLATFORM . "/drivers/$driver/bind", name($device));
	poke("$device/driver_override", "\n");
	return $error;
}

sub mapping {
	my $dax = any(daxes()) // return 2;
	my $region = DAX . "/devices/$dax";
	my $start = (hex_of("$region/resource") || $usable[0]) + 2 * MIB * int rand 128;
	my $end = $start + any(2, 2, 64, 128) * MIB - any(1, 1, 1, 0, 4097);
	return poke("$region/mapping", sprintf '%x-%x', $start, $end);
}

sub state {
	my $dax = any(map { name($_) } files(KMEM, 'dax.*')) // return 2;
	return locked(LOCK_SH, sub {
		my @words = ('unplugged', 'unplugged', any(@junk), is_usable($dax) ? ('online_movable') x 3 : ());
		return poke(DAX . "/devices/$dax/state", any(@words));
	});
}

sub block {
	my $size = hex get('/sys/devices/system/memory/block_size_bytes');
	my @blocks = $usable[1] ? grep { -e } map { "/sys/devices/system/memory/memory$_" }
		int($usable[0] / $size) .. int(($usable[1] - 1) / $size) : ();
	my $block = any(@blocks) // return 2;
	return locked(LOCK_SH, sub { poke("$block/state", any('offline', 'online_movable', any(@junk))) });
}

sub look {
	my @dirs = (map({ DAX . "/devices/$_" } daxes()), map({ PLATFORM . "/devices/$_" } hmems()), regions(), KMEM);
	my $dir = any(@dirs) // return 2;
	get($_) for TABLE, '/proc/iomem', POLICY, grep { -f && -r } files($dir, '.*');
	return 0;
}

sub cxl {
	return 0 unless @memdevs;
	my ($region) = grep { get("$_/size") && !firmwares($_) } files(CXL . '/devices', 'region\d+');
	my @command = !$region ? ('create-region', '-d', 'decoder0.0', '-t', 'ram', '-s', 256 * MIB, '-m', any(@memdevs))
		: ('destroy-region', '-f', name($region));
	return locked(LOCK_EX, sub { return system("cxl @command > /dev/null 2>&1") ? 5 : 0 });
}

# Regions that were there before.
my %firmwares;
sub firmwares { return $firmwares{hex_of("$_[0]/resource")} }
$firmwares{hex_of("$_/resource")} = 1 for files(CXL . '/devices', 'region\d+');

# Works until the time is over, then writes how often each act ended how.
sub task {
	my ($seed, $until, $log) = @_;
	srand $seed;
	my @urn = map { ($_) x $acts{$_}[0] } sort keys %acts;
	my %sum;
	while (time < $until) {
		my $act = any(@urn);
		my $error = $acts{$act}[1]->();
		local $! = $error;
		$sum{"$act: " . ($error ? "$!" : 'done')}++;
	}
	print $log "$sum{$_} $_\n" for sort keys %sum;
	close $log;
}

# All tasks for a while; returns what they did.
sub round {
	my ($seed, $seconds) = @_;
	my (%children, @logs);
	my $until = time + $seconds;
	for my $task (1 .. TASKS) {
		open my $log, '+>', undef or die "temporary file: $!\n";
		my $child = fork // die "fork: $!\n";
		if (!$child) {
			eval { task($seed * TASKS + $task, $until, $log); 1 } and exec '/bin/true';
			print "# $@";
			exec '/bin/false';
		}
		$children{$child} = 1;
		push @logs, $log;
	}
	while (%children) {
		for my $child (keys %children) {
			next unless waitpid $child, WNOHANG;
			die "a task failed\n" if $?;
			delete $children{$child};
		}
		die "a task hangs:\n" . join '', map { get("/proc/$_/stack") . "\n\n" } keys %children if time > $until + 240;
		select undef, undef, undef, 0.2;
	}
	my %sum;
	for my $log (@logs) {
		seek $log, 0, 0;
		/^(\d+) (.*)$/ and $sum{$2} += $1 while <$log>;
	}
	return \%sum;
}

# Bytes with two owners: of all that dax devices map, and of all that hmem_rs gave to whom.
sub shared {
	my @wrong;
	my @mapped = map { my $dax = $_; map { [hex_of("$_/start"), hex_of("$_/end"), name($dax)] } files($dax, 'mapping\d+') }
		files(DAX . '/devices', 'dax.*');
	my @given = map { /^\s+(?:cxl|hmem|trimmed) 0x(\w+)-0x(\w+)/ ? [hex $1, hex $2, $_] : () } split /\n/, get(TABLE);
	for my $list (\@mapped, \@given) {
		my @sorted = sort { $a->[0] <=> $b->[0] } @$list;
		for (1 .. $#sorted) {
			push @wrong, "$sorted[$_ - 1][2] and $sorted[$_][2]" if $sorted[$_][0] <= $sorted[$_ - 1][1];
		}
	}
	return join "\n", @wrong;
}

sub memtotal { return get('/proc/meminfo') =~ /^MemTotal: *(\d+)/ ? $1 : 0 }

# Undoes all of it, as root can, and returns the picture.
sub undo {
	poke(POLICY, "\n");
	have_module($_) for reverse @modules;
	poke('/sys/module/hmem_rs/parameters/region_idle', 'N');
	for my $id (map { my $x = $_; map { "dax$x.$_" } 0 .. 9 } 0 .. 5) {
		poke(DAX . "/drivers/$_/remove_id", $id) for 'kmem', 'device_dax';
	}
	poke(PLATFORM . '/drivers/hmem_platform/bind', HOST);
	poke(PLATFORM . '/drivers/hmem/bind', $_) for hmems();
	picture();
	heal();
	# Without cxl, which gives up where a task was stopped half way.
	for my $region (grep { !firmwares($_) } files(CXL . '/devices', 'region\d+')) {
		poke(CXL . '/drivers/cxl_region/unbind', name($region));
		poke("$region/commit", 0);
		poke(CXL . '/devices/decoder0.0/delete_region', name($region));
	}
	for my $name (qw(dax_cxl hmem_rs)) {
		local $! = unload($name) or next;
		die "cannot unload $name: $!\n";
	}
	for my $name (qw(hmem_rs dax_cxl)) {
		local $! = load(module($name)) or next;
		die "cannot load $name: $!\n";
	}
	picture();
	poke("$_/state", 'unplugged') for files(KMEM, 'dax.*');
	return picture();
}

if (($ENV{HMEM_TEST_DESTRUCTIVE} // '') ne '1') {
	print "TAP version 13\n1..0 # SKIP takes the memory of dax devices away: set HMEM_TEST_DESTRUCTIVE=1 to allow it\n";
	exit 4;
}
my $seconds = $ENV{HMEM_TEST_SECONDS} // 600;
my $rounds = int(($seconds + ROUND - 1) / ROUND);
print "TAP version 13\n1..", 4 * $rounds + 1, "\n";
my $whole = undo();
my $memory = memtotal();
my %sum;
logged();
for my $round (1 .. $rounds) {
	my $did = eval { round(($ENV{HMEM_TEST_SEED} // 1) * 1000 + $round, ROUND) } // {};
	my $reason = $@;
	$sum{$_} += $did->{$_} for keys %$did;
	my $log = logged();
	$reason ||= $log if $log =~ $complaint;
	result("round $round: it works on, without a complaint of the kernel", $reason);
	last if $reason;
	picture();
	result("round $round: no byte has two owners, the table is true", shared() . untrue());
	my $now = eval { undo() };
	$reason = $@ || differs($whole, $now);
	result("round $round: undone, all is as it was", $reason);
	my $left = memtotal() - $memory;
	result("round $round: the size of memory as well", $left ? "it differs by $left KiB" : '');
	last if $reason;
}
print "# $sum{$_} times $_\n" for sort keys %sum;
result('nothing leaked', leaks());
finish();
