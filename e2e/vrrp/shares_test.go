package vrrp

import (
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// The cluster takes the addresses when it is alone, yields to a keepalived of higher priority, takes over when that
// fails, and does not yield to one of lower priority, which does not notice when the cluster's speaker fails: in
// every way to speak the protocol, and with packets that Wireshark finds right.
func TestSharesWithKeepalived(t *testing.T) {
	for _, f := range flavours {
		t.Run(f.name, func(t *testing.T) {
			m := &mixture{scene: form(t, 3), flavour: f}
			if got := m.peer.host.IPv4.Addr(); len(f.section.UnicastPeers) > 0 && got != f.section.UnicastPeers[0] {
				t.Fatalf("the peer is %s", got)
			}
			m.apply(group(f.section, f.address))
			m.becomes("MASTER")
			m.w = m.watch(f.addr())
			m.w.answered("")
			c := m.captureOn(m.peer.host)
			m.keepalivedFails()
			m.prioritiesChange()
			if f.section.Version == 3 { // of version 2 that is TestSpeakerKilled
				m.speakerFails()
			}
			c.judge()
			m.peer.stop()
		})
	}
}

// mixture is a cluster with a keepalived beside it.
type mixture struct {
	*scene
	flavour
	w *watch
}

func (m *mixture) config(priority string) string {
	return instance("  priority "+priority+"\n"+m.lines, m.address)
}

// keepalivedFails kills, cuts off and stops one of higher priority, which comes back in between.
func (m *mixture) keepalivedFails() {
	m.Helper()
	m.yields(func() { m.peer.start(m.config("200")) })
	v := m.router("knows the master", func(v api.VRRPStatus) bool {
		return v.Master != "" && netip.MustParseAddr(v.Master).Is6() == m.addr().Is6()
	})
	if v.Priority != 100 || len(v.Dropped) > 0 {
		m.Errorf("%+v", v)
	}
	m.takesOver("keepalived is killed", m.down(100), func() { m.peer.kill(m.address) })

	m.yields(func() { m.peer.start(m.config("200")) })
	m.takesOver("keepalived is cut off", m.down(100), func() { m.must(m.peer.host.Cut()) })
	m.yields(func() { m.must(m.peer.host.Mend()) })

	m.takesOver("keepalived stops", m.down(100)-3*m.section.AdvertInt, m.peer.stop)
}

// yields does something after which keepalived has to have the addresses.
func (m *mixture) yields(do func()) {
	m.Helper()
	do()
	m.becomes("BACKUP")
	m.w.answered(m.peer.host.Name)
}

// takesOver does something after which the cluster has to take over within a time.
func (m *mixture) takesOver(what string, limit time.Duration, do func()) {
	m.Helper()
	at := time.Now()
	do()
	took := m.w.answeredByCluster(at, nil).Sub(at)
	m.Logf("%s: the cluster took over in %v, a backup waits at most %v", what, took.Round(time.Millisecond), limit)
	if took > limit+20*time.Millisecond+loaded {
		m.Errorf("%s: the cluster took over in %v", what, took)
	}
	m.becomes("MASTER")
}

// prioritiesChange has keepalived come with a lower priority and read a higher one and the lower one again.
func (m *mixture) prioritiesChange() {
	m.Helper()
	m.peer.start(m.config("50"))
	before := m.becomes("MASTER").Sent
	m.router("has sent more", func(v api.VRRPStatus) bool { return v.Sent > before+5 })
	if n := m.peer.masters(); n > 0 {
		m.Errorf("keepalived of lower priority was master %d times", n)
	}
	m.yields(func() { m.reload("200") })
	m.reload("50")
	m.becomes("MASTER")
	m.w.answered("")
}

// reload gives keepalived another priority while it runs.
func (m *mixture) reload(priority string) {
	m.Helper()
	m.must(os.WriteFile(m.peer.path("conf"), []byte(m.config(priority)), 0o600))
	m.must(syscall.Kill(m.peer.parent.Pid, syscall.SIGHUP))
}

// speakerFails kills, cuts off and stops the node that speaks, in front of a keepalived of lower priority that
// must not notice.
func (m *mixture) speakerFails() {
	m.Helper()
	before := m.peer.masters()
	restart := func(n *harness.Node) error { return n.Restart(m.wait()) }
	for _, fault := range []struct {
		name       string
		fail, mend func(*harness.Node) error
	}{
		{"is killed", (*harness.Node).Kill, restart},
		{"is cut off", func(n *harness.Node) error { return n.Host.Cut() }, func(n *harness.Node) error { return n.Host.Mend() }},
		{"stops", func(n *harness.Node) error { return n.Terminate(m.wait()) }, restart},
	} {
		n := m.holder()
		at := time.Now()
		m.must(fault.fail(n))
		took := m.w.answeredByCluster(at, n).Sub(at)
		m.Logf("the speaker %s: the next node answered after %v", fault.name, took.Round(time.Millisecond))
		m.must(m.AwaitGroup(m.wait(), "web", "is elsewhere", func(g api.GroupStatus) bool {
			return g.Holder != "" && g.Holder != n.Name && g.VRRP.State == "MASTER"
		}))
		m.must(fault.mend(n))
		m.must(m.AwaitWhole(m.wait()))
	}
	if n := m.peer.masters() - before; n > 0 && m.section.AdvertInt >= 500*time.Millisecond {
		m.Errorf("keepalived was master %d times", n)
	} else if n > 0 {
		m.Logf("keepalived was master %d times: a failover inside the cluster takes longer than three adverts", n)
	}
}
