package importer

import (
	"fmt"
	"slices"

	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/vrrp/keepalived"
)

// scripts gives a group the notify scripts of a block, as far as it has none of its own for the same role.
func (t *translation) scripts(out *state.Group, block, name string, n keepalived.Notify) {
	if t.notify == nil {
		t.notify = map[string]judgement{}
	}
	if out.Notify == nil {
		out.Notify = &state.Notify{Timeout: state.DefaultNotifyTimeout}
	}
	to := out.Notify
	for _, s := range []struct {
		directive, key string
		command        []string
		to             **state.ScriptCheck
	}{
		{"notify_master", "master", n.Master, &to.Master}, {"notify_backup", "backup", n.Backup, &to.Backup},
		{"notify_fault", "fault", n.Fault, &to.Fault}, {"notify_stop", "stop", n.Stop, &to.Stop}, {"notify", "any", n.Any, &to.Any},
	} {
		if len(s.command) > 0 {
			t.notify[block+" "+name+" "+s.directive] = take(out.Name, s.key, s.command, s.to)
		}
	}
	if *to == (state.Notify{Timeout: to.Timeout}) {
		out.Notify = nil
	}
}

// take makes a group's script of a command, and says so.
func take(group, key string, command []string, to **state.ScriptCheck) judgement {
	if *to != nil {
		return judgement{keepalived.Unsupported, fmt.Sprintf("the group %s has a script of its own for that; have that one do both", group)}
	}
	script, text := scriptOf(command, forNotify)
	if script == nil {
		return judgement{keepalived.Unsupported, text}
	}
	*to = script
	return judgement{keepalived.Translated, fmt.Sprintf("becomes `notify: {%s: ...}` of the group %s; %s", key, group, text)}
}

// syncScripts gives those of a sync group to the first of its groups, which the others move with.
func (t *translation) syncScripts(s *spec.Spec) {
	for _, sync := range t.keepalived.SyncGroups {
		for i := range s.Groups {
			if slices.Contains(sync.Groups, t.instanceOf(s.Groups[i].Name)) {
				t.scripts(&s.Groups[i], "vrrp_sync_group", sync.Name, sync.Notify)
				break
			}
		}
	}
}
