// Package sim runs whole clusters in one process, with a seeded queue of events in place of time, network,
// disks and kernels, and checks after every step that no two nodes answer for one address.
//
// What is real: lease.Holder, lease.Voter, lease.Tally, lease.ChangeGate, the replicated state's Apply and
// the placement. What is modelled: Raft (terms, votes, a log that is overwritten and committed by the rules,
// single-server voter changes that count when appended), the kernel's gate, which shuts by itself and up to
// a few milliseconds late, clocks that run up to 1 % apart, a disk that loses what was not synced, and the
// daemon around the machines, which does what the design says and nothing more.
//
// The same seed gives the same run, to the nanosecond.
package sim
