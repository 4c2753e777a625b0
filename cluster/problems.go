package cluster

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"vipd/cluster/state"
	"vipd/vip"
)

// problemLasts is how long a group that this host could not carry is not tried again. Without it the
// group would come back as soon as another node has it, and go again.
const problemLasts = 10 * time.Minute

// problem is why this host could not carry a group.
type problem struct {
	text string
	at   time.Time
}

// note remembers which groups this host could not carry in full, and reports when that changed.
func (t *tenant) note(held []state.Holding, out vip.Outcome) {
	now := time.Now()
	failed := failures(held, out)
	changed := false
	t.mu.Lock()
	for group, p := range t.problems {
		if now.Sub(p.at) > problemLasts {
			delete(t.problems, group)
			changed = true
		}
	}
	for _, h := range held {
		text, failing := failed[h.Group]
		was := t.problems[h.Group].text
		delete(t.problems, h.Group)
		if failing {
			t.problems[h.Group] = problem{text, now}
		}
		if text != was {
			changed = true
			t.log.Warn("what this node can carry changed", "group", h.Group, "problem", text)
		}
	}
	t.mu.Unlock()
	if changed {
		t.reported()
	}
}

// failures returns what could not be carried, by group. That an interface is not there is left out: the report
// on interfaces says so, and says at once when it is back.
func failures(held []state.Holding, out vip.Outcome) map[string]string {
	group := map[place]string{}
	for _, h := range held {
		for _, a := range addressesOf([]state.Holding{h}) {
			group[placeOf(a)] = h.Group
		}
	}
	failed := map[string]string{}
	for _, f := range out.Failed {
		if errors.Is(f.Err, vip.ErrNoInterface) {
			continue
		}
		if g := group[placeOf(f.Address)]; g != "" {
			failed[g] = fmt.Sprintf("%s on %s: %v", f.Address.Prefix.Addr(), f.Address.Interface, f.Err)
		}
	}
	return failed
}

// unable returns what this host could not carry or speak VRRP for, by group, and why.
func (t *tenant) unable() map[string]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	why := make(map[string]string, len(t.problems))
	for group, p := range t.problems {
		why[group] = p.text
	}
	maps.Copy(why, t.speaker.unable())
	return why
}

// unable returns, by group, why this host cannot carry it: what the kernel refused lately, tables that have no name here,
// and addresses that somebody else put on this host.
func (m *member) unable() map[string]string {
	why := m.tenant.unable()
	names := hostTables()
	var asked []netip.Addr
	group := map[netip.Addr]string{}
	for name, g := range m.View().Groups {
		for _, ip := range g.IPs() {
			asked = append(asked, ip)
			group[ip] = name
		}
		if text := names.unknown(g); text != "" {
			why[name] = text
		}
	}
	if len(asked) == 0 {
		return why
	}
	foreign, err := m.host.Foreign(asked)
	if err != nil {
		m.log.Warn("look for addresses that somebody else put here", "error", err)
		return why
	}
	for ip, name := range foreign {
		why[group[ip]] = fmt.Sprintf("somebody else put %s on its interface %s", ip, name)
	}
	return why
}
