// Package lab builds a small network out of Linux network namespaces: a few
// hosts, a client and the switch that joins them, all on this machine and with
// nothing of it visible outside.
//
// Every namespace appears under /run/netns as vipd-<pid>-<id>-<host>, pid being
// the process that made the lab, so that "ip netns exec" works for people, and
// so that what a killed process left behind is recognised: [Create] begins with
// [Sweep], which removes the labs whose process is gone.
//
// The switch is one bridge (two with [Options.SecondNetwork]) without spanning
// tree, delays or multicast snooping. A host's cable is the veth pair between
// its interface and its bridge port; see [Port] for the ways to damage it and
// [Lab.Partition] for damage between groups of hosts.
//
// Root is needed; [Available] says what is missing.
package lab
