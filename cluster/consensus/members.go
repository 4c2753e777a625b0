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
	Name    string
	Address string     // by which it was added; see Options.Elsewhere
	Role    state.Role // voter or learner
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

// AddLearner adds a member that replicates and does not vote.
func (n *Node) AddLearner(name, address string) error {
	at, err := n.addedBy(name, address)
	if err != nil {
		return err
	}
	return wrapChange("add learner", name, n.raft.AddNonvoter(raft.ServerID(name), at, 0, enqueueLimit))
}

// AddVoter makes a member a voter; the address is for one that is new.
func (n *Node) AddVoter(name, address string) error {
	at, err := n.addedBy(name, address)
	if err != nil {
		return err
	}
	return wrapChange("add voter", name, n.raft.AddVoter(raft.ServerID(name), at, 0, enqueueLimit))
}

// addedBy is the address that the configuration has of a server, which stays as long as the server does: a leader that
// changes it writes what its replication to that server reads without a lock (github.com/hashicorp/raft/issues/681).
func (n *Node) addedBy(name, address string) (raft.ServerAddress, error) {
	servers, err := n.Servers()
	for _, s := range servers {
		if s.Name == name {
			address = s.Address
		}
	}
	return raft.ServerAddress(address), err
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
