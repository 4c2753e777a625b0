// Package consensus runs hashicorp/raft for one node: the transport, the adapter that applies the log to
// the replicated state, and the seams that the lease needs: what the newest voter configuration in this
// node's own log is, an election started at will, and commits learnt before Raft's next append.
package consensus
