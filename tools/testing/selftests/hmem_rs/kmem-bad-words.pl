#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
#
# kmem-bad-words.pl COUNT state|id|set FILE: writes to FILE the words of a table and COUNT generated ones, none of which
# is right there, and says which of them did not fail with the error that the documentation has for it.
#
#   state   a word for the memory of a device
#   id      the name of a device, as for new_id of a driver
#   set     a word and devices, as for set_state of kmem; there is no region or node above 4000
use strict;
use warnings;
use constant EINVAL => 22;
use constant ENODEV => 19;
use constant PAGE => 4096;

my ($count, $kind, $file) = @ARGV;
srand 4711;

# What the kernel reads: up to a NUL, without one newline, of the page that it takes at most.
sub text {
	my ($bytes) = @_;
	$bytes = substr $bytes, 0, PAGE;
	$bytes =~ s/\0.*//s;
	$bytes =~ s/\n\z//;
	return $bytes;
}

my $word = qr/unplugged|online|online_kernel|online_movable/;
my $number = qr/0|[1-9][0-9]*/;
my $selector = qr/all|node$number|region$number|dax$number\.$number/;

# The error that the word must fail with; none if it may be right.
sub error {
	my ($bytes) = @_;
	my $text = text($bytes);
	if ($kind eq 'state') {
		return $text =~ /\A$word\z/ ? undef : EINVAL;
	}
	if ($kind eq 'id') {
		return $text =~ /\Adax-?$number\.-?$number\z/ ? undef : EINVAL;
	}
	return EINVAL unless $text =~ /\A *$word(?: +$selector)+ *\z/;
	for ($text =~ /(\d+)/g) {
		return EINVAL if length > 10 || $_ > 0xffffffff;
	}
	return ENODEV if $text =~ /(?:node|region|dax)[4-9][0-9]{3,}/;
	return undef;
}

my %right = (
	state => ['unplugged', 'online', 'online_kernel', 'online_movable'],
	id => ['dax0.0', 'dax12.34'],
	set => ['unplugged all', 'online_movable node4001', 'online_kernel dax4001.0 region4002', 'unplugged node4003 all'],
);

my @table = ('offline', 'Online', 'ONLINE', 'online_', ' online', 'online ', "online\n\n", "\nonline", "online\r\n",
	"online\t", 'online_movabl', 'online_movablee', 'online-movable', 'unplug', 'unpluggedd', 'unplugged unplugged',
	'offline all', 'all', 'all unplugged', 'unplugged', 'unplugged All', 'unplugged node', 'unplugged node-1',
	'unplugged node01', 'unplugged node4294967296', 'unplugged region', 'unplugged region1.0', 'unplugged dax',
	'unplugged dax0', 'unplugged dax0.', 'unplugged dax.0', 'unplugged dax0.0.0', 'unplugged dax00.0', 'unplugged all,all',
	"unplugged\tall", "unplugged\nall", 'unplugged all junk', 'unplugged node4001', 'unplugged all dax4001.0',
	'0', '1', '-1', '0x1', '%s%n', '../state', 'dax', 'dax0', 'dax.0', 'dax0.', 'dax00.0', 'dax0.00', 'dax0.0 ', ' dax0.0',
	'dax0.0x', 'Dax0.0', "dax0.0\n\n", 'dax99999999999.0', 'dax0x1.0', "\0", "\0online", "\n", ' ', "\xff" x 8,
	"\xe2\x80\xae", 'online' . ' ' x 4090, 'online_movable' x 1000, 'unplugged ' . 'all ' x 2000 . 'x', 'a' x PAGE,
	'dax' . '9' x 4000 . '.0', "online\x01");

sub pick { return $_[rand @_] }
sub bytes { return join '', map { chr rand 256 } 1 .. $_[0] }

# A word that is nearly right.
sub generate {
	my $bytes = pick(@{$right{$kind}});
	my $way = rand;
	return bytes(1 + rand 64) if $way < 0.1;
	return bytes(1) x (1 + rand 9000) if $way < 0.12;
	return $bytes . pick(' ', '  ', "\n", "\t", ',') . pick(map { @$_ } values %right) if $way < 0.2;
	return $bytes =~ s/(\d+)/pick('', '-1', '0' . $1, $1 . '9' x rand 30, '0x1', '+1', '4294967295', '4294967296')/er
		if $way < 0.35 && $bytes =~ /\d/;
	for (0 .. rand 3) {
		my $at = int rand 1 + length $bytes;
		my $change = int rand 5;
		$change == 0 ? substr($bytes, $at, 1, '')
		    : $change == 1 ? substr($bytes, $at, 0, chr rand 256)
		    : $change == 2 ? substr($bytes, $at, 0, pick("\0", "\n", ' ', '_', '.', '-', '0'))
		    : $change == 3 ? substr($bytes, $at, 1, chr(ord(substr($bytes, $at, 1) || 'x') ^ 1 << rand 8))
		    : substr($bytes, 0, $at, '');
	}
	return $bytes;
}

my ($written, $wrong) = (0, 0);
sub try {
	my ($bytes) = @_;
	my $expected = error($bytes) // return;
	return if $bytes eq '';
	open my $out, '>', $file or die "$file: $!";
	my $done = syswrite $out, $bytes;
	my $error = defined $done ? 0 : 0 + $!;
	$written++;
	return if $error == $expected;
	$wrong++;
	printf "'%s': error %d, not %d\n", substr($bytes, 0, 80) =~ s/[^ -~]/sprintf '\\x%02x', ord $&/ger, $error, $expected;
}

try($_) for @table;
# How many words of the table are wrong depends on the kind; the generated ones come on top.
my $table = $written;
while ($written < $count + $table) {
	try(generate());
	last if $wrong > 10;
}
print "$written words\n";
exit($wrong > 0);
