package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/rotation"
	"vipd/cluster/state"
	"vipd/cluster/trust"
)

const (
	// rotatorRetry is the pause before a node that could not be given the next secret is tried again.
	rotatorRetry = time.Second
	pushLimit    = 3 * time.Second
	// rotatorRest is for when there is nothing to do: what there may be to do wakes it.
	rotatorRest = time.Hour
)

// rotator keeps this node's secrets as the state has them, and on the leader takes a rotation of the secret further.
type rotator struct {
	m     *member
	log   *slog.Logger
	keys  *keychain
	wake  chan struct{}
	trust state.Trust // as followed last
}

// Run follows the state until ctx ends.
func (r *rotator) Run(ctx context.Context) error {
	lookRound(ctx, r.wake, func() time.Duration { return r.step(ctx) })
	return nil
}

func (r *rotator) step(ctx context.Context) time.Duration {
	view := r.m.View()
	if err := r.follow(view); err != nil {
		r.log.Error("follow the rotation of the cluster's secret", "error", err)
		return rotatorRetry
	}
	if view.Trust.Rotation == nil {
		return rotatorRest
	}
	if r.m.raft.Leads() {
		if err := r.lead(ctx, view); err != nil && ctx.Err() == nil && !errors.Is(err, consensus.ErrNotLeader) {
			r.log.Warn("rotate the cluster's secret", "error", err)
		}
	}
	return rotatorRetry
}

// follow brings this node's secrets, and what it tells of them, after the state.
func (r *rotator) follow(view *state.State) error {
	before := r.keys.report()
	if err := r.keys.follow(func(h rotation.Held) rotation.Held { return rotation.Follow(view, h) }); err != nil {
		return err
	}
	if r.keys.report() != before {
		kick(r.m.reporter.wake)
		r.m.changes.raise()
	}
	if former := formerOf(view.Trust); len(former) != len(formerOf(r.trust)) || view.Trust.Current != r.trust.Current {
		if err := r.m.creds.SetFormer(former); err != nil {
			return err
		}
	}
	r.trust = view.Trust
	return nil
}

// formerOf are the secrets that are not good any more, or soon not. While nodes begin to use the next one, the one before
// is accepted still, but whoever does not have the next one meets it already.
func formerOf(t state.Trust) []trust.Former {
	var former []trust.Former
	for _, f := range t.Former {
		former = append(former, trust.Former{Key: f.Key, Link: f.Link})
	}
	if r := t.Rotation; r != nil && r.Phase == state.Use {
		former = append(former, trust.Former{Key: r.Key, Link: r.Link})
	}
	return former
}

// lead does what is due next.
func (r *rotator) lead(ctx context.Context, view *state.State) error {
	rot := view.Trust.Rotation
	due := rotation.Next(view, r.told)
	next, have := r.keys.find(rot.Next)
	switch {
	case due.To != "":
		return r.propose(ctx, state.Rotate{To: due.To, Next: rot.Next, Ready: due.Ready}, r.m.self.node)
	case len(due.Push) == 0:
		return nil
	case !have && rot.Phase == state.Offer:
		// Whoever made it is gone. Nobody uses it yet, so another one does as well.
		return r.offer(ctx, state.Rotate{Instead: rot.Next}, rot.By)
	}
	r.push(ctx, view, next, due.Push)
	return nil
}

func (r *rotator) told(node string) rotation.Report {
	if node == r.m.self.node {
		return r.keys.report()
	}
	a, _ := r.m.reporter.of(node)
	if a.Secret == nil {
		return rotation.Report{}
	}
	return *a.Secret
}

// offer makes a new secret and has it offered. Nobody but this node knows it before the offer is committed, and nobody
// ever does if this node dies then; the next leader makes another.
func (r *rotator) offer(ctx context.Context, cmd state.Rotate, by string) error {
	from, next := r.keys.uses(), trust.NewSecret()
	link, err := trust.Succession(from, next)
	if err != nil {
		return err
	}
	cmd.To, cmd.Next, cmd.Key, cmd.Link = state.Offer, next.Fingerprint(), from.Public(), link
	if err := r.propose(ctx, cmd, by); err != nil {
		return err
	}
	if view := r.m.View(); view.Trust.Rotation != nil && view.Trust.Rotation.Next == cmd.Next {
		return r.keys.offer(next, view.Index)
	}
	return nil
}

// propose has a command committed that this node can decide only while it leads.
func (r *rotator) propose(ctx context.Context, cmd state.Rotate, by string) error {
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := r.m.proposeHere(limited, proposal{Command: state.Command{At: time.Now(), By: by, Rotate: &cmd}})
	if err == nil && out.Error != nil {
		err = out.Error
	}
	return err
}

// secretCall gives a node the next secret.
type secretCall struct {
	Secret []byte `json:"secret"`
	Index  uint64 `json:"index"` // of the state that offers it
}

// push gives nodes the next secret, all at once. Only where a member should be, and to the one that it should be.
func (r *rotator) push(ctx context.Context, view *state.State, next trust.Secret, nodes []string) {
	ctx, cancel := context.WithTimeout(ctx, pushLimit)
	defer cancel()
	var calls sync.WaitGroup
	for _, name := range nodes {
		n := view.Nodes[name]
		if name == r.m.self.node || n == nil {
			continue
		}
		calls.Go(func() {
			c := newCallerTo(r.m.creds, name, r.m.heardOf)
			defer c.close()
			if err := c.call(ctx, n.Address, "secret", secretCall{Secret: next.Bytes(), Index: view.Index}, nil); err != nil {
				r.log.Debug("give a node the next secret", "node", name, "error", err)
			}
		})
	}
	calls.Wait()
}

// takeSecret is the other end of push. A secret that the state does not offer is refused.
func (m *member) takeSecret(ctx context.Context, c secretCall) (struct{}, error) {
	limited, cancel := context.WithTimeout(ctx, pushLimit)
	defer cancel()
	next, err := trust.SecretFromBytes(c.Secret)
	if err != nil {
		return struct{}{}, err
	}
	var view *state.State
	if err := m.waitFor(limited, func(s *state.State) bool { view = s; return s.Index >= c.Index }); err != nil {
		return struct{}{}, err
	}
	if r := view.Trust.Rotation; r == nil || r.Next != next.Fingerprint() {
		return struct{}{}, fmt.Errorf("%s is not the secret that is to come", next.Fingerprint())
	}
	if err := m.keys.offer(next, view.Index); err != nil {
		return struct{}{}, err
	}
	kick(m.reporter.wake)
	return struct{}{}, nil
}

// toldOfSecret is what this node tells the others of its secrets while one is being rotated.
func (m *member) toldOfSecret() *rotation.Report {
	if m.View().Trust.Rotation == nil {
		return nil
	}
	report := m.keys.report()
	return &report
}
