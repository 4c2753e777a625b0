package spec

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// document is the YAML form. A pointer tells a value that is absent from a zero.
type document struct {
	Checks []checkEntry `yaml:"checks,omitempty"`
	Groups []group      `yaml:"groups"`
}

type group struct {
	Name         string            `yaml:"name"`
	Interface    string            `yaml:"interface,omitempty"`
	Addresses    []address         `yaml:"addresses"`
	Priority     *int              `yaml:"priority,omitempty"`
	Priorities   map[string]int    `yaml:"priorities,omitempty,flow"`
	Preempt      *bool             `yaml:"preempt,omitempty"`
	PreemptDelay conf.Duration     `yaml:"preempt_delay,omitempty"`
	LinkWeight   *int              `yaml:"link_weight,omitempty"`
	OnQuorumLoss string            `yaml:"on_quorum_loss,omitempty"`
	VRRP         *vrrpSection      `yaml:"vrrp,omitempty,flow"`
	Checks       []checkUse        `yaml:"checks,omitempty,flow"`
	Together     string            `yaml:"together,omitempty"`
	Apart        *apart            `yaml:"apart,omitempty"`
	Nodes        []string          `yaml:"nodes,omitempty,flow"`
	Selector     map[string]string `yaml:"selector,omitempty,flow"`
	Balance      bool              `yaml:"balance,omitempty"`
	Damping      *conf.Duration    `yaml:"damping,omitempty"`
	Routes       []route           `yaml:"routes,omitempty"`
	Rules        []rule            `yaml:"rules,omitempty"`
	Notify       *notify           `yaml:"notify,omitempty,flow"`
}

// release is how the default of on_quorum_loss is written.
const release = "release"

// quorumLoss is a value as it is written.
func quorumLoss(q state.QuorumLoss) string { return cmp.Or(string(q), release) }

// state fills in the defaults. checks are those of the specification.
func (g group) state(checks []state.Check) state.Group {
	s := state.Group{
		Name:         g.Name,
		Interface:    g.Interface,
		Priority:     state.DefaultPriority,
		Priorities:   g.Priorities,
		Preempt:      true,
		PreemptDelay: time.Duration(g.PreemptDelay),
		Checks:       usesOf(g.Checks, checks),
		Together:     g.Together,
		LinkWeight:   g.LinkWeight,
		OnQuorumLoss: state.QuorumLoss(g.OnQuorumLoss),
	}
	if g.OnQuorumLoss == release {
		s.OnQuorumLoss = state.Release
	}
	if g.Priority != nil {
		s.Priority = *g.Priority
	}
	if g.Preempt != nil {
		s.Preempt = *g.Preempt
	}
	g.place(&s)
	s.Notify = g.Notify.state()
	for _, r := range g.Routes {
		s.Routes = append(s.Routes, r.Route)
	}
	for _, r := range g.Rules {
		s.Rules = append(s.Rules, r.Rule)
	}
	for _, a := range g.Addresses {
		if a.Interface == "" {
			a.Interface = g.Interface
		}
		s.Addresses = append(s.Addresses, a.state())
	}
	if g.VRRP != nil {
		s.VRRP = g.VRRP.state(s)
	}
	return s
}

// groupOf leaves out what is a default.
func groupOf(s state.Group, checks []state.Check) group {
	g := group{
		Name:         s.Name,
		Interface:    s.Interface,
		Priorities:   s.Priorities,
		PreemptDelay: conf.Duration(s.PreemptDelay),
		Checks:       writtenUses(s.Checks, checks),
		Together:     s.Together,
		LinkWeight:   s.LinkWeight,
		OnQuorumLoss: string(s.OnQuorumLoss),
	}
	if s.Priority != state.DefaultPriority {
		g.Priority = &s.Priority
	}
	if !s.Preempt {
		g.Preempt = &s.Preempt
	}
	g.placeOf(s)
	g.Notify = notifyOf(s.Notify)
	for _, r := range s.Routes {
		g.Routes = append(g.Routes, route{r})
	}
	for _, r := range s.Rules {
		g.Rules = append(g.Rules, rule{r})
	}
	if s.VRRP != nil {
		g.VRRP = sectionOf(s)
	}
	for _, a := range s.Addresses {
		if a.Interface == s.Interface {
			a.Interface = ""
		}
		g.Addresses = append(g.Addresses, addressOf(a))
	}
	return g
}

// Marshal writes a valid specification as YAML that Parse reads back to the same: without defaults, and
// in one form only, so that texts can be compared.
func Marshal(s Spec) ([]byte, error) {
	d := document{Groups: []group{}}
	s = s.Normal()
	for _, c := range s.Checks {
		d.Checks = append(d.Checks, entryOf(c))
	}
	for _, g := range s.Groups {
		d.Groups = append(d.Groups, groupOf(g, s.Checks))
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("write the specification as YAML: %w", err)
	}
	return b.Bytes(), nil
}
