package nodefile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChanges(t *testing.T) {
	before, err := Parse("f", []byte("node: a\nscript_dirs: [/a]\n"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse("f", []byte("node: a\nlisten: 10.9.0.1\ngossip_port: 1\nrealtime: false\nscript_dirs: [/a, /b]\nlog: {level: debug}\n"+
		"bonds:\n- name: bond0\n  members: [eth0]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"listen", "", "10.9.0.1"}, {"gossip_port", "7946", "1"}, {"realtime", "true", "false"},
		{"script_dirs", "[/a]", "[/a, /b]"}, {"log.level", "info", "debug"}, {"bonds", "", "[bond0]"},
	}
	if diff := cmp.Diff(want, Changes(before, after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range want {
		before.Take(c.Key, after)
	}
	if left := Changes(before, after); len(left) > 0 {
		t.Errorf("taken over, and different: %+v", left)
	}
}
