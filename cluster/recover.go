package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/consensus"
	"vipd/cluster/recovery"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
)

// standingLimit bounds how long a member may take to say how it stands.
const standingLimit = 2 * time.Second

// footing is how a member stands, for a recovery.
type footing struct {
	Term   uint64 `json:"term"` // of the newest entry of its log
	Index  uint64 `json:"index"`
	Leader string `json:"leader,omitempty"` // that it knows
}

func (m *member) standHere(context.Context, struct{}) (footing, error) {
	var s footing
	s.Term, s.Index = m.raft.LogEnd()
	s.Leader, _ = m.raft.Leader()
	return s, nil
}

// Recover implements api.Backend. Without Yes it only says what would be done.
func (n *Node) Recover(ctx context.Context, r api.RecoverRequest, progress api.Progress) (api.RecoverResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.RecoverResult{}, err
	}
	if r.DownFor < 0 {
		return api.RecoverResult{}, fmt.Errorf("down for %v makes no sense", r.DownFor)
	}
	// All that the log has will count as committed, and after a start it is not known yet what does.
	view, err := m.raft.Foresee()
	if err != nil {
		return api.RecoverResult{}, err
	}
	s := m.situation(ctx, view, r.Lost)
	if err := ctx.Err(); err != nil {
		return api.RecoverResult{}, err // who was still to answer would look lost
	}
	plan, err := recovery.Make(s)
	if err != nil {
		return api.RecoverResult{}, err
	}
	var random [2]byte
	rand.Read(random[:])
	next := recovery.Next(m.identity.ClusterID, hex.EncodeToString(random[:]))
	result := m.planned(view, plan, s)
	result.Wait = max(state.MaxLease-r.DownFor, m.votes.Ceiling(), view.CountedBy())
	if !r.Yes {
		return result, nil
	}
	if len(plan.Unconfirmed) > 0 {
		return result, fmt.Errorf("nothing was done: of %v it is not known that they are lost; name each with --lost, which says "+
			"that it is off and will not run again with its data, or bring it back", plan.Unconfirmed)
	}
	result.Next, result.Done = next, true
	progress("going on as cluster " + next + ", from this node alone")
	by := by(ctx, m.self.node)
	if err := n.regenerate(m, s, next, result.Wait, by); err != nil {
		return api.RecoverResult{}, err
	}
	return result, nil
}

// situation asks all members how they stand.
func (m *member) situation(ctx context.Context, view *state.State, lost []string) recovery.Situation {
	ctx, cancel := context.WithTimeout(ctx, standingLimit)
	defer cancel()
	s := recovery.Situation{Self: m.self.node, Lost: lost, Members: make([]recovery.Member, len(view.Nodes))}
	s.Leased, _ = m.door.valid()
	var asking sync.WaitGroup
	for i, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		asking.Go(func() {
			s.Members[i] = m.askStanding(ctx, view.Nodes[name])
			s.Members[i].Votes = slices.Contains(view.Voters.Names, name)
		})
	}
	asking.Wait()
	return s
}

func (m *member) askStanding(ctx context.Context, n *state.Node) recovery.Member {
	is := recovery.Member{Name: n.Name}
	var said footing
	var err error
	if n.Name == m.self.node {
		said, err = m.standHere(ctx, struct{}{})
	} else {
		err = m.calls.call(ctx, n.Address, "standing", struct{}{}, &said)
	}
	var unreachable *url.Error
	switch {
	case err == nil:
		is.Answers, is.Term, is.Index, is.Leader = true, said.Term, said.Index, said.Leader
	case !errors.As(err, &unreachable):
		is.Unclear = err.Error()
	}
	return is
}

// planned puts a plan in words.
func (m *member) planned(view *state.State, plan recovery.Plan, s recovery.Situation) api.RecoverResult {
	result := api.RecoverResult{Cluster: m.identity.ClusterID, Node: plan.Self, Unconfirmed: plan.Unconfirmed}
	for _, is := range s.Members {
		becomes := "?"
		switch {
		case is.Name == plan.Self:
			becomes = "the only voter"
		case slices.Contains(plan.Again, is.Name):
			becomes = "joins again"
		case slices.Contains(plan.Dropped, is.Name):
			becomes = "dropped"
		}
		result.Members = append(result.Members, api.RecoverMember{
			Name: is.Name, Role: string(m.role(view, is.Name)), Answers: is.Answers, Term: is.Term, Index: is.Index, Becomes: becomes,
		})
	}
	return result
}

// regenerate ends this node's life in one generation of the cluster and begins it in the next. Nothing else of this node
// happens meanwhile.
func (n *Node) regenerate(m *member, s recovery.Situation, next string, wait time.Duration, by string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.member
	if r == nil || r.member != m {
		return errors.New("this node's membership changed meanwhile; try again")
	}
	m.keeper.stretch(0)
	n.member = nil
	n.keeping.Store(nil)
	r.end()
	<-r.done
	err := r.err
	if err == nil {
		err = n.rewrite(m, s, next, wait, by)
	}
	id, _, failed := n.options.Dir.Identity()
	if failed == nil {
		m, failed = openMember(n.options, id, nil)
	}
	if failed != nil {
		n.fail(failed)
		return errors.Join(err, failed)
	}
	n.launch(m)
	return err
}

