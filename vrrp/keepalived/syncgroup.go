package keepalived

import (
	"slices"
	"strings"
)

var groupTable table

func init() {
	groupTable = table{
		"group":                      {verdict: Kept, lines: &keyword{verdict: Kept, handle: (*reader).member}},
		"sync_group_tracking_weight": {verdict: Kept, handle: func(r *reader, _ *node) { r.group.Weights = true }},
	}
	groupTable.all(NotNeeded, "the group's checks count for all its members", "global_tracking")
	addTracking(groupTable)
	addNotify(groupTable)
}

func (r *reader) syncGroup(n *node) {
	g := &SyncGroup{Pos: n.Pos, Name: n.args()[0]}
	if slices.ContainsFunc(r.cfg.SyncGroups, func(o *SyncGroup) bool { return o.Name == g.Name }) {
		r.refuse(n.Pos, "vrrp_sync_group %s is defined already", g.Name)
		return
	}
	r.cfg.SyncGroups = append(r.cfg.SyncGroups, g)
	r.group, r.track, r.note = g, &g.Track, &g.Notify
	r.inside(n, func() { r.read(n.children, groupTable) })
	r.group = nil
}

// member takes the names of a line, which may be several.
func (r *reader) member(n *node) { r.group.Instances = append(r.group.Instances, n.words...) }

// addNotify adds the notify scripts, which instances and sync groups have alike.
func addNotify(t table) {
	add := func(name string, pick func(*Notify) *[]string) {
		t[name] = keyword{verdict: Translated, text: "a notify script of the group", args: 1,
			handle: func(r *reader, n *node) { *pick(r.note) = notifyCommand(n.args()) }}
	}
	add("notify_master", func(n *Notify) *[]string { return &n.Master })
	add("notify_backup", func(n *Notify) *[]string { return &n.Backup })
	add("notify_fault", func(n *Notify) *[]string { return &n.Fault })
	add("notify_stop", func(n *Notify) *[]string { return &n.Stop })
	add("notify", func(n *Notify) *[]string { return &n.Any })
	add("notify_master_rx_lower_pri", func(n *Notify) *[]string { return &n.MasterRxLower })
	t.all(Unsupported, "there is no mail; use a notify script or watch the events", "smtp_alert")
	t.all(Unsupported, "the API streams the events", "notify_priority_changes", "notify_deleted")
}

// containsWord reports whether a recorded directive has the word.
func containsWord(directive, word string) bool {
	return slices.Contains(strings.Fields(directive), word)
}
