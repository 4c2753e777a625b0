package importer

import (
	"slices"
	"strings"

	"vipd/vrrp/keepalived"
)

const (
	userText = "scripts have one user on a node: `script_user: NAME` in its file, or the daemon's"
)

// definitions are the blocks that define a check.
var definitions = []string{"vrrp_script", "vrrp_track_process", "track_process", "vrrp_track_file", "track_file"}

// judgeDefinition judges a check's block and what is in it.
func (t *translation) judgeDefinition(e keepalived.Entry, name string, path []string) (judgement, bool) {
	f, known := t.fates[name]
	switch {
	case !known:
		return judgement{}, false // a block that keepalived passes over, and says so
	case f.name == "" && len(path) == 1:
		return judgement{f.verdict, f.text}, true
	case f.name == "":
		return judgement{f.verdict, "part of a check that is left out, for the reason above"}, true
	case len(path) == 1 && f.name != name:
		return judgement{keepalived.Translated, "becomes the check " + f.name}, true
	case len(path) == 1:
		return judgement{keepalived.Translated, "becomes a check"}, true
	}
	words := strings.Fields(path[1])
	switch words[0] {
	case "script", "process", "file":
		return judgement{f.verdict, f.text}, true
	case "user":
		if !f.isRun {
			return judgement{keepalived.NotNeeded, "nothing is run for this check"}, true
		}
		return judgement{keepalived.Translated, userText}, true
	case "delay", "terminate_delay":
		return judgement{keepalived.Translated, "in whole seconds, the failures in a row that it takes"}, true
	}
	return judgement{e.Verdict, e.Text}, true
}

// judgeUse judges a line that tracks a check.
func (t *translation) judgeUse(e keepalived.Entry, block, name string, path []string) (judgement, bool) {
	if len(path) < 3 {
		return judgement{keepalived.Kept, ""}, true
	}
	words := strings.Fields(path[2])
	f := t.fates[words[0]]
	use := t.use(block, name, words[0])
	switch {
	case f.name == "":
		return judgement{keepalived.Unsupported, "its check is left out; " + f.text}, true
	case clamped(use.Weight, t.limitOf(words[0])) != "":
		return judgement{keepalived.Translated, clamped(use.Weight, t.limitOf(words[0]))}, true
	case block == "vrrp_sync_group":
		return judgement{keepalived.Translated, "for each of its groups"}, true
	}
	return judgement{e.Verdict, e.Text}, true
}

// use finds what an instance or sync group says of a check.
func (t *translation) use(block, name, check string) keepalived.Use {
	var uses []keepalived.Use
	for _, g := range t.keepalived.Groups {
		if block == "vrrp_instance" && g.Name == name {
			uses = g.Checks
		}
	}
	for _, g := range t.keepalived.SyncGroups {
		if block == "vrrp_sync_group" && g.Name == name {
			uses = g.Checks
		}
	}
	if i := slices.IndexFunc(uses, func(u keepalived.Use) bool { return u.Name == check }); i >= 0 {
		return uses[i]
	}
	return keepalived.Use{}
}

// judgeLink judges a line that tracks an interface.
func (t *translation) judgeLink(block, name string, path []string) (judgement, bool) {
	if len(path) < 3 {
		return judgement{keepalived.Kept, ""}, true
	}
	words := strings.Fields(path[2])
	check := t.links[words[0]]
	switch {
	case check == "" || block == "vrrp_instance" && t.isWatched(name, words[0]):
		return judgement{keepalived.NotNeeded, "the interfaces of a group's addresses are always watched"}, true
	}
	return judgement{keepalived.Translated, "becomes the check " + check + ", up and running"}, true
}

// isWatched reports whether no check of an interface is needed for an instance.
func (t *translation) isWatched(instance, name string) bool {
	for _, g := range t.keepalived.Groups {
		if g.Name == instance {
			return slices.ContainsFunc(g.TrackInterfaces, func(u keepalived.Use) bool { return u.Name == name && watched(g, u) })
		}
	}
	return false
}

// judgeMail tells whether keepalived would have sent any.
func (t *translation) judgeMail(e keepalived.Entry) (judgement, bool) {
	if !strings.HasPrefix(e.Text, "there is no mail") || t.mails() {
		return judgement{}, false
	}
	return judgement{keepalived.NotNeeded, "keepalived sends no mail about VRRP unless smtp_alert asks for it"}, true
}

// mails reports whether a file asks keepalived to send mail about VRRP.
func (t *translation) mails() bool {
	return slices.ContainsFunc(t.report, func(e keepalived.Entry) bool {
		path := strings.Split(e.Directive, " / ")
		words := strings.Fields(path[len(path)-1])
		return len(path) > 1 && (words[0] == "smtp_alert" || words[0] == "smtp_alert_vrrp") &&
			!slices.Contains([]string{"off", "false", "no"}, words[len(words)-1])
	})
}
