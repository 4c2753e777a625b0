package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/gossip"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
)

// meetEach is how often a node that is no member yet looks whether it knows the others and they know it.
const meetEach = 500 * time.Millisecond

// meet keeps this node in touch: with gossip, with the members' addresses for the next start, and, while
// it is not a member yet or its address changed, with someone who can let it in.
func (m *member) meet(ctx context.Context) error {
	for {
		m.meetGossip()
		m.askToJoin(ctx)
		m.rememberPeers()
		m.noticeRemoval(ctx)
		wait := meetEach
		if m.keeper.currentEpoch() != 0 {
			wait = untilBeat()
		}
		if !pause(ctx, wait) {
			return nil
		}
	}
}

// toldEach is how often gossip is told of another address.
const toldEach = 2 * time.Second

// meetGossip joins gossip through the members known, while it knows nobody. While they know this node at another address it
// joins again: they believe in the former one until nobody has answered there for a while.
func (m *member) meetGossip() {
	var addresses []string
	for _, g := range m.gossip.Members() {
		if g.Name != m.self.node && g.State == gossip.Alive {
			addresses = append(addresses, g.Addr)
		}
	}
	if len(addresses) > 0 {
		if time.Since(m.told) < toldEach || !m.hasMoved(m.asNode()) {
			return
		}
		m.told = time.Now()
	} else {
		for _, p := range m.peers() {
			addresses = append(addresses, p.Gossip)
		}
	}
	if len(addresses) == 0 {
		return
	}
	if err := m.gossip.Join(addresses); err != nil {
		m.log.Debug("no other member answers", "error", err)
	}
}

// elsewhere is where a node is by now, as gossip knows it, or else the state; empty if neither says anything of it.
func (m *member) elsewhere(node string) string {
	is := m.View().Nodes[node]
	if found, alive := m.gossip.Find(node); alive {
		if now := addressNow(found, is); now != "" {
			return now
		}
	}
	if is != nil {
		return is.Address
	}
	return ""
}

// addressNow is where a node that is alive says it is, if it is the member that the state knows by its name: another data
// directory has none of that member's votes. A state that lags, as after a start, may not know it; then it must not be one
// that has yet to be let in. gossip listens to nobody else by the name of a member that answers at its former address.
func addressNow(found gossip.Member, is *state.Node) string {
	if is != nil && found.Meta.Instance != is.Instance || is == nil && !found.Meta.Known {
		return ""
	}
	return found.Meta.Address
}

// peers are the other members as last known.
func (m *member) peers() []storage.Peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.known), func(p storage.Peer) bool {
		return p.Name == m.self.node || p.Gossip == m.options.gossipAddress()
	})
}

// askToJoin has this node made a member, or its new address or labels known. Asking twice does no harm.
func (m *member) askToJoin(ctx context.Context) {
	me := m.View().Nodes[m.self.node]
	if me != nil {
		m.joining.Store(false)
	}
	want := m.asNode()
	moved := me == nil && !m.joining.Load() && m.hasMoved(want)
	switch {
	case me == nil && !m.joining.Load() && !moved:
		return // a member whose state has not caught up yet, or that was removed
	case me != nil && me.Gossip == want.Gossip && me.Address == want.Address && maps.Equal(me.Labels, want.Labels):
		return
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	call := joinCall{Node: want, By: m.givenBy, Reads: state.CommandVersion, Moved: moved}
	ask := func() error { return m.callAny(limited, "join", call) }
	if len(m.peers()) == 0 && me != nil {
		ask = func() error { _, err := m.letIn(limited, call); return err }
	}
	err := ask()
	var refused *callError
	if errors.As(err, &refused) && refused.Unwrap() != nil {
		if m.refuse(err) {
			m.log.Warn("the cluster does not let this node in", "error", err)
		}
	} else if err != nil {
		m.log.Debug("ask to join", "error", err)
	}
}

// hasMoved reports whether this node was a member at another address. Then it gets no state by itself: the others look for it
// there.
func (m *member) hasMoved(now state.Node) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.known, func(p storage.Peer) bool {
		return p.Name == now.Name && (p.Gossip != now.Gossip || p.Address != now.Address)
	})
}

// refuse notes why the cluster does not let this node in, nil for nothing, and reports whether that is news.
func (m *member) refuse(err error) bool {
	m.mu.Lock()
	news := err != nil && (m.refused == nil || m.refused.Error() != err.Error())
	m.refused = err
	m.mu.Unlock()
	m.changes.raise()
	return news
}

// callAny has any of the members known do something.
func (m *member) callAny(ctx context.Context, method string, in any) error {
	err := errors.New("no other member is known")
	for _, p := range m.peers() {
		if err = m.calls.call(ctx, p.Address, method, in, nil); err == nil {
			return nil
		}
		if refused := (*callError)(nil); errors.As(err, &refused) {
			return err
		}
	}
	return err
}

