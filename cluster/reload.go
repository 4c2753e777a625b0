package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/trust"
)

// Reload implements api.Backend.
func (n *Node) Reload(ctx context.Context, _ api.None, progress api.Progress) (api.Reloaded, error) {
	if n.options.Reload == nil {
		return api.Reloaded{}, errors.New("this daemon has no node file")
	}
	out, err := n.options.Reload(ctx, progress)
	if err == nil {
		n.noteCommand(ctx, "reload")
	}
	return out, err
}

// SetScripts says from now on where scripts run from, and as whom.
func (n *Node) SetScripts(s health.Scripts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.options.Scripts = s
	if n.member != nil {
		n.member.monitor.SetScripts(s)
		n.member.roles.runner.SetScripts(s)
	}
}

// SetTLS has other certificates used from now on.
func (n *Node) SetTLS(own *trust.Own) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.options.TLS = own
	if n.member != nil {
		return n.member.creds.SetOwn(own)
	}
	return nil
}

// SetLabels says which labels this node has from now on. The cluster knows them within a second, or when it can be reached.
func (n *Node) SetLabels(labels map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.options.Labels = labels
	if n.member != nil {
		n.member.mu.Lock()
		n.member.options.Labels = labels
		n.member.mu.Unlock()
	}
}

// Idle returns for how long the lease has not been looked after, which is done once a second at least; 0 if this node
// is no member. It does not block.
func (n *Node) Idle() time.Duration {
	k := n.keeping.Load()
	if k == nil {
		return 0
	}
	return bootNow().Sub(k.looked())
}

// Describe says in a few words what this node is doing.
func (n *Node) Describe() string {
	m := n.current()
	if m == nil {
		return "waiting for `vipctl init` or `vipctl join`"
	}
	held := 0
	for _, a := range m.View().Assignments {
		if a.Holder == m.self.node {
			held++
		}
	}
	if valid, _ := m.door.valid(); !valid {
		return fmt.Sprintf("member of cluster %s, without a lease", m.identity.ClusterID)
	}
	return fmt.Sprintf("member of cluster %s, groups here: %d", m.identity.ClusterID, held)
}
