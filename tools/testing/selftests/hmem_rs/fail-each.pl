#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# fail-each.pl OPERATION...: does an operation again and again, and lets another one of its memory allocations fail
# each time, until there is none left. Each time:
#
# - An operation that is refused has changed nothing, and its caller gets ENOMEM, or the kernel's log names the error.
#   One that succeeds has reached the full state, or the log names the error.
# - The kernel has no complaint.
# - Done again without a failure, the operation reaches the full state; undone, nothing is left of it.
#
# In the end kmemleak finds nothing. Says how many allocations failed, in which functions, and what came of it. Not among
# them are single pages, except below a module that is loaded, as user space fails without them, and what vmalloc()
# needs for itself, of which the kernel complains.
#
# Nothing may use the memory of dax devices, it is taken away. Needs CONFIG_FAILSLAB, also
# CONFIG_FAULT_INJECTION_STACKTRACE_FILTER, and slab_nomerge on the command line, so that the memory of the kernel's
# checkers can be told from that of others. x86_64 only: the numbers of the system calls.
use strict;
use warnings;
no warnings 'portable';
use constant PAGE => '/sys/kernel/debug/fail_page_alloc';
# More than any operation has.
use constant MOST => 2000;

BEGIN { require './fault-lib.pl' }
our ($complaint, $module);

# The text of a module; what it calls is below it on the stack.
sub text_of {
	my ($module) = @_;
	my ($size, $base) = get('/proc/modules') =~ /^$module (\d+) .* (0x[0-9a-f]+)/m or die "$module is not loaded\n";
	return (hex $base, hex($base) + $size);
}

# The text of a function of the kernel.
sub function {
	my ($name) = @_;
	my ($start, $end) = get('/proc/kallsyms') =~ /^(\w+) T $name\n(\w+)/m or die "no function $name\n";
	return (hex $start, hex $end);
}
# Where it gets no memory for this, the kernel itself complains.
my ($spare_start, $spare_end) = function('__vmalloc_node_range_noprof');

# Of these two, the first lets allocations fail wherever they are done, but only those below a module, and as its
# count cannot be set, for one operation only since boot. The other counts those of this task.
my $count = 0;
my %anywhere = (
	arm => sub {
		my ($nth) = @_;
		# Without an interval it does not count.
		set(SLAB . '/interval', $nth == 1 ? 1 : $count + $nth);
		set(SLAB . '/times', 1);
		set(SLAB . '/probability', 100);
	},
	disarm => sub {
		my ($nth) = @_;
		my $failed = get(SLAB . '/times') == 0;
		set(SLAB . '/probability', 0);
		$count += $nth if $failed && $nth > 1;
		return $failed;
	},
);
my ($nth_out, $nth_in);
my %this_task = (
	arm => sub { syswrite $nth_out, $_[0] or die "fail-nth: $!\n" },
	disarm => sub {
		sysread $nth_in, my $left, 16;
		syswrite $nth_out, 0;
		return $left == 0;
	},
);

sub prepare {
	my ($operation) = @_;
	my ($start, $end) = (0, ~0);
	($start, $end) = text_of($operation->{below}) if $operation->{below};
	for my $kind (SLAB, PAGE) {
		set("$kind/require-start", sprintf '%#x', $start);
		set("$kind/require-end", sprintf '%#x', $end);
		set("$kind/reject-start", sprintf '%#x', $spare_start);
		set("$kind/reject-end", sprintf '%#x', $spare_end);
	}
	# Pages are what user space fails without, so only below a module.
	set(PAGE . '/min-order', $operation->{below} ? 0 : 1);
	open $nth_out, '>', '/proc/self/fail-nth' or die "fail-nth: $!\n";
	open $nth_in, '<', '/proc/self/fail-nth' or die "fail-nth: $!\n";
}

