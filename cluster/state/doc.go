// Package state is what every node of a cluster replicates: its members, their epochs, the groups of
// addresses, who should hold each group, and what a former holder still has to let go of.
//
// A State is a value that never changes once it is published. Apply takes one and a Command and returns
// the next; it reads no clock, no disk, no randomness, so all nodes that apply the same log agree.
package state
