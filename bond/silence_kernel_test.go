package bond

import (
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// An active-backup bond that looks every 20 ms loses little when its active
// member does.
func TestKernelFailoverSilence(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.sw("br0", "p0", "p1")
	peer.address("br0", "10.0.0.1/24")
	h.mustApply(parse(t, "{name: bond0, miimon: 20, members: [eth0, eth1], addresses: [10.0.0.9/24]}"))
	h.becomes("bond0", "two usable links", func(s Status) bool { return s.Usable() == 2 })
	h.echo("10.0.0.9:7")
	p := peer.startProbe("10.0.0.9:7", 2*time.Millisecond)
	p.flows(t, peer, "answers at first", patience)

	port := map[string]string{"eth0": "p0", "eth1": "p1"}
	var silences, quiet []time.Duration
	for range 20 {
		active := h.status("bond0").Active
		pulled := time.Now()
		quiet = append(quiet, p.silence(pulled.Add(-100*time.Millisecond), pulled))
		peer.down(port[active])
		h.becomes("bond0", "another active member", func(s Status) bool { return s.Active != "" && s.Active != active })
		p.flows(t, peer, "answers from the other member", patience)
		silences = append(silences, p.silence(pulled, time.Now()))
		peer.up(port[active])
		h.becomes("bond0", "two usable links", func(s Status) bool { return s.Usable() == 2 })
		peer.usesPort(port[active])
		p.flows(t, peer, "answers after mending", patience)
	}
	median := logSpread(t, "silence after losing the active member, miimon 20 ms", silences)
	logSpread(t, "longest silence in the 100 ms before, for comparison", quiet)
	if median > 500*time.Millisecond {
		t.Errorf("median silence %s, want at most half a second", median)
	}
}

// usesPort waits until a bridge forwards on a port that has come up. The kernel
// tells a bridge of a new carrier once a second only, unlike a real switch.
func (h *host) usesPort(port string) {
	h.t.Helper()
	h.eventually("the switch uses "+port, patience, func() (bool, error) {
		link, err := netlink.LinkByName(port)
		return err == nil && link.Attrs().OperState == netlink.OperUp, err
	})
}

// logSpread writes median and worst to the log and returns the median.
func logSpread(t *testing.T, what string, times []time.Duration) time.Duration {
	t.Helper()
	slices.Sort(times)
	median := times[len(times)/2]
	t.Logf("%s: median %s, 90 %% %s, worst %s of %d", what, median.Round(time.Millisecond),
		times[len(times)*9/10].Round(time.Millisecond), times[len(times)-1].Round(time.Millisecond), len(times))
	return median
}
