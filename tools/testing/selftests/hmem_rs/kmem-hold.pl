#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# kmem-hold.pl use|pin NODE: has 16 MiB of memory on a node, full of random data, until its input ends. Then it
# checks the data. With "pin", some of the pages are in a pipe in the meantime and cannot be moved.
#
# x86_64 only: the numbers of the system calls.
use strict;
use warnings;
use constant { READ => 0, WRITE => 1, MMAP => 9, MBIND => 237, VMSPLICE => 278 };

my ($mode, $node) = @ARGV;
my $size = 16 << 20;

$| = 1;
open my $random, '<:raw', '/dev/urandom' or die "urandom: $!";
read $random, my $page, 4096;
my $data = $page x ($size / 4096);

my $address = syscall MMAP, 0, $size, 3, 0x22, -1, 0;
$address > 0 or die "mmap: $!";
my $nodes = pack 'Q2', 1 << $node, 0;
syscall(MBIND, $address, $size, 2, $nodes, 65, 0) == 0 or die "mbind: $!";

# The kernel writes to the memory, as perl cannot.
pipe my $out, my $in or die "pipe: $!";
for (my $at = 0; $at < $size; $at += 4096) {
	syswrite($in, $page) == 4096 or die "write: $!";
	syscall(READ, fileno $out, $address + $at, 4096) == 4096 or die "read: $!";
}
open my $maps, '<', '/proc/self/numa_maps' or die "numa_maps: $!";
grep { /N$node=4096\b/ } <$maps> or die "not on node $node";

if ($mode eq 'pin') {
	my $vector = pack 'QQ', $address, 16 * 4096;
	syscall(VMSPLICE, fileno $in, $vector, 1, 0) > 0 or die "vmsplice: $!";
}

print "on the node\n";
1 while <STDIN>;

if ($mode eq 'pin') {
	sysread $out, my $rest, 16 * 4096;
}
for (my $at = 0; $at < $size; $at += 4096) {
	syscall(WRITE, fileno $in, $address + $at, 4096) == 4096 or die "write: $!";
	sysread($out, my $now, 4096) == 4096 or die "read: $!";
	$now eq $page or die "data differs at $at";
}
print "data is right\n";
