package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/recovery"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
)

// newClusterID returns a random name for a cluster.
func newClusterID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Init implements api.Backend: this node founds a cluster.
func (n *Node) Init(ctx context.Context, r api.InitRequest, progress api.Progress) (api.InitResult, error) {
	profile := state.LAN
	if r.Profile != "" {
		var err error
		if profile, err = state.ProfileNamed(r.Profile); err != nil {
			return api.InitResult{}, err
		}
	}
	if m := n.current(); m != nil {
		return m.foundedAlready(ctx)
	}
	secret := trust.NewSecret()
	id := storage.Identity{Node: n.options.Name, ClusterID: newClusterID(), Secret: secret.Bytes()}
	m, err := n.begin(ctx, id, func(dir *storage.Dir) (*member, error) {
		return openMember(n.options, id, &state.Command{At: time.Now(), By: by(ctx, n.options.Name), Init: &state.Init{
			Cluster: id.ClusterID, Profile: profile, Node: asNode(n.options, dir.Instance()),
		}})
	})
	if err != nil {
		return api.InitResult{}, err
	}
	progress("founding cluster " + id.ClusterID)
	if err := m.waitLease(ctx); err != nil {
		return api.InitResult{}, fmt.Errorf("the cluster was founded, but this node has no lease yet: %w", err)
	}
	return api.InitResult{Cluster: id.ClusterID, Node: m.self.node}, nil
}

// foundedAlready answers an init on a member: fine on the one that founded its cluster and is still alone, as one that was
// cut off is.
func (m *member) foundedAlready(ctx context.Context) (api.InitResult, error) {
	alone := len(m.peers()) == 0
	if alone {
		if err := m.waitLease(ctx); err != nil {
			return api.InitResult{}, fmt.Errorf("this node is a member of cluster %s already, and has no lease yet: %w", m.identity.ClusterID, err)
		}
	}
	if !alone || len(m.View().Nodes) > 1 {
		return api.InitResult{}, fmt.Errorf("this node is a member of cluster %s already; leave it first with `vipctl leave`", m.identity.ClusterID)
	}
	return api.InitResult{Cluster: m.identity.ClusterID, Node: m.self.node, Already: true}, nil
}

