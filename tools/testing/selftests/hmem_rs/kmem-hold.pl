#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# kmem-hold.pl use|pin NODE: works on 16 MiB of random data, all of it on that node, until there is something to read
# from its input. Run it with numactl, which puts the data there. With "pin" it only waits, with some of the pages in
# a pipe, so that they cannot be moved.
#
# Says "on the node" when it begins, and "data is right" in the end, or what is wrong with it.
#
# x86_64 only: the numbers of the system calls.
use strict;
use warnings;
no warnings 'portable';
use constant { READ => 0, WRITE => 1, MMAP => 9, VMSPLICE => 278 };
use constant { PAGE => 4096, PAGES => 4096, PINNED => 16 };

my ($mode, $node) = @ARGV;

$| = 1;
alarm 900;
pipe my $out, my $in or die "pipe: $!";
my $address = syscall MMAP, 0, PAGES * PAGE, 3, 0x22, -1, 0;
$address > 0 or die "mmap: $!";

# perl reaches the memory through the kernel only.
sub put {
	my ($page, $data) = @_;
	syswrite($in, $data) == PAGE or die "write: $!";
	syscall(READ, fileno $out, $address + $page * PAGE, PAGE) == PAGE or die "read: $!";
}

sub get {
	my ($page) = @_;
	syscall(WRITE, fileno $in, $address + $page * PAGE, PAGE) == PAGE or die "write: $!";
	sysread($out, my $data, PAGE) == PAGE or die "read: $!";
	return $data;
}

open my $random, '<:raw', '/dev/urandom' or die "urandom: $!";
read $random, my $data, PAGE;
# What page N holds in round R: no two pages are alike, and no page is what it was.
sub expected { my ($page, $round) = @_; return pack('Q2', $page, $round) . substr $data, 16 }

put($_, expected($_, 0)) for 0 .. PAGES - 1;
# The last line that begins at or below the memory is its own.
open my $maps, '<', '/proc/self/numa_maps' or die "numa_maps: $!";
my $line = '';
while (<$maps>) {
	$line = $_ if /^(\w+) / && hex $1 <= $address;
}
my %pages = $line =~ /\bN(\d+)=(\d+)/g;
keys %pages == 1 && ($pages{$node} // 0) >= PAGES or die "not on node $node: $line";

# Whether there is something to read; waits for it if no time is given.
sub ended {
	my ($seconds) = @_;
	my $bits = '';
	vec($bits, fileno STDIN, 1) = 1;
	return select($bits, undef, undef, $seconds) > 0;
}

if ($mode eq 'pin') {
	my $vector = pack 'QQ', $address, PINNED * PAGE;
	syscall(VMSPLICE, fileno $in, $vector, 1, 0) > 0 or die "vmsplice: $!";
}
print "on the node\n";
if ($mode eq 'pin') {
	ended();
	sysread $out, my $rest, PINNED * PAGE;
}

for (my $round = 0; ; $round++) {
	for my $page (0 .. PAGES - 1) {
		get($page) eq expected($page, $round) or die "page $page is wrong in round $round";
		put($page, expected($page, $round + 1));
	}
	last if ended(0);
}
print "data is right\n";
