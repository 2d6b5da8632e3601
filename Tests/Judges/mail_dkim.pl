#!/usr/bin/perl
# What Mail::DKIM says of each message of a folder: mail_dkim.pl FOLDER RECORDS
# RECORDS has lines "name record"; no other name exists. Prints for each message a line: its name, the results of its DKIM signatures as selector.domain=result,
# and that of its ARC chain, with tabs between.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::DNS;

package Names;
use Net::DNS;

sub new { my ($class, $path) = @_; my %records; open my $f, '<', $path or die $!; while (<$f>) { chomp; my ($n, $r) = split / /, $_, 2; $records{lc $n} = $r; } return bless \%records, $class; }
sub errorstring { return 'NXDOMAIN'; }

sub send {
    my ($self, $name, $type) = @_;
    my $packet = Net::DNS::Packet->new($name, $type);
    my $record = $self->{lc $name};
    if (defined $record && $type eq 'TXT') { $packet->push(answer => Net::DNS::RR->new(name => $name, type => 'TXT', txtdata => [$record =~ /(.{1,255})/g])); }
    else { $packet->header->rcode('NXDOMAIN'); }
    return $packet;
}

package main;
my ($folder, $records) = @ARGV;
Mail::DKIM::DNS::resolver(Names->new($records));
opendir my $d, $folder or die $!;
for my $name (sort grep { !/^\./ } readdir $d) {
    open my $f, '<:raw', "$folder/$name" or die $!;
    local $/;
    my $text = <$f>;
    my $dkim = Mail::DKIM::Verifier->new();
    $dkim->PRINT($text);
    $dkim->CLOSE;
    my @found = map { join '=', ($_->selector // '') . '.' . ($_->domain // ''), $_->result // '' } $dkim->signatures;
    my $arc = Mail::DKIM::ARC::Verifier->new();
    $arc->PRINT($text);
    $arc->CLOSE;
    print join("\t", $name, join(' ', @found), $arc->result // ''), "\n";
}