// rewrite makes this node the only voter of the next generation, on the disk. The identity comes first, and has what is left
// to do: a daemon that is killed in between does it at its next start.
func (n *Node) rewrite(m *member, s recovery.Situation, next string, wait time.Duration, by string) (err error) {
	dir := n.options.Dir
	stores, err := dir.OpenRaft(consensus.Logger(m.log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	o := n.restingRaft(stores, m.log)
	end, err := consensus.EndOf(o)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(s.Members, func(is recovery.Member) bool { return is.Name == m.self.node })
	if is := s.Members[at]; end.Term != is.Term || end.Index != is.Index {
		return fmt.Errorf("the log has grown meanwhile, from entry %d to %d: the cluster has a majority again", is.Index, end.Index)
	}
	if err := n.raiseCeiling(wait); err != nil {
		return err
	}
	id, _, err := dir.Identity()
	if err != nil {
		return err
	}
	id.ClusterID, id.Recovers = next, by
	if err := dir.SaveIdentity(id); err != nil {
		return err
	}
	m.log.Warn("the cluster goes on from this node alone", "cluster", next, "was", m.identity.ClusterID, "entry", end.Index, "term", end.Term)
	return n.finishRewrite(o, id)
}

// finishRewrite brings the log after the identity. To do so twice does no harm.
func (n *Node) finishRewrite(o consensus.Options, id storage.Identity) error {
	cmd := state.Command{At: time.Now(), By: id.Recovers, Recover: &state.Recover{Cluster: id.ClusterID, Node: id.Node}}
	if err := consensus.Recover(o, cmd); err != nil {
		return err
	}
	id.Recovers = ""
	return n.options.Dir.SaveIdentity(id)
}

// resumeRewrite ends a rewrite that was cut off, before any Raft runs.
func (n *Node) resumeRewrite(id storage.Identity) (err error) {
	n.options.Logger.Warn("going on with a recovery that was cut off", "cluster", id.ClusterID)
	stores, err := n.options.Dir.OpenRaft(consensus.Logger(n.options.Logger))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	return n.finishRewrite(n.restingRaft(stores, n.options.Logger), id)
}

// restingRaft is what there is of a Raft that does not run.
func (n *Node) restingRaft(stores *storage.Raft, log *slog.Logger) consensus.Options {
	return consensus.Options{
		Name: n.options.Name, Address: n.options.clusterAddress(), Logger: log,
		Logs: stores.Logs, Stable: stores.Stable, Snapshots: stores.Snapshots,
	}
}

// raiseCeiling has this voter wait, after its start, for leases that others may have granted, as for its own.
func (n *Node) raiseCeiling(lease time.Duration) error {
	votes, err := n.options.Dir.Votes()
	if err != nil {
		return err
	}
	return errors.Join(votes.RaiseCeiling(lease), votes.Close())
}

// supersededError ends the life of a member whose cluster goes on without it.
type supersededError struct{ by string }

func (e *supersededError) Error() string {
	return "the cluster was recovered without this node, and goes on as " + e.by + ": what this node has of it counts no more; " + supersededRemedy
}

const supersededRemedy = "let it join again: `vipctl token` on a member, `vipctl join -` here, which removes its former data"

// heardOf looks at why a connection to another node failed. One that has the secret and a later generation's id says by
// that alone that this node's generation is over.
func (m *member) heardOf(err error) {
	later := laterGeneration(err, m.identity.ClusterID)
	if later == "" {
		return
	}
	if raft := m.early.Load(); raft != nil { // Raft connects from its start on
		raft.Mute(true)
	}
	m.fail(&supersededError{by: later})
}

// laterGeneration is the id of a later generation of a cluster that an error names; empty if it names none.
func laterGeneration(err error, own string) string {
	var wrong *trust.WrongClusterError
	if errors.As(err, &wrong) && recovery.Supersedes(wrong.Peer, own) {
		return wrong.Peer
	}
	return ""
}

// outlive notes on the disk that this node's cluster goes on without it, and reports whether err says so. Until it joins
// again, or leaves, the node takes no part in anything.
func (n *Node) outlive(r *running, err error) bool {
	var over *supersededError
	if !errors.As(err, &over) {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.member != r {
		return true
	}
	id, _, err := n.options.Dir.Identity()
	if err == nil {
		id.Superseded = over.by
		err = n.options.Dir.SaveIdentity(id)
	}
	if err != nil {
		n.options.Logger.Error("write down that the cluster goes on without this node", "error", err)
	}
	id.ClusterID, id.Superseded = r.identity.ClusterID, over.by
	n.member, n.over = nil, &id
	n.keeping.Store(nil)
	return true
}

// forgetOver forgets a cluster that goes on without this node.
func (n *Node) forgetOver() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over == nil {
		return nil
	}
	n.over = nil
	return n.options.Dir.ForgetCluster()
}
