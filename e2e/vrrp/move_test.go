package vrrp

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// mover takes the steps of docs/migrate-from-keepalived.md on hosts whose daemons belong to no cluster yet.
type mover struct {
	*scene
	bin   string
	specs string // vips.yaml
}

// vipctl runs it on a node, with text on its standard input.
func (m *mover) vipctl(n *harness.Node, stdin string, args ...string) string {
	m.Helper()
	cmd := n.Host.Command(m.wait(), filepath.Join(m.bin, "vipctl"), append([]string{"--socket", n.Socket}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		m.Fatalf("vipctl %s on %s: %v\n%s%s", strings.Join(args, " "), n, err, out, stderr.String())
	}
	return string(out)
}

// tutorial is the configuration that most pairs have.
func tutorial(state string, priority int) string {
	return fmt.Sprintf(`! Configuration File for keepalived
vrrp_instance VI_1 {
    state %s
    interface eth0
    virtual_router_id 51
    priority %d
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        10.9.0.50/24 dev eth0 label eth0:0
    }
}
`, state, priority)
}

// keepalivedOn starts keepalived on a host that gets vipd later.
func (m *mover) keepalivedOn(h *lab.Host, config string) *keepalived {
	m.Helper()
	k := &keepalived{scene: m.scene, host: h}
	k.start(config)
	return k
}

// step does something, and then nobody may have answered together with another, and nobody have been silent for
// longer than a limit.
func (m *mover) step(w *probe.Probe, what string, limit time.Duration, do func()) {
	m.Helper()
	at := time.Now()
	do()
	m.settled(w)
	r := w.Report()
	for _, d := range r.DoubleAnswers() {
		m.Errorf("%s: %s and %s both answered, for %v", what, d.Hosts[0], d.Hosts[1], d.Until.Sub(d.At))
	}
	a := r.Address(flavours[0].addr())
	var longest time.Duration
	for _, silence := range a.Echo.Silences {
		if silence.End.After(at) {
			longest = max(longest, silence.Duration-silence.Stalled)
		}
	}
	m.Logf("%s: longest silence %v", what, longest.Round(100*time.Microsecond))
	if longest > limit {
		m.Errorf("%s: silent for %v, want at most %v", what, longest, limit)
	}
}

// settled waits until somebody answers new requests.
func (m *mover) settled(w *probe.Probe) {
	m.Helper()
	m.must(w.Await(m.wait(), flavours[0].addr(), ""))
}

// holds waits until a node's host is the one that answers.
func (m *mover) holds(w *probe.Probe, n *harness.Node) {
	m.Helper()
	m.must(w.Await(m.wait(), flavours[0].addr(), n.Host.Name))
}

// Limits of what the client may see in a step, on a loaded machine.
const (
	nothing = 300 * time.Millisecond
	// goodbye is keepalived's clean hand-over to priority 90: the skew time of version 2.
	goodbye = 166*time.Second/256 + loaded
)

func TestMove(t *testing.T) {
	need(t)
	m := &mover{scene: &scene{T: t, Cluster: harness.New(t, harness.Options{Nodes: 3, Apart: true})}}
	bin, err := harness.Binaries(m.wait())
	m.must(err)
	m.bin = bin
	web1, web2, web3 := m.Nodes[0], m.Nodes[1], m.Nodes[2]
	old2 := m.keepalivedOn(web2.Host, tutorial("BACKUP", 90))
	old1 := m.keepalivedOn(web1.Host, tutorial("MASTER", 100))
	old1.said("Entering MASTER STATE", 1)

	o := m.ProbeOptions(flavours[0].addr())
	o.MaxRate = 4000
	w, err := probe.Start(o)
	m.must(err)
	t.Cleanup(func() {
		if _, err := w.Stop(); err != nil {
			t.Errorf("probe: %v", err)
		}
	})
	m.must(w.Await(m.wait(), flavours[0].addr(), web1.Host.Name))

	m.specs = filepath.Join(web2.Host.Dir, "vips.yaml")
	m.step(w, "translate", nothing, func() {
		report := filepath.Join(web2.Host.Dir, "report.txt")
		m.vipctl(web2, "", "import", "--node", "node1="+old1.path("conf"), "--node", "node2="+old2.path("conf"), "--out", m.specs, "--report", report)
		if text, err := os.ReadFile(report); err != nil || strings.Contains(string(text), "unsupported:") {
			t.Errorf("%v\n%s", err, text)
		}
	})
	m.step(w, "replace the backup", nothing, func() {
		old2.stop()
		m.vipctl(web2, "", "init")
		m.vipctl(web2, "", "apply", "-f", m.specs)
		m.await("status says BACKUP", func(context.Context) error {
			if text := m.vipctl(web2, "", "status"); !strings.Contains(text, "BACKUP; the master is 10.9.0.1") {
				return fmt.Errorf("%s", text)
			}
			return nil
		})
	})
	m.step(w, "replace the master", goodbye, func() {
		old1.stop()
		m.holds(w, web2)
		m.vipctl(web1, m.vipctl(web2, "", "token"), "join", "-")
		m.holds(w, web1)
	})
	m.step(w, "add the third", nothing, func() {
		m.vipctl(web3, m.vipctl(web2, "", "token"), "join", "-")
		m.must(m.AwaitWhole(m.wait()))
	})
	m.step(w, "switch VRRP off", nothing, func() {
		text := m.vipctl(web3, "", "get")
		var kept []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "  vrrp:") {
				kept = append(kept, line)
			}
		}
		m.vipctl(web3, strings.Join(kept, ""), "apply", "-f", "-")
	})
	m.holds(w, web1)
	if text := m.vipctl(web1, "", "status"); strings.Contains(text, "vrrp") {
		t.Errorf("there is still VRRP:\n%s", text)
	}
}
