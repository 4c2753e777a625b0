package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/rotation"
	"vipd/cluster/state"
	"vipd/cluster/trust"
)

// rotateCall has the leader begin a rotation, or go on with one without some nodes.
type rotateCall struct {
	Without []string `json:"without,omitempty"`
	By      string   `json:"by"`
}

// rotateAnswer says which secret is to come.
type rotateAnswer struct {
	Next    string `json:"next"`
	Already bool   `json:"already,omitempty"` // the rotation was under way
	From    string `json:"from,omitempty"`    // the secret in force, as state.Trust.Current
	Index   uint64 `json:"index,omitempty"`   // of the state that has the rotation; 0: a vipd that does not say
}

// SecretRotate implements api.Backend: it returns when the secret before is good for nothing any more.
func (n *Node) SecretRotate(ctx context.Context, r api.SecretRotateRequest, progress api.Progress) (api.SecretResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.SecretResult{}, err
	}
	if r.Abort {
		return m.giveUpRotation(ctx, r)
	}
	in := rotateCall{Without: r.Without, By: by(ctx, m.self.node)}
	var out rotateAnswer
	err = m.atLeader(ctx,
		func(ctx context.Context) (err error) { out, err = m.beginRotation(ctx, in); return err },
		func(ctx context.Context, address string) error { return m.calls.call(ctx, address, "rotate", in, &out) })
	if err != nil {
		return api.SecretResult{}, err
	}
	if out.Already {
		progress("a rotation is under way already; going on with it")
	}
	next, last, aborted := out.Next, "", false
	err = m.waitFor(ctx, func(s *state.State) bool {
		status := m.secretStatus(s)
		if s.Trust.Rotation == nil {
			aborted = out.Index != 0 && s.Index >= out.Index && s.Trust.Current == out.From
			return s.Trust.Current == next || aborted
		}
		next = s.Trust.Rotation.Next
		if text := rotationText(status.Rotation); text != last {
			progress(text)
			last = text
		}
		return false
	})
	if aborted {
		return api.SecretResult{}, errors.New("the rotation was given up by `vipctl secret rotate --abort`; the secret stays")
	}
	status := m.secretStatus(m.View())
	if err != nil && status.Rotation != nil {
		return api.SecretResult{}, fmt.Errorf("the secret is not rotated yet, and vipd goes on by itself: %s; %w", rotationText(status.Rotation), err)
	}
	return api.SecretResult{Fingerprint: status.Fingerprint, Without: m.missing(m.View())}, err
}

// rotationText says how far a rotation is, and for whom it waits.
func rotationText(r *api.RotationStatus) string {
	text := "each node stores the next secret"
	if r.Phase == string(state.Use) {
		text = "all have the next secret, and begin to use it"
	}
	if len(r.Waiting) > 0 {
		text += "; waiting for " + strings.Join(r.Waiting, ", ")
	}
	return text
}

// missing are the members that are off and have another secret than the cluster, as far as they told.
func (m *member) missing(view *state.State) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		if !view.Nodes[name].Live() && m.rotator.told(name).Uses != view.Trust.Current {
			names = append(names, name)
		}
	}
	return names
}

// beginRotation is for the leader.
func (m *member) beginRotation(ctx context.Context, c rotateCall) (rotateAnswer, error) {
	view := m.View()
	for _, name := range c.Without {
		if view.Nodes[name] == nil {
			return rotateAnswer{}, fmt.Errorf("%s: %w; `vipctl status` lists them", name, state.ErrUnknownNode)
		}
	}
	if now := view.Trust.Rotation; now != nil {
		answer := rotateAnswer{Next: now.Next, Already: true, From: view.Trust.Current, Index: view.Index}
		if len(c.Without) == 0 {
			return answer, nil
		}
		return answer, m.rotator.propose(ctx, state.Rotate{To: state.Offer, Next: now.Next, Without: c.Without}, c.By)
	}
	if state.ParseWho(c.By) == nil {
		c.By = m.self.node
	}
	if err := m.rotator.offer(ctx, state.Rotate{Without: c.Without}, c.By); err != nil {
		return rotateAnswer{}, err
	}
	kick(m.rotator.wake)
	view = m.View()
	r := view.Trust.Rotation
	if r == nil {
		return rotateAnswer{}, errors.New("the rotation did not begin; say it again")
	}
	return rotateAnswer{Next: r.Next, From: view.Trust.Current, Index: view.Index}, nil
}

