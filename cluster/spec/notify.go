package spec

import (
	"fmt"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// maxNotifyTimeout bounds how long a script may hold up those of the group's next move.
const maxNotifyTimeout = time.Hour

// notify is the YAML form of a group's scripts.
type notify struct {
	Master  *script        `yaml:"master,omitempty"`
	Backup  *script        `yaml:"backup,omitempty"`
	Fault   *script        `yaml:"fault,omitempty"`
	Stop    *script        `yaml:"stop,omitempty"`
	Any     *script        `yaml:"any,omitempty"`
	Timeout *conf.Duration `yaml:"timeout,omitempty"`
}

func (n *notify) state() *state.Notify {
	if n == nil {
		return nil
	}
	return &state.Notify{
		Master: n.Master.state(), Backup: n.Backup.state(), Fault: n.Fault.state(), Stop: n.Stop.state(), Any: n.Any.state(),
		Timeout: time.Duration(orElse(n.Timeout, conf.Duration(state.DefaultNotifyTimeout))),
	}
}

func notifyOf(n *state.Notify) *notify {
	if n == nil {
		return nil
	}
	return &notify{
		Master: writtenScript(n.Master), Backup: writtenScript(n.Backup), Fault: writtenScript(n.Fault), Stop: writtenScript(n.Stop), Any: writtenScript(n.Any),
		Timeout: unless(conf.Duration(n.Timeout), conf.Duration(state.DefaultNotifyTimeout)),
	}
}

func (s *script) state() *state.ScriptCheck {
	if s == nil {
		return nil
	}
	return &state.ScriptCheck{Path: s.Path, Args: s.Args}
}

func writtenScript(s *state.ScriptCheck) *script {
	if s == nil {
		return nil
	}
	return &script{Path: s.Path, Args: s.Args}
}

// hooks names a group's scripts as they are written.
func hooks(n *state.Notify) []hook {
	return []hook{{"master", n.Master}, {"backup", n.Backup}, {"fault", n.Fault}, {"stop", n.Stop}, {"any", n.Any}}
}

type hook struct {
	key    string
	script *state.ScriptCheck
}

// notify applies the rules of a group's scripts.
func (c *checker) notify(path string, n *state.Notify) {
	there := false
	for _, h := range hooks(n) {
		if h.script != nil {
			there = true
			c.script(path+"."+h.key, h.script)
		}
	}
	if !there {
		c.doc.Add(path, "it names no script", "add one of `master`, `backup`, `fault`, `stop` and `any`, as in `any: /etc/vipd/scripts/notify`")
	}
	if n.Timeout < time.Millisecond || n.Timeout > maxNotifyTimeout {
		c.doc.Add(path+".timeout", fmt.Sprintf("%v is out of range", conf.Duration(n.Timeout)), "use 1ms to 1h; the default is 30s")
	}
}

func notifyChanges(old, new *state.Notify) []string {
	switch {
	case old == nil && new == nil:
		return nil
	case old == nil:
		return []string{"+ notify"}
	case new == nil:
		return []string{"- notify"}
	}
	var changes []string
	field := func(name, before, after string) {
		if before != after {
			changes = append(changes, fmt.Sprintf("notify.%s %s → %s", name, before, after))
		}
	}
	after := hooks(new)
	for i, h := range hooks(old) {
		field(h.key, scriptText(h.script), scriptText(after[i].script))
	}
	field("timeout", conf.Duration(old.Timeout).String(), conf.Duration(new.Timeout).String())
	return changes
}

func scriptText(s *state.ScriptCheck) string {
	switch {
	case s == nil:
		return "none"
	case len(s.Args) == 0:
		return s.Path
	}
	return fmt.Sprintf("%s %q", s.Path, s.Args)
}
