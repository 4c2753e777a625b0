package consensus

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
)

// Server is a member of Raft's newest configuration.
type Server struct {
	Name, Address string
	Role          state.Role // voter or learner
}

// Servers returns Raft's newest configuration, sorted by name.
func (n *Node) Servers() ([]Server, error) {
	future := n.raft.GetConfiguration()
	if err := future.Error(); err != nil {
		return nil, fmt.Errorf("read raft configuration: %w", err)
	}
	var servers []Server
	for _, s := range future.Configuration().Servers {
		role := state.Learner
		if s.Suffrage == raft.Voter {
			role = state.Voter
		}
		servers = append(servers, Server{Name: string(s.ID), Address: string(s.Address), Role: role})
	}
	slices.SortFunc(servers, func(a, b Server) int { return cmp.Compare(a.Name, b.Name) })
	return servers, nil
}

// AddLearner adds a member that replicates and does not vote, or changes its address.
func (n *Node) AddLearner(name, address string) error {
	f := n.raft.AddNonvoter(raft.ServerID(name), raft.ServerAddress(address), 0, enqueueLimit)
	return wrapChange("add learner", name, f)
}

// AddVoter makes a member a voter, or changes a voter's address.
func (n *Node) AddVoter(name, address string) error {
	f := n.raft.AddVoter(raft.ServerID(name), raft.ServerAddress(address), 0, enqueueLimit)
	return wrapChange("add voter", name, f)
}

// DemoteVoter makes a voter one that replicates and does not vote.
func (n *Node) DemoteVoter(name string) error {
	return wrapChange("demote", name, n.raft.DemoteVoter(raft.ServerID(name), 0, enqueueLimit))
}

// RemoveServer takes a member out of the configuration.
func (n *Node) RemoveServer(name string) error {
	return wrapChange("remove server", name, n.raft.RemoveServer(raft.ServerID(name), 0, enqueueLimit))
}

func wrapChange(what, name string, f raft.IndexFuture) error {
	if err := f.Error(); err != nil {
		return fmt.Errorf("%s %s: %w", what, name, leaderError(err))
	}
	return nil
}
