// Command chaos plays faults at random against real daemons and looks for what must never be: two hosts that answer for
// one address, an acknowledged command that is lost or out of order, a cluster that does not recover.
//
// Five nodes of vipd, a client and two keepalived peers are in network namespaces of this machine. A schedule of faults
// comes from a seed ([Plan], a pure function), so that a schedule that found something can be played again; what the
// daemons do meanwhile is theirs, so a second run may end otherwise. Executors do what the schedule says
// (executors), a supervisor starts daemons again as systemd would, and these look on:
//
//   - a probe asks each host for each address (package probe);
//   - clients apply specifications and read them through any node; what they were told is checked by porcupine, a
//     checker of linearizability, see [history];
//   - when the faults are over, all groups must have holders within a bound, and all nodes' status must agree and
//     be true.
//
// Each run leaves a directory with report.json, report.html (a drawn timeline) and the daemons' logs.
//
// Between vipd and keepalived VRRP hands over as VRRP does, and in a divided network each part has its master: two that
// answer are an error only if both are nodes of vipd.
//
// Not played: jumps of the clock, since the wall clock belongs to the whole machine and namespaces of time leave it out
// (e2e/bonds sets it inside a virtual machine).
package main
