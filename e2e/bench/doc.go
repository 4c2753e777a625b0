// Command bench compares vipd with keepalived: both run as real processes in the
// same kind of lab, in turn, and a probe on a client measures what they are for,
// the time during which nobody answers.
//
// The sections (-only): failover, ipv6, addresses, groups, disk, idle, load. Each opens a
// fresh lab for a system, does a few repetitions, closes it and goes on with the
// next system, and all of that for several rounds, so that whatever disturbs the
// machine for a while disturbs all of them.
//
// A repetition begins with all hosts well and one of them holding everything.
// The probe watches from before the fault until after the repair. Two numbers
// come out: the longest time between two answers around the fault, and the times
// during which two hosts answered.
//
// keepalived is configured as its users do it: the defaults, priorities that
// differ, nopreempt so that a repaired host does not cause another change.
// Everything after the first twenty addresses of an instance is in
// virtual_ipaddress_excluded, as its manual advises.
package main
