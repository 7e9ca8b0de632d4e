#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# order.pl PROGRAM MAP CALLGRIND-FILE...: a linker script that begins the code of PROGRAM with what the runs executed. What
# the same runs have in common stands together, what all have in common first.
use strict;
use warnings;

my ($program, $map, @runs) = @ARGV;
@runs or die "usage: order.pl PROGRAM MAP CALLGRIND-FILE...\n";

# Where each input section went, by the linker's map: a name, then address, size and file, often on the next line.
my (@sections, $name);
open my $in, '<', $map or die "$map: $!\n";
while (<$in>) {
  $name = $1 if /^ (\.text\.\S+)/;
  next unless defined $name && /\s0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+\S/;
  push @sections, [hex $1, hex $2, $name] if hex $1 && hex $2;
  undef $name;
}
@sections = sort { $a->[0] <=> $b->[0] } @sections;
@sections or die "$map: names no section of code: was it made with -ffunction-sections?\n";

sub section_at {
  my ($address) = @_;
  my ($low, $high) = (0, $#sections);
  while ($low < $high) {
    my $middle = int(($low + $high + 1) / 2);
    if ($sections[$middle][0] <= $address) { $low = $middle } else { $high = $middle - 1 }
  }
  my ($start, $size, $section) = @{$sections[$low]};
  return $address >= $start && $address < $start + $size ? $section : undef;
}

# A constructor has several names and one body, hence by way of its address.
my %section_of;
open my $symbols, '-|', 'nm', $program or die "nm: $!\n";
while (<$symbols>) {
  my ($address, $symbol) = /^([0-9a-f]+) [tTwWuV] (\S+)$/ or next;
  my $section = section_at(hex $address) // next;
  push @{$section_of{$symbol}}, $section;
}

# In callgrind's format a name is written out where it is used first, by a number then.
my %by;
for my $run (0 .. $#runs) {
  my (%object, %function, $ours, %seen);
  open my $calls, '<', $runs[$run] or die "$runs[$run]: $!\n";
  while (<$calls>) {
    next unless /^(c?ob|c?fn)=\((\d+)\)(?: (.*))?$/;
    my ($what, $number, $text) = ($1, $2, $3);
    if ($what =~ /ob/) {
      $object{$number} = $text if defined $text;
      $ours = $object{$number} =~ m{/tclone$} if $what eq 'ob';
    } else {
      ($function{$number} = $text) =~ s/'\d+$// if defined $text;
      $seen{$function{$number}} = 1 if $what eq 'fn' && $ours;
    }
  }
  for my $symbol (keys %seen) { $by{$_} |= 1 << $run for @{$section_of{$symbol} // []} }
}
%by or die "nothing of $program was executed\n";

# A name is cut where no other section begins alike: it then holds for other parameters too.
my @all = sort map { $_->[2] } @sections;
my %shorter;
for my $i (0 .. $#all) {
  my $section = $all[$i];
  next unless $by{$section};
  my $need = 0;
  for my $beside ($i > 0 ? $all[$i - 1] : '', $i < $#all ? $all[$i + 1] : '') {
    next if $beside eq $section;
    my $same = 0;
    $same++ while $same < length $section && substr($section, $same, 1) eq substr($beside, $same, 1);
    $need = $same if $same > $need;
  }
  $shorter{$section} = $need + 1 < length $section ? substr($section, 0, $need + 1) . '*' : $section;
}

sub bits { return scalar grep { $by{$_[0]} & 1 << $_ } 0 .. $#runs }
print "/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made by ./dev order, which says what it is for. */\n";
print "SECTIONS\n{\n.text.together :\n{\n";
my %printed;
for (sort { bits($b) <=> bits($a) || $by{$b} <=> $by{$a} || $a cmp $b } keys %by) {
  print " *($shorter{$_})\n" unless $printed{$shorter{$_}}++;
}
print "}\n}\nINSERT BEFORE .text;\n";
