#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# kmem-race.pl COUNT STATE [SET_STATE DEVICE]: four writers write COUNT random words in all to the file STATE, some of
# them to SET_STATE instead, while two readers read STATE. Then it looks for an order of all that was done, in which
# each write and each read does what the documentation says of it, and none comes before one that had ended when it
# began. If there is none, then what was seen cannot be explained: it says so, and fails.
#
# The memory must be unplugged when it begins. x86_64 only: the numbers of the system calls.
use strict;
use warnings;
use constant { CLOCK_GETTIME => 228, CLOCK_MONOTONIC => 1 };
use constant { WRITERS => 4, READERS => 2 };

my ($count, $state, $set_state, $device) = @ARGV;

# Not online or online_kernel: memory for any use might never go away again.
my @legal = ('unplugged', 'online_movable');
my @illegal = ('offline', 'junk', 'onlinee', 'ONLINE', 'online_movable online', ' online', "unplugged\n\n", "\0", '0');

sub now {
	my $time = "\0" x 16;
	syscall CLOCK_GETTIME, CLOCK_MONOTONIC, $time;
	my ($seconds, $nanoseconds) = unpack 'q2', $time;
	return $seconds * 1e9 + $nanoseconds;
}

# What an event does: from which states it is possible, and to which state it leads.
my %errors = (22 => 'EINVAL', 16 => 'EBUSY');

sub after {
	my ($from, $kind, $word, $result) = @_;
	return $from eq $word ? $from : undef if $kind eq 'read';
	my $legal = grep { $_ eq $word } @legal;
	return $result eq 'EINVAL' ? $from : undef unless $legal;
	return $word if $result eq 'ok';
	# Memory that cannot be moved away now: all stays as it was.
	return $from if $word eq 'unplugged' && $result eq 'EBUSY' && $from ne 'unplugged';
	return undef;
}

sub write_word {
	my ($file, $text) = @_;
	open my $out, '>', $file or die "$file: $!";
	my $begin = now();
	my $done = syswrite $out, $text;
	my $result = !defined $done ? $errors{0 + $!} // "errno " . (0 + $!) : $done == length $text ? 'ok' : 'short';
	return ($begin, now(), $result);
}

sub writer {
	my ($log, $seed) = @_;
	srand $seed;
	for (1 .. $count / WRITERS) {
		my $word = rand() < 0.7 ? $legal[rand @legal] : $illegal[rand @illegal];
		my $text = $word;
		$text .= ("\n", "\0", '')[rand 3] if $word eq 'unplugged' || $word eq 'online_movable';
		my ($file, $all) = ($state, $text);
		if (defined $set_state && $word !~ / |\0/ && rand() < 0.25) {
			($file, $all) = ($set_state, "$word $device");
		}
		my ($begin, $end, $result) = write_word($file, $all);
		printf $log "%d %d write %s %s\n", $begin, $end, unpack('H*', $word), $result;
	}
}

sub reader {
	my ($log) = @_;
	my $stop = 0;
	local $SIG{TERM} = sub { $stop = 1 };
	until ($stop) {
		open my $in, '<', $state or die "$state: $!";
		my $begin = now();
		sysread $in, my $word, 64;
		my $end = now();
		chomp $word;
		printf $log "%d %d read %s -\n", $begin, $end, unpack 'H*', $word;
		select undef, undef, undef, 0.005;
	}
}

# Starts a child that writes what it did to a file without a name.
my (@logs, @children);
sub start {
	my ($work, @arguments) = @_;
	open my $log, '+>', undef or die "temporary file: $!";
	my $child = fork // die "fork: $!";
	if (!$child) {
		$work->($log, @arguments);
		close $log;
		exec '/bin/true';
	}
	push @logs, $log;
	push @children, $child;
}

start(\&reader) for 1 .. READERS;
start(\&writer, $_) for 1 .. WRITERS;
my $failed = 0;
waitpid($_, 0), $failed ||= $? for @children[READERS .. READERS + WRITERS - 1];
kill TERM => $_ for @children[0 .. READERS - 1];
waitpid($_, 0) for @children[0 .. READERS - 1];
die "a writer failed\n" if $failed;

# Each one's events are in order already.
my (@events, %seen);
for my $log (@logs) {
	seek $log, 0, 0;
	my @own;
	while (<$log>) {
		my ($begin, $end, $kind, $word, $result) = split ' ';
		$word = pack 'H*', $word;
		push @own, [$begin, $end, $kind, $word, $result];
		$seen{"$kind $word $result"}++;
	}
	push @events, \@own;
}

# Searches for the order: the positions reached in all sequences, with the state there. Depth first, nothing twice.
my %tried;
my @stack = ([[(0) x @events], 'unplugged']);
my ($farthest, $where) = (-1, undef);
SEARCH: while (@stack) {
	my ($at, $now) = @{pop @stack};
	next if $tried{"@$at $now"}++;
	my $done = 0;
	$done += $_ for @$at;
	($farthest, $where) = ($done, [$at, $now]) if $done > $farthest;
	# Nothing can come next that began after another one ended that is still to come.
	my @next = grep { $at->[$_] < @{$events[$_]} } 0 .. $#events;
	last SEARCH unless @next;
	my $limit = 9e99;
	for (@next) { my $end = $events[$_][$at->[$_]][1]; $limit = $end if $end < $limit }
	for my $i (@next) {
		my ($begin, undef, $kind, $word, $result) = @{$events[$i][$at->[$i]]};
		next if $begin > $limit;
		my $then = after($now, $kind, $word, $result) // next;
		my @then = @$at;
		$then[$i]++;
		push @stack, [\@then, $then];
	}
}

my $all = 0;
$all += @$_ for @events;
printf "%4d %s\n", $seen{$_}, $_ =~ s/[^ -~]/?/gr for sort keys %seen;
if ($farthest < $all) {
	my ($at, $now) = @$where;
	print "no order explains it: $farthest of $all events, the state is '$now' then, and next come\n";
	for my $i (0 .. $#events) {
		my $event = $events[$i][$at->[$i]] or next;
		printf "  from %.3f to %.3f ms: %s\n", $event->[0] / 1e6, $event->[1] / 1e6, join ' ', @$event[2 .. 4];
	}
	exit 1;
}
my $changes = ($seen{'write unplugged ok'} // 0) + ($seen{'write online_movable ok'} // 0);
$changes >= $count / 2 or die "only $changes of $count writes changed something\n";
