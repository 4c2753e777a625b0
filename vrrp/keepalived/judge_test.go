package keepalived

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vipd/vrrp/internal/lab"
)

// judgement is what we and keepalived say of a file. Complained files run in keepalived, which works around
// the mistake; "keepalived -t" calls both the complained and the refused ones bad.
type judgement string

const (
	clean      judgement = "clean"
	complained judgement = "complained"
	refused    judgement = "refused"
)

func judge(name, id string) judgement {
	c, err := Read(name, Options{ID: id})
	switch {
	case err != nil:
		return refused
	case len(c.Warnings) > 0:
		return complained
	}
	return clean
}

// TestKeepalivedAgrees lets the installed keepalived judge our samples: what it finds good we must not
// refuse, and what it finds bad must not pass without a word, but for what we accept on purpose.
func TestKeepalivedAgrees(t *testing.T) {
	lab.Need(t, "keepalived")
	ns := lab.NewNamespace(t, "judge")
	for _, name := range []string{"eth0", "eth1", "bond0"} {
		ns.IP(t, "link", "add", name, "type", "veth", "peer", "name", "p"+name)
		ns.IP(t, "link", "set", name, "up")
	}
	samples, err := filepath.Glob("testdata/*/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range samples {
		for _, id := range []string{"lb1", "lb2"} {
			good, said := keepalivedTest(t, ns, name, id)
			got := judge(name, id)
			t.Logf("%s as %s: keepalived good=%v, vipd %s", name, id, good, got)
			if good && got == refused {
				t.Errorf("%s: keepalived takes it, we refuse it", name)
			}
			if !good && got == clean {
				t.Errorf("%s: keepalived complains, we do not: %s", name, said)
			}
			if strings.Contains(name, "/refused/") && (good || got != refused) {
				t.Errorf("%s: keepalived good=%v, vipd %s; it should be refused by both", name, good, got)
			}
		}
	}
}

// keepalivedTest runs keepalived's configuration test. A file that only lacks script security is good.
func keepalivedTest(t *testing.T, ns *lab.Namespace, name, id string) (good bool, said string) {
	t.Helper()
	cmd := ns.Command("keepalived", "-t", "-i", id, "-f", filepath.Base(name))
	cmd.Dir = filepath.Dir(name)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("keepalived -t: %v", err)
	}
	const securityOnly = 6
	return err == nil || exit.ExitCode() == securityOnly, string(out)
}

// accepted are traps that keepalived complains about and we do not, on purpose.
var accepted = map[string]string{
	"explicit interval 0": "it is the default, and old configurations spell it out",
}

// TestKeepalivedAgreesOnTraps is TestKeepalivedAgrees for the short texts.
func TestKeepalivedAgreesOnTraps(t *testing.T) {
	lab.Need(t, "keepalived")
	ns := lab.NewNamespace(t, "traps")
	ns.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "peth0")
	for _, tt := range traps {
		name := filepath.Join(t.TempDir(), "k.conf")
		if err := os.WriteFile(name, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		good, said := keepalivedTest(t, ns, name, "n1")
		if why, ok := accepted[tt.name]; ok {
			if good {
				t.Errorf("%s: keepalived accepts it; the exception (%s) is not needed", tt.name, why)
			}
			continue
		}
		if want := tt.warning == ""; good != want {
			t.Errorf("%s: keepalived good=%v, we %v: %s", tt.name, good, want, said)
		}
	}
}
