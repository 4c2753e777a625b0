package keepalived

import "time"

// garpTable is the announcements' settings, which global_defs spells with a prefix.
func garpTable(prefix string, of func(*reader) *GARP) table {
	delay := func(pick func(*GARP) *time.Duration) func(*reader, *node) {
		return func(r *reader, n *node) {
			if v, ok := r.number(n, 0, 86400); ok {
				*pick(of(r)) = time.Duration(v) * time.Second
			}
		}
	}
	repeat := func(pick func(*GARP) *int) func(*reader, *node) {
		return func(r *reader, n *node) { r.count(n, pick(of(r)), 0, 1000000) }
	}
	t := table{
		"garp_master_delay":          {handle: delay(func(g *GARP) *time.Duration { return &g.MasterDelay })},
		"garp_master_repeat":         {handle: repeat(func(g *GARP) *int { return &g.MasterRepeat })},
		"garp_master_refresh":        {handle: delay(func(g *GARP) *time.Duration { return &g.MasterRefresh })},
		"garp_master_refresh_repeat": {handle: repeat(func(g *GARP) *int { return &g.MasterRefreshRepeat })},
		"garp_lower_prio_delay":      {handle: delay(func(g *GARP) *time.Duration { return &g.LowerPrioDelay })},
		"garp_lower_prio_repeat":     {handle: repeat(func(g *GARP) *int { return &g.LowerPrioRepeat })},
	}
	out := table{}
	for name, k := range t {
		k.verdict, k.args = Kept, 1
		out[prefix+name] = k
	}
	return out
}

// finish fills in what was not given, and keepalived's smallest values.
func (g *GARP) finish() {
	if g.LowerPrioDelay == 0 {
		g.LowerPrioDelay = g.MasterDelay
	}
	if g.LowerPrioRepeat == 0 {
		g.LowerPrioRepeat = g.MasterRepeat
	}
	g.MasterRepeat = max(g.MasterRepeat, 1)
	g.MasterRefreshRepeat = max(g.MasterRefreshRepeat, 1)
}
