package vip

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// Names come from all of iproute2's files; those in /etc overrule the distribution's, and what is no line is passed over.
func TestTables(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"usr/share/iproute2/rt_tables":    "255\tlocal\n254\tmain\n100 isp # the first\n",
		"etc/iproute2/rt_tables":          "#\n# 7 none\n0x65 isp\n\nx nonsense\n102\n",
		"etc/iproute2/rt_tables.d/a.conf": "200 vpn\n",
		"etc/iproute2/rt_tables.d/README": "300 readme\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]uint32{"local": 255, "main": 254, "isp": 101, "vpn": 200}
	if got := Tables(root); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Tables(t.TempDir()); len(got) > 0 {
		t.Errorf("%v of nothing", got)
	}
}