# How the log names the error. C has EINVAL for names that cannot be made, and functions that only tell that a range
# cannot be had make it EBUSY; of memory that is added, mm says EEXIST then. The driver core names what failed.
# dax_hmem leaves it at that.
my $anonymous = $module eq 'hmem_rs' ? qr/(*FAIL)/ : qr/probe with driver hmem failed with error -22/;
my $named = qr/ENOMEM|-12\b|
	(?:memory\ add|driver_sysfs_add|device_add_groups\(\)|sysfs\ add)\ failed|
	failed\ to\ create\ module\ links|could\ not\ reserve\ region|
	$anonymous|no\ device\ for\ .*:\ (?:-22\b|-EINVAL)|no\ dax\ (?:region|device)\ for\ .*:\ (?:-16\b|-EBUSY|-22\b|-EINVAL)/x;

# The table keeps the error of the last attempt, until there is another one.
sub settled { return $_[0] =~ s/ errno -\d+$/ errno 0/mgr }

# Without a file in debugfs a driver goes on, and debugfs says nothing. All else has to be there.
sub tableless { return join "\n", grep { !/^(?:range|  \w+ 0x)/ } split /\n/, $_[0] }

# The kernel warns where it gets no memory for the messages of a module that can be switched on, and goes on; and
# where there is none for a memory map, which it also tells by an error.
my $expected = qr{
	^-+\[\ cut\ here\ \].*\n(?:(?!-+\[\ cut\ here).*\n)*?
	WARNING:\ \S*(?:lib/dynamic_debug|arch/x86/mm/init_64)\.c(?s:.*?)\n-+\[\ end\ trace\ .*\n |
	^.*:\ vmemmap\ alloc\ failure:(?s:.*?)^Mem-Info:
}mx;

# What allocates for others.
my $allocator = qr/^(?:dump_stack|should_fail|__should_fail|fail_dump|kmem_cache_|__?k\w*alloc|k\w*alloc|kmemdup|kstrdup|
	k?v?k?asprintf|__alloc_|alloc_pages|alloc_frozen|prepare_alloc|allocate_slab|new_slab|__pcs_|\w*slab_alloc|\w*refill|
	\w*sheaf|rust_helper_|_R\w*6kernel5alloc)/x;

# A name as Rust mangles it, without what tells versions and types apart.
sub readable {
	my ($name) = @_;
	return $name unless $name =~ s/^_R//;
	$name =~ s/C?s[0-9A-Za-z]*_(?=\d)//g;
	$name =~ s/B[0-9A-Za-z]*_//g;
	my @words;
	while ($name =~ /(\d+)_?/g) {
		push @words, substr $name, pos $name, $1;
		pos($name) += $1;
	}
	return join '::', @words;
}

# The traces of failures on request, taken out of the log: the whole way to the last one, and the function.
sub traces {
	my ($log) = @_;
	my ($way, $function) = ('', '');
	$log =~ s{^FAULT_INJECTION: forcing a failure\.\\x0a(.*?)^ </TASK>\n}{
		my @frames = $1 =~ /^ +([\w.]+\+0x\w+)/mg;
		$way = join ' ', @frames;
		($function) = map { s/\+0x.*//r } grep { !/$allocator/ } @frames;
		''
	}gmse;
	return ($log, $way, readable($function // ''));
}

# Waits until the log tells of so many decisions. Reading the table allocates as well, and with two tasks at the same
# time a count may miss the one that was to fail.
sub decisions {
	my ($ranges) = @_;
	my $log = '';
	for (1 .. 100) {
		$log .= logged();
		last if (() = $log =~ /: range .* state decided|cannot (?:decide|ask)/g) >= $ranges;
		select undef, undef, undef, 0.1;
		print "# the log does not tell of $ranges decisions\n" if $_ == 100;
	}
	return $log;
}

# One time: $before and $after are the pictures without and with the operation done. Returns the way to what failed.
sub once {
	my ($operation, $nth, $before, $after, $sum) = @_;
	prepare($operation);
	my $act = $operation->{act}->();
	my $way = $operation->{anywhere} ? \%anywhere : \%this_task;
	logged();
	$way->{arm}->($nth);
	my $error = $act->();
	# What is decided later belongs to it.
	my $said = $operation->{anywhere} && !$error ? decisions(scalar(() = $after =~ /^range /mg)) : '';
	my $failed = $way->{disarm}->($nth);
	my $now = picture();
	my ($log, $way_to, $function) = traces($said . logged());
	$log =~ s/$expected//g;
	die "the kernel complains:\n$log" if $log =~ $complaint;
	my $wrong = untrue();
	die "the table is not true:\n$wrong\n$log" if $wrong;

	if ($error) {
		local $! = $error;
		die "refused with '$!'\n$log" unless $error == ENOMEM || $log =~ $named;
		die "refused, but not undone:\n" . differs($before, $now) . $log if settled($now) ne $before;
	} elsif ($now ne $after) {
		die "succeeded without a word:\n" . differs($after, $now) . $log
			unless $log =~ $named || !-e TABLE() && tableless($now) eq tableless($after);
		die "differs without a failure:\n" . differs($after, $now) . $log unless $failed;
	}
	return unless $failed;
	$sum->{all}++;
	# Who may fail silently leaves no trace, as the page for a cache that can do with a smaller one.
	$sum->{in}{$function || 'silent'}++;
	$sum->{refused}++ if $error;
	$sum->{told}++ if $log =~ $named;
	$sum->{said}++ if $operation->{says} && $log =~ $operation->{says};
	$sum->{partly}++ if !$error && $now ne $after;
	$sum->{harmless}++ if $now eq $after;

	# As an administrator would: undo what there is, and do it again.
	$operation->{undo}->() unless $error;
	$now = picture();
	die "undone, there is left:\n" . differs($before, $now) . $log if settled($now) ne $before;
	$error = $operation->{act}->()->();
	local $! = $error;
	die "refused without a failure: $!\n" . logged() if $error;
	$now = picture();
	die "done again, it is not whole:\n" . differs($after, $now) . $log . logged() if $now ne $after;
	$operation->{undo}->();
	return $way_to;
}

# Undone when it begins, and done when it ends.
sub each_fails {
	my ($operation, $sum) = @_;
	$operation->{undo}->();
	my $before = picture();
	my $error = $operation->{act}->()->();
	local $! = $error;
	die "refused without a failure: $!\n" . logged() if $error;
	my $after = picture();
	die "it changes nothing\n" if $after eq $before;
	$operation->{undo}->();
	my ($nth, $again, %seen) = (1, 0);
	while ($nth < MOST) {
		my $way_to = eval { once($operation, $nth, $before, $after, $sum) };
		die "allocation $nth: $@" if $@;
		last unless defined $way_to;
		# Where a cache takes a new page there is an allocation more than the next time: then this one's turn is yet to come.
		my $known = $seen{$way_to}++ || $way_to =~ /^$|slab\+/;
		$again = $known && !$again;
		$nth++ unless $again;
	}
	die "there is no end\n" if $nth == MOST;
	$sum->{ways} = keys %seen;
	die "only $sum->{all} allocations failed\n" if $sum->{all} < $operation->{least};
	die "the log never says $operation->{says}\n" if $operation->{says} && !$sum->{said};
}

sub writes {
	my ($file, $text) = @_;
	return sub {
		sysopen my $out, $file, O_WRONLY or die "$file: $!\n";
		return sub { return defined syswrite($out, $text) ? 0 : 0 + $! };
	};
}

sub loads {
	my ($module) = @_;
	return sub {
		my $file = module($module);
		return sub { return load($file) };
	};
}

sub unloads {
	my ($module) = @_;
	return sub {
		local $! = unload($module) or return;
		die "cannot unload $module: $!\n";
	};
}

# Something with a driver: bound by hand, so that nothing else happens in the same step.
sub binds {
	my ($driver, $device) = @_;
	return (act => writes("$driver/bind", $device), undo => sub { set("$driver/unbind", $device) });
}

my ($hmem) = map { s/.*\///r } files(PLATFORM . '/drivers/hmem', 'hmem\..*');
my ($dax) = map { s/.*\///r } files(KMEM, 'dax.*');
die "no hmem device, or no dax device that kmem is bound to\n" unless $hmem && $dax;
my $state = DAX . "/devices/$dax/state";
my $policy = '/sys/module/dax/parameters/policy';

my %operations = (
	'load-hmem_rs' => { act => loads($module), undo => unloads($module), least => 50, hold => [DAX] },
	'load-kmem' => { act => loads('kmem'), undo => unloads('kmem'), least => 50, hold => [DAX] },
	'bind-hmem_platform' =>
		{ binds(PLATFORM . '/drivers/hmem_platform', HOST), least => 10, below => $module, hold => [PLATFORM] },
	'decide' => { binds(PLATFORM . '/drivers/hmem_platform', HOST), least => 40, below => $module, anywhere => 1,
		hold => [PLATFORM] },
	'bind-hmem' => { binds(PLATFORM . '/drivers/hmem', $hmem), least => 20, below => $module, hold => [DAX] },
	'bind-kmem' => { binds(KMEM, $dax), least => 10, below => 'kmem' },
	'state-online' => { act => writes($state, 'online_movable'), undo => sub { set($state, 'unplugged') }, least => 10,
		below => 'kmem', says => qr/$dax: mapping0: .* memory add failed/ },
	'state-unplug' => { act => writes($state, 'unplugged'), undo => sub { set($state, 'online_movable') }, least => 2,
		below => 'kmem' },
	'set_state-online' => { act => writes(KMEM . '/set_state', 'online_movable all'), least => 10, below => 'kmem',
		undo => sub { set(KMEM . '/set_state', 'unplugged all') } },
	'set_state-unplug' => { act => writes(KMEM . '/set_state', 'unplugged all'), least => 2, below => 'kmem',
		undo => sub { set(KMEM . '/set_state', 'online_movable all') } },
	'policy' => { act => writes($policy, "node0:kmem,online_movable;*:device_dax\n"), least => 2,
		undo => sub { set($policy, "\n") } },
);

choose_caches();
for my $kind (SLAB, PAGE) {
	set("$kind/ignore-gfp-wait", 'N');
	# With a trace.
	set("$kind/verbose", 2);
}
set(SLAB . '/space', 0);

# All drivers take what is theirs, and no memory is used.
sub whole {
	have_module($_) for $module, 'kmem';
	set("$_/state", 'unplugged') for files(KMEM, 'dax.*');
	set(PLATFORM . '/drivers/hmem_platform/unbind', HOST) if driver_of(PLATFORM . '/devices/' . HOST) ne 'none';
	set($policy, "\n") if -e $policy;
	set(PLATFORM . '/drivers/hmem_platform/bind', HOST);
	picture();
	set("$_/state", 'unplugged') for files(KMEM, 'dax.*');
	return picture();
}

print "TAP version 13\n1.." . 3 * @ARGV . "\n";
my $whole = whole();
for my $name (@ARGV) {
	my $operation = $operations{$name} or die "no operation $name: there are " . join(', ', sort keys %operations) . "\n";
	my %sum = ((map { $_ => 0 } qw(all ways refused told partly harmless)), in => {});
	my $begin = time;
	set("$_/drivers_autoprobe", 0) for @{$operation->{hold} // []};
	eval { each_fails($operation, \%sum); 1 };
	my $reason = $@;
	set("$_/drivers_autoprobe", 1) for @{$operation->{hold} // []};
	printf "# %s: %d allocations failed, in %d s: %d times it was refused, %d times it did a part, %d times "
		. "no harm came of it; %d times the log has the error\n", $name, $sum{all}, time - $begin, $sum{refused}, $sum{partly},
		$sum{harmless}, $sum{told};
	printf "# %s: in %d ways of %d functions: %s\n", $name, $sum{ways}, scalar keys %{$sum{in}},
		join(', ', map { "$_ $sum{in}{$_}" } sort keys %{$sum{in}});
	result("$name: each allocation may fail", $reason);
	my $now = eval { whole() };
	result("$name: all is as before", $@ || differs($whole, $now));
	result("$name: nothing leaked", leaks());
}
finish();