// rememberPeers writes the members' addresses down, when they changed, for the next start.
func (m *member) rememberPeers() {
	view := m.View()
	if view.Nodes[m.self.node] == nil {
		return // a state that lags; what was known before is better
	}
	var peers []storage.Peer
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		n := view.Nodes[name]
		peers = append(peers, storage.Peer{Name: name, Gossip: n.Gossip, Address: n.Address})
	}
	m.mu.Lock()
	same := slices.Equal(peers, m.known)
	m.mu.Unlock()
	if same {
		return
	}
	if err := m.saveIdentity(func(id *storage.Identity) { id.Peers, id.Role = peers, "" }); err != nil {
		m.log.Warn("write down the members' addresses", "error", err)
	}
}

// saveIdentity changes what this node has written down of its membership.
func (m *member) saveIdentity(change func(*storage.Identity)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.identity
	change(&next)
	if err := m.options.Dir.SaveIdentity(next); err != nil {
		return err
	}
	m.identity.Secret, m.identity.Accepted = next.Secret, next.Accepted
	m.identity.Next, m.identity.NextSince = next.Next, next.NextSince
	m.identity.Peers, m.identity.Role, m.known = next.Peers, next.Role, next.Peers
	return nil
}

// addPeers has more members looked for.
func (m *member) addPeers(more []trust.Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = slices.Clone(m.known)
	for _, p := range more {
		if !slices.ContainsFunc(m.known, func(k storage.Peer) bool { return k.Address == p.Address }) {
			m.known = append(m.known, storage.Peer{Gossip: p.Gossip, Address: p.Address})
		}
	}
}

// joinCall asks to be made a member.
type joinCall struct {
	Node state.Node `json:"node"`
	By   string     `json:"by,omitempty"` // who told the node to, as Command.By
	// Reads is the newest version of commands that it reads.
	Reads int `json:"reads,omitempty"`
	// Moved says that it is a member that has another address; if it is none any more it is not to become one by this.
	Moved bool `json:"moved,omitempty"`
}

// presenceCall asks the leader whether a node is in Raft's configuration.
type presenceCall struct {
	Node string `json:"node"`
}

// presence is what a node's own configuration, which may be an older one, says of another node.
type presence struct {
	Present bool `json:"present"`
	// Config is the index of that configuration. A node that is in a newer one is not out because an older one lacks it.
	Config uint64 `json:"config,omitempty"`
}

// routes are the calls that this node answers.
func (m *member) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /join", handle(m.letIn))
	mux.HandleFunc("POST /presence", handle(m.isPresent))
	mux.HandleFunc("POST /standing", handle(m.standHere)) // of a cluster that is recovered, in which nobody is known
	for verb, answer := range map[string]http.HandlerFunc{
		"propose": handle(m.proposed), "rotate": handle(m.beginRotation), "abort-rotation": handle(m.abortRotation), "secret": handle(m.takeSecret),
	} {
		mux.HandleFunc("POST /"+verb, ofMembers(m.isMember, answer))
	}
	return mux
}

// isMember reports whether a node is a member, or may be by this node's log: its view lags, and more so after a start.
func (m *member) isMember(node string) bool {
	if m.View().Nodes[node] != nil {
		return true
	}
	servers, err := m.raft.Servers()
	return err != nil || len(servers) == 0 || slices.ContainsFunc(servers, func(s consensus.Server) bool { return s.Name == node })
}

// letIn makes a node a member; the leader's steward then takes it into Raft's configuration.
func (m *member) letIn(ctx context.Context, j joinCall) (struct{}, error) {
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if is := m.View().Nodes[j.Node.Name]; j.Moved {
		switch {
		case is == nil || is.Instance != j.Node.Instance || is.Leaving:
			return struct{}{}, fmt.Errorf("%w: %s is no member that could have another address", state.ErrUnknownNode, j.Node.Name)
		case is.Live():
			// A copy of its data directory, on another host, may ask as well.
			return struct{}{}, fmt.Errorf("%s may still be alive at %s", j.Node.Name, is.Address)
		}
	}
	if state.ParseWho(j.By) == nil {
		j.By = m.self.node
	}
	if err := m.admit(j.Node.Name, j.Reads); err != nil {
		return struct{}{}, err
	}
	cmd := state.Command{At: time.Now(), By: j.By, Join: &state.Join{Node: j.Node}}
	result, err := m.proposeFor(limited, proposal{Command: cmd, Reads: j.Reads})
	return struct{}{}, errors.Join(err, result.Err)
}

func (m *member) isPresent(_ context.Context, p presenceCall) (presence, error) {
	servers, err := m.raft.Servers()
	if err != nil {
		return presence{}, fmt.Errorf("read the raft configuration: %w", err)
	}
	if len(servers) == 0 {
		return presence{}, errors.New("this node has no configuration yet")
	}
	for _, s := range servers {
		if s.Name == p.Node {
			return presence{Present: true}, nil
		}
	}
	return presence{Config: m.raft.NewestConfig()}, nil
}