// waitLease waits until this node has an epoch and a valid lease.
func (m *member) waitLease(ctx context.Context) error {
	for {
		changed := m.changes.wait()
		if valid, _ := m.door.valid(); valid {
			return nil
		}
		m.mu.Lock()
		refused := m.refused
		m.mu.Unlock()
		if refused != nil {
			return refused
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Join implements api.Backend: this node becomes a member of the token's cluster.
func (n *Node) Join(ctx context.Context, r api.JoinRequest, progress api.Progress) (api.JoinResult, error) {
	token, err := trust.ParseToken(r.Token)
	if err != nil {
		return api.JoinResult{}, fmt.Errorf("%w; copy the whole line that `vipctl token` printed", err)
	}
	role := state.Auto
	if r.Role != "" {
		if role, err = state.RoleNamed(r.Role); err != nil {
			return api.JoinResult{}, err
		}
	}
	if token.Ticket != nil {
		// A member in good standing needs no secret; the ticket stays good.
		if m := n.current(); m != nil && !recovery.Supersedes(token.Cluster, m.identity.ClusterID) &&
			(m.identity.ClusterID != token.Cluster || !m.keys.outdated() && !m.takenOut(ctx)) {
			return n.joinedAlready(ctx, m, token, r.Role, progress)
		}
		if token, err = n.redeem(ctx, token, progress); err != nil {
			return api.JoinResult{}, err
		}
	}
	if m := n.current(); m != nil && m.identity.ClusterID == token.Cluster {
		switch _, have := m.keys.find(token.Secret.Fingerprint()); {
		case have && m.keys.outdated():
			return api.JoinResult{}, errFormerToken
		case !have:
			progress("this node has another secret than the token's; asking members by that")
			if err := m.takeIn(ctx, token); err != nil {
				return api.JoinResult{}, err
			}
		}
	}
	if m := n.current(); m != nil && m.identity.ClusterID == token.Cluster && m.takenOut(ctx) {
		progress("this node was taken out of the cluster; joining anew")
		if err := n.abandon(); err != nil {
			return api.JoinResult{}, err
		}
	}
	if m := n.current(); m != nil && recovery.Supersedes(token.Cluster, m.identity.ClusterID) {
		progress("the cluster was recovered without this node; joining anew")
		if err := n.abandon(); err != nil {
			return api.JoinResult{}, err
		}
	}
	if m := n.current(); m != nil {
		return n.joinedAlready(ctx, m, token, r.Role, progress)
	}
	id := storage.Identity{Node: n.options.Name, ClusterID: token.Cluster, Secret: token.Secret.Bytes(), Role: string(role)}
	for _, p := range token.Peers {
		id.Peers = append(id.Peers, storage.Peer{Gossip: p.Gossip, Address: p.Address})
	}
	m, err := n.begin(ctx, id, func(*storage.Dir) (*member, error) { return openMember(n.options, id, nil) })
	if err != nil {
		return api.JoinResult{}, err
	}
	progress("asking the cluster to let this node in")
	result, err := n.awaitMembership(ctx, m, progress, false)
	if err != nil && m.View().Nodes[m.self.node] == nil {
		return result, errors.Join(err, n.abandon())
	}
	return result, err
}

// joinedAlready answers a join on a member, or on a node whose join was cut off: fine if it is one of the token's cluster.
func (n *Node) joinedAlready(ctx context.Context, m *member, token trust.Token, role string, progress api.Progress) (api.JoinResult, error) {
	if m.identity.ClusterID != token.Cluster {
		return api.JoinResult{}, fmt.Errorf("this node is a member of cluster %s already; leave it first with `vipctl leave`", m.identity.ClusterID)
	}
	if m.joining.Load() {
		m.addPeers(token.Peers)
		m.refuse(nil) // it asks anew, and others may have done what it was told to have done
	}
	result, err := n.awaitMembership(ctx, m, progress, true)
	if err == nil && role != "" {
		var is api.RoleResult
		is, err = n.Role(ctx, api.RoleRequest{Node: m.self.node, Role: role}, progress)
		result.Role, result.Voters = is.Role, is.Voters
	}
	return result, err
}

// takenOut reports whether this node was a member and is none any more. One that was never let in goes on asking: it must
// not come under another instance while the cluster may be taking in this one.
func (m *member) takenOut(ctx context.Context) bool {
	return !m.joining.Load() && m.removedAlready(ctx)
}

var errFormerToken = errors.New("the token is from before the cluster's secret was rotated; make a new one with `vipctl token` on a member")

// awaitMembership waits until this node is a member with a lease, and a voter if one is wanted.
func (n *Node) awaitMembership(ctx context.Context, m *member, progress api.Progress, already bool) (api.JoinResult, error) {
	none := api.JoinResult{}
	if err := m.awaitAdmission(ctx); err != nil {
		return none, err
	}
	n.admitted()
	progress("a member now; waiting for a lease")
	if err := m.waitLease(ctx); err != nil {
		return none, fmt.Errorf("this node is a member, but has no lease yet: %w", err)
	}
	progress("waiting until it has caught up and votes")
	err := m.waitFor(ctx, func(s *state.State) bool {
		me := s.Nodes[m.self.node]
		return m.role(s, m.self.node) != state.Learner || me != nil && me.WantedRole() == state.Learner || len(s.Voters.Names) >= m.wantedVoters(s)
	})
	if err != nil {
		return none, fmt.Errorf("this node is a member, but does not vote yet: %w", err)
	}
	return api.JoinResult{
		Cluster: m.identity.ClusterID, Node: m.self.node,
		Role: string(m.role(m.View(), m.self.node)), Already: already, Voters: m.View().Voters.Names,
	}, nil
}

// awaitAdmission waits until this node sees itself among the members.
func (m *member) awaitAdmission(ctx context.Context) error {
	for {
		changed := m.changes.wait()
		m.mu.Lock()
		refused := m.refused
		m.mu.Unlock()
		switch {
		case m.View().Nodes[m.self.node] != nil:
			return nil
		case refused != nil:
			return refused
		case m.keys.outdated() && m.joining.Load():
			return errFormerToken
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("none of the token's members (%s) let this node in: is one reachable from here, on its gossip and its cluster port? %w",
				m.peerList(), context.Cause(ctx))
		case <-changed:
		}
	}
}

func (m *member) peerList() string {
	var list string
	for i, p := range m.peers() {
		if i > 0 {
			list += ", "
		}
		list += p.Address
	}
	return list
}

func (m *member) role(s *state.State, node string) state.Role {
	n := s.Nodes[node]
	for _, voter := range s.Voters.Names {
		if voter == node && n != nil && n.Witness {
			return state.Witness
		}
		if voter == node {
			return state.Voter
		}
	}
	return state.Learner
}

// Token implements api.Backend.
func (n *Node) Token(ctx context.Context, r api.TokenRequest, _ api.Progress) (api.TokenText, error) {
	m, err := n.joined()
	if err != nil {
		return api.TokenText{}, err
	}
	token := trust.Token{Cluster: m.identity.ClusterID, Secret: m.keys.uses()}
	token.Peers = append(token.Peers, trust.Peer{Gossip: m.options.gossipAddress(), Address: m.options.clusterAddress()})
	for _, p := range m.peers() {
		if len(token.Peers) < 5 {
			token.Peers = append(token.Peers, trust.Peer{Gossip: p.Gossip, Address: p.Address})
		}
	}
	if r != (api.TokenRequest{}) {
		return m.ticket(ctx, r, token.Peers)
	}
	return api.TokenText{Token: token.String()}, nil
}

// Leave implements api.Backend.
func (n *Node) Leave(ctx context.Context, r api.LeaveRequest, progress api.Progress) (api.None, error) {
	m := n.current()
	if m == nil {
		return api.None{}, n.forgetOver()
	}
	switch {
	case m.keys.outdated() && r.Force:
	case m.keys.outdated():
		return api.None{}, errors.New("the cluster's secret was rotated while this node was off, so it cannot ask the others to let it go; say --force " +
			"to forget the cluster here, and `vipctl remove " + m.self.node + "` on a member; or take it in again: `vipctl token` on a member, `vipctl join -` here")
	case m.removedAlready(ctx):
	case len(m.View().Nodes) > 1:
		if err := m.mayGo(m.self.node); err != nil {
			return api.None{}, err
		}
		if err := m.leave(ctx, progress); err != nil {
			return api.None{}, err
		}
	case !r.Force && len(m.View().Nodes) == 0:
		return api.None{}, errors.New("this node has not heard yet who is in the cluster, as after a start without a leader; try again, or say --force to " +
			"forget the cluster here, and `vipctl remove " + m.self.node + "` on a member")
	case !r.Force:
		return api.None{}, fmt.Errorf("this is the last node of cluster %s: its groups would be gone with it; say --force to dissolve the cluster", m.identity.ClusterID)
	}
	return api.None{}, n.abandon()
}

// removedAlready reports whether another member says that this node is none any more, as when an earlier
// leave was cut off.
func (m *member) removedAlready(ctx context.Context) bool {
	if valid, _ := m.door.valid(); valid {
		return false
	}
	a, asked := m.askPresence(ctx)
	return asked && !a.Present
}

// askPresence asks the others whether this node is a member, until one answers; without an answer it is.
func (m *member) askPresence(ctx context.Context) (answer presence, answered bool) {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, p := range m.peers() {
		if err := m.calls.call(limited, p.Address, "presence", presenceCall{Node: m.self.node}, &answer); err == nil {
			return answer, true
		}
	}
	return presence{Present: true}, false
}
