# SPDX-License-Identifier: GPL-2.0
#
# What fail-each.pl and hostile.pl share. Neither Fcntl nor Errno nor glob: they need more than perl itself.
# x86_64 only: the numbers of the system calls.
use strict;
use warnings;
no warnings 'portable';
use constant { O_WRONLY => 1, O_NONBLOCK => 04000, ENOMEM => 12, EPIPE => 32 };
use constant { FINIT_MODULE => 313, DELETE_MODULE => 176 };
use constant { PLATFORM => '/sys/bus/platform', DAX => '/sys/bus/dax', DEBUG => '/sys/kernel/debug' };
use constant SLAB => DEBUG . '/failslab';
use constant { HOST => 'hmem_platform.0', TABLE => DEBUG . '/hmem_rs/ranges', KMEM => DAX . '/drivers/kmem' };
$| = 1;
# The module under test; tests that are not only for hmem_rs say so.
our $module = $ENV{HMEM_MODULE} // 'hmem_rs';

sub get {
	my ($file) = @_;
	open my $in, '<', $file or return '';
	local $/;
	my $text = <$in> // '';
	return $text =~ s/\n\z//r;
}

# The files of a directory whose names match.
sub files {
	my ($dir, $pattern) = @_;
	opendir my $in, $dir or return;
	return map { "$dir/$_" } sort grep { /^(?:$pattern)$/ } readdir $in;
}

# Writes in one system call; returns 0 or the number of the error.
sub put {
	my ($file, $text) = @_;
	sysopen my $out, $file, O_WRONLY or die "$file: $!\n";
	return defined syswrite($out, $text) ? 0 : 0 + $!;
}

# The same for what must not fail.
sub set {
	my ($file, $text) = @_;
	my $error = put($file, $text) or return;
	local $! = $error;
	die "$file: $text: $!\n";
}

sub driver_of { my $driver = readlink "$_[0]/driver" or return 'none'; return $driver =~ s/.*\///r }

# The driver's table, once all is decided. The allocation that fails may be one for this very reading: that says nothing.
sub decided {
	my $text = '';
	for (1 .. 600) {
		$text = '';
		if (open my $in, '<', TABLE) {
			my $length;
			1 while $length = sysread $in, $text, 1 << 16, length $text;
			return $text if defined $length && $text !~ /state waiting/;
		} elsif (!-e TABLE) {
			return '';
		}
		select undef, undef, undef, 0.1;
	}
	return $text;
}

# All that an operation may change: what the driver decided, devices and their drivers, memory.
sub picture {
	my @lines = ('host ' . driver_of(PLATFORM . '/devices/' . HOST), split /\n/, decided());
	for my $device (files(PLATFORM . '/devices', 'hmem\..*'), files(DAX . '/devices', 'dax.*')) {
		push @lines, join ' ', $device =~ s/.*\///r, driver_of($device),
			map { get("$device/$_") } qw(resource size state dax_region/policy dax_region/available_size);
	}
	push @lines, grep { /Soft Reserved|System RAM \(|dax/ } split /\n/, get('/proc/iomem');
	push @lines, map { s/.*\///r . ' ' . get("$_/state") } files('/sys/devices/system/memory', 'memory\d+');
	push @lines, map { "module $_" } get('/proc/modules') =~ /^($module|kmem) /mg;
	return join "\n", @lines, get('/sys/module/dax/parameters/policy');
}

# Whether the table says the truth: decided ranges account for all their bytes, and devices that it names are there.
sub untrue {
	my @wrong;
	for (split /\n/, get(TABLE)) {
		if (my ($all, @parts) = /state decided reserved (\w+) cxl (\w+) hmem (\w+) trimmed (\w+)/) {
			my $sum = 0;
			$sum += hex for @parts;
			push @wrong, $_ if hex $all != $sum;
		} elsif (my ($device) = /^\s*hmem \S+ (hmem\.\d+)/) {
			push @wrong, $_ unless -e PLATFORM . "/devices/$device";
		}
	}
	return join "\n", @wrong;
}

sub differs {
	my ($want, $got) = @_;
	my %in = ((map { $_ => 1 } split /\n/, $want));
	my %out = ((map { $_ => 1 } split /\n/, $got));
	return join '', (map { "  - $_\n" } grep { !$out{$_} } sort keys %in),
		(map { "  + $_\n" } grep { !$in{$_} } sort keys %out);
}

# The kernel's log since it was asked before.
sysopen my $kmsg, '/dev/kmsg', O_NONBLOCK or die "/dev/kmsg: $!\n";
sub logged {
	my $text = '';
	for (;;) {
		my $length = sysread $kmsg, my $record, 8192;
		# Some records were overwritten before they were read.
		next if !defined $length && $! == EPIPE;
		return $text unless $length;
		$text .= $record =~ s/^[^;]*;//r;
	}
}

our $complaint = qr/WARNING:|BUG:|BUG at|KASAN|UBSAN|ODEBUG|Oops|refcount_t|possible .*lock|Call Trace:|corruption|kmemleak/;

# The file of a module, open.
my %modules;
sub module {
	my ($name) = @_;
	chomp($modules{$name} //= `modinfo -n $name`);
	open my $file, '<', $modules{$name} or die "module $name: $!\n";
	return $file;
}

# Loads and unloads modules as insmod and rmmod do; returns 0 or the number of the error.
# The kernel could write to a string, so it must not be a constant.
sub load {
	my ($file, $arguments) = (@_, '');
	return syscall(FINIT_MODULE, fileno $file, $arguments, 0) == 0 ? 0 : 0 + $!;
}

# As load(), by name, for a module that may be there already.
sub have_module {
	my ($name) = @_;
	return -d "/sys/module/$name" ? 0 : load(module($name));
}

sub unload {
	my ($name) = @_;
	return syscall(DELETE_MODULE, $name, O_NONBLOCK) == 0 ? 0 : 0 + $!;
}

# What kmemleak finds. It says nothing about memory that is younger than 5 seconds.
sub leaks {
	return '' unless -e DEBUG . '/kmemleak';
	sleep 6;
	set(DEBUG . '/kmemleak', 'scan') for 1, 2;
	return get(DEBUG . '/kmemleak');
}

# Lets failslab take all caches but those that the checkers of the kernel have for themselves: they switch themselves
# off without memory.
sub choose_caches {
	for my $cache (files('/sys/kernel/slab', '[^:.].*')) {
		set("$cache/failslab", 1) unless $cache =~ m{/(kmemleak|debug_objects)};
	}
	set(SLAB . '/cache-filter', 'Y');
}

my ($number, $bad) = (0, 0);
sub result {
	my ($name, $reason) = @_;
	$number++;
	$bad++ if $reason;
	print map { "# $_\n" } split /\n/, $reason if $reason;
	print $reason ? 'not ok' : 'ok', " $number $name\n";
}

sub finish {
	print "# Totals: pass:", $number - $bad, " fail:$bad skip:0\n";
	exit($bad ? 1 : 0);
}

1;