// giveUpRotation has the leader give up the rotation that is under way.
func (m *member) giveUpRotation(ctx context.Context, r api.SecretRotateRequest) (api.SecretResult, error) {
	if len(r.Without) > 0 {
		return api.SecretResult{}, errors.New("a rotation that is given up goes on without everybody: say one of --abort and --without")
	}
	in := rotateCall{By: by(ctx, m.self.node)}
	var out rotateAnswer
	err := m.atLeader(ctx,
		func(ctx context.Context) (err error) { out, err = m.abortRotation(ctx, in); return err },
		func(ctx context.Context, address string) error {
			return m.calls.call(ctx, address, "abort-rotation", in, &out)
		})
	if err != nil {
		return api.SecretResult{}, err
	}
	if err := m.waitIndex(ctx, out.Index); err != nil {
		return api.SecretResult{}, err
	}
	return api.SecretResult{Fingerprint: m.keys.report().Uses, Aborted: out.Next != ""}, nil
}

// abortRotation is for the leader. It answers what was given up; nothing if nothing was under way.
func (m *member) abortRotation(ctx context.Context, c rotateCall) (rotateAnswer, error) {
	// A leader that has just been elected, or is none any more, may not know of it.
	if _, err := m.proposeHere(ctx, proposal{Command: state.Command{At: time.Now(), By: c.By, Assign: &state.Assign{}}}); err != nil {
		return rotateAnswer{}, err
	}
	now := m.View().Trust.Rotation
	if now == nil {
		return rotateAnswer{Index: m.View().Index}, nil
	}
	err := m.rotator.propose(ctx, state.Rotate{Next: now.Next, Abort: true}, c.By)
	return rotateAnswer{Next: now.Next, Index: m.View().Index}, err
}

// SecretStatus implements api.Backend.
func (n *Node) SecretStatus(context.Context, api.None, api.Progress) (api.SecretStatus, error) {
	m, err := n.joined()
	if err != nil {
		return api.SecretStatus{}, err
	}
	return *m.secretStatus(m.View()), nil
}

// secretStatus is how this node, and a rotation if there is one, are.
func (m *member) secretStatus(view *state.State) *api.SecretStatus {
	s := &api.SecretStatus{
		Fingerprint: m.keys.report().Uses, Outdated: m.keys.outdated(), Stragglers: m.stragglers(view),
	}
	if former := view.Trust.Former; len(former) > 0 {
		s.Rotated = former[len(former)-1].At
	}
	r := view.Trust.Rotation
	if r == nil {
		return s
	}
	due := rotation.Next(view, m.rotator.told)
	s.Rotation = &api.RotationStatus{
		Phase: string(r.Phase), Next: r.Next, Since: r.Since, By: r.By, Without: r.Without, Ready: due.Ready, Waiting: due.Waiting,
	}
	if who := state.ParseWho(r.By); who != nil {
		s.Rotation.By = who.String()
	}
	return s
}

// secretWarnings are about nodes with another secret than the rest.
func (m *member) secretWarnings(view *state.State) []string {
	var warnings []string
	if m.keys.outdated() {
		warnings = append(warnings, "the cluster's secret was rotated while this node was off, so the others do not talk to it; "+missedRemedy)
	}
	warnings = append(warnings, certificateWarnings(m.creds.Own(), time.Now())...)
	for _, name := range m.stragglers(view) {
		warnings = append(warnings, fmt.Sprintf("%s has a former secret of the cluster, so nobody talks to it; %s", name, behindRemedy))
	}
	return warnings
}

// stragglers are the members that came with a former secret lately. Who has one can come under any name.
func (m *member) stragglers(view *state.State) []string {
	return slices.DeleteFunc(m.keys.stragglers(), func(name string) bool { return view.Nodes[name] == nil })
}

// takeIn has this node, which missed a rotation, use the secret of a token, if members of the cluster do.
func (m *member) takeIn(ctx context.Context, token trust.Token) error {
	credentials, err := trust.NewCredentials(m.identity.ClusterID, m.self.node, token.Secret)
	if err != nil {
		return err
	}
	if err := credentials.SetOwn(m.creds.Own()); err != nil {
		return err
	}
	calls := newCaller(credentials, m.heardOf)
	defer calls.close()
	for _, p := range token.Peers {
		if p.Address == m.options.clusterAddress() {
			continue
		}
		err = calls.call(ctx, p.Address, "presence", presenceCall{Node: m.self.node}, nil)
		if refused := (*callError)(nil); err == nil || errors.As(err, &refused) {
			m.addPeers(token.Peers)
			return m.keys.replace(token.Secret)
		}
	}
	return fmt.Errorf("the token has another secret than this node, and no member answers by it: make a new one with `vipctl token` on a member: %w", err)
}
