package keepalived

import "slices"

// difference is a keyword that an instance may have another value of than its group.
type difference struct {
	differs bool
	keyword string
	text    string
}

const otherCounts = "another node says otherwise, and counts"

// differences are those that stay between the nodes: no peer on the segment sees them.
func differences(g *Group, in *Instance) []difference {
	list := []difference{
		{in.NoPreempt != g.NoPreempt, "nopreempt", "the nodes differ; nopreempt counts for the whole group"},
		{in.PreemptDelay != g.PreemptDelay, "preempt_delay", "the nodes differ; the longest counts"},
		{in.DownTimerAdverts != g.DownAdverts, "down_timer_adverts", otherCounts},
		{!slices.EqualFunc(ruleWords(in.Routes), g.Routes, slices.Equal), "virtual_routes", otherCounts},
		{!slices.EqualFunc(ruleWords(in.Rules), g.Rules, slices.Equal), "virtual_rules", otherCounts},
		{in.UseVMAC != g.UseVMAC || in.VMACName != g.VMACName, "use_vmac", otherCounts},
		{in.VMACXmitBase != g.VMACXmitBase, "vmac_xmit_base", otherCounts},
		{in.UnicastTTL != g.UnicastTTL, "unicast_ttl", otherCounts},
		{in.LowerPrioNoAdvert != g.LowerPrioNoAdvert, "lower_prio_no_advert", otherCounts},
		{in.HigherPrioAdvert != g.HigherPrioSendAdvert, "higher_prio_send_advert", otherCounts},
		{in.DontTrackPrimary != g.DontTrackPrimary, "dont_track_primary", otherCounts},
		{!slices.Equal(in.Notify.Master, g.Notify.Master), "notify_master", otherCounts},
		{!slices.Equal(in.Notify.Backup, g.Notify.Backup), "notify_backup", otherCounts},
		{!slices.Equal(in.Notify.Fault, g.Notify.Fault), "notify_fault", otherCounts},
		{!slices.Equal(in.Notify.Stop, g.Notify.Stop), "notify_stop", otherCounts},
		{!slices.Equal(in.Notify.Any, g.Notify.Any), "notify", otherCounts},
		{!slices.Equal(in.Notify.MasterRxLower, g.Notify.MasterRxLower), "notify_master_rx_lower_pri", otherCounts},
	}
	for keyword := range garpTable("", nil) {
		list = append(list, difference{in.GARP != g.GARP, keyword, "the nodes' settings differ; another one's count"})
	}
	return list
}

// globalDifferences tells of global settings that the first node of a group decides.
func (t *translator) globalDifferences(node, first string) {
	a, b := t.nodes[node], t.nodes[first]
	note := func(differs bool, keyword string) {
		if at, ok := a.at[keyword]; ok && differs {
			e := &t.reports[node][at]
			e.Verdict, e.Text = Unsupported, "the nodes' settings differ; another one's count"
		}
	}
	note(a.Globals.GARPInterval != b.Globals.GARPInterval, "vrrp_garp_interval")
	note(a.Globals.GNAInterval != b.Globals.GNAInterval, "vrrp_gna_interval")
	note(a.Globals.GARP != b.Globals.GARP, "vrrp_min_garp")
	for keyword := range garpTable("vrrp_", nil) {
		note(a.Globals.GARP != b.Globals.GARP, keyword)
	}
}
