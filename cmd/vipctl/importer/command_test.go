package importer

import (
	"strings"
	"testing"
)

// Commands that only look for a process start nothing; others become scripts, or are left to people.
func TestCommands(t *testing.T) {
	for _, tt := range []struct{ command, process, script, text string }{
		{"killall -0 haproxy", "haproxy", "", "runs nothing"},
		{"/usr/bin/killall -0 nginx", "nginx", "", "runs nothing"},
		{"killall -s 0 -q nginx", "nginx", "", "runs nothing"},
		{"pidof haproxy", "haproxy", "", "runs nothing"},
		{"/bin/pidof -s mysqld", "mysqld", "", "runs nothing"},
		{"pgrep -x named", "named", "", "runs nothing"},
		{"pgrep named", "named", "", "of exactly this name"},
		{"killall -9 nginx", "", "/usr/bin/killall -9 nginx", "taken for /usr/bin/killall"},
		{"killall nginx", "", "/usr/bin/killall nginx", "taken for /usr/bin/killall"},
		{"pgrep ^nam", "", "/usr/bin/pgrep ^nam", "taken for /usr/bin/pgrep"},
		{"pgrep -f worker", "", "/usr/bin/pgrep -f worker", "taken for /usr/bin/pgrep"},
		{"pidof -o 7 x", "", "/usr/bin/pidof -o 7 x", "taken for"},
		{"/etc/keepalived/check.sh", "", "/etc/keepalived/check.sh", "script_dirs: [/etc/keepalived]"},
		{"/etc/vipd/scripts/check.sh a", "", "/etc/vipd/scripts/check.sh a", "owned by root"},
		{"/bin/bash /etc/keepalived/check.sh 80", "", "/etc/keepalived/check.sh 80", "its first line has to name its interpreter"},
		{"/bin/sh -c exit", "", "", "needs a shell"},
		{"bash -c true", "", "", "needs a shell"},
		{"</dev/tcp/127.0.0.1/80", "", "tcp 127.0.0.1:80", ""},
		{"/bin/bash -c </dev/tcp/localhost/443", "", "tcp localhost:443", ""},
		{"nc -z 10.0.0.1 22", "", "tcp 10.0.0.1:22", ""},
		{"nc -w 1 10.0.0.1 22", "", "/usr/bin/nc -w 1 10.0.0.1 22", ""},
		{"</dev/tcp/127.0.0.1/80/x", "", "", "needs a shell"},
		{"/usr/bin/curl x | grep y", "", "", "needs a shell"},
		{"/bin/test $STATE", "", "", "needs a shell"},
		{"bin/check", "", "", "not absolute"},
		{"sudo /bin/true", "", "", "needs a shell"},
	} {
		t.Run(tt.command, func(t *testing.T) {
			words := strings.Fields(tt.command)
			name, text := processOf(words)
			script := ""
			if at := portOf(words); at != "" {
				script = "tcp " + at
			} else if name == "" {
				s, needs := scriptOf(words, forCheck)
				text = needs
				if s != nil {
					script = strings.Join(append([]string{s.Path}, s.Args...), " ")
				}
			}
			if name != tt.process || script != tt.script || !strings.Contains(text, tt.text) {
				t.Errorf("process %q, script %q: %s", name, script, text)
			}
		})
	}
}
