package bond

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// patience is for what takes the kernel a second or so, on a machine that may be
// busy with other things.
const patience = 30 * time.Second

func (h *host) status(name string) Status {
	h.t.Helper()
	var s Status
	h.must("status of "+name, func() (err error) {
		s, err = ReadStatus(name)
		return err
	})
	return s
}

// becomes waits until the status of a link meets a condition and returns it.
func (h *host) becomes(name, what string, cond func(Status) bool) Status {
	h.t.Helper()
	var s Status
	h.eventually(what, patience, func() (_ bool, err error) {
		s, err = ReadStatus(name)
		return cond(s), err
	})
	return s
}

// found checks that a diagnosis holds a text, or nothing at all.
func found(t *testing.T, s Status, want string) {
	t.Helper()
	var all []string
	for _, f := range Diagnose(s) {
		all = append(all, f.String())
	}
	if text := strings.Join(all, "\n"); want == "" && text != "" || !strings.Contains(text, want) {
		t.Errorf("diagnosis: want %q, got\n%s\nof %+v", want, text, s)
	}
}

// settled reports whether LACP, where there is any, has both ends of a link
// collecting and distributing.
func (m MemberStatus) settled() bool {
	return m.LACP == nil || m.LACP.Actor&m.LACP.Partner&0x30 == 0x30
}

// peerModes says what stands at the other end of a bond in each mode: another
// bond, or "" for a switch that knows nothing.
var peerModes = map[string]string{
	"balance-rr": "balance-xor", "active-backup": "", "balance-xor": "balance-xor", "broadcast": "broadcast",
	"802.3ad": "802.3ad", "balance-tlb": "", "balance-alb": "",
}

// In each mode, either cable can be lost and mended, traffic goes on, and status
// and health say what happened.
func TestKernelBreakAndMend(t *testing.T) {
	for _, mode := range modeNames {
		t.Run(mode, func(t *testing.T) {
			h, peer := newHost(t, "host"), newHost(t, "switch")
			h.cable("eth0", peer, "p0")
			h.cable("eth1", peer, "p1")
			extra := ""
			if mode == "802.3ad" {
				extra = ", lacp_rate: fast"
			}
			if peerModes[mode] == "" {
				peer.sw("trunk", "p0", "p1")
				peer.address("trunk", "10.0.0.1/24")
			} else {
				peer.mustApply(parse(t, "{name: trunk, mode: "+peerModes[mode]+", miimon: 20, members: [p0, p1], addresses: [10.0.0.1/24]"+extra+"}"))
			}
			h.mustApply(parse(t, "{name: bond0, mode: "+mode+", miimon: 20, members: [eth0, eth1], addresses: [10.0.0.9/24]"+extra+"}"))
			bothUsable := func(s Status) bool {
				return s.Usable() == 2 && s.Carrier && !slices.ContainsFunc(s.Members, func(m MemberStatus) bool { return !m.settled() })
			}
			h.becomes("bond0", "two usable links", bothUsable)
			h.echo("10.0.0.9:7")
			p := peer.startProbe("10.0.0.9:7", 5*time.Millisecond)
			p.flows(t, peer, "answers at first", patience)
			h.becomes("bond0", "nothing to complain of", func(s Status) bool { return len(Diagnose(s)) == 0 })
			for i, port := range []string{"p0", "p1"} {
				pulled := time.Now()
				peer.down(port)
				s := h.becomes("bond0", port+" lost", func(s Status) bool { return s.Usable() == 1 && s.Members[i].Link == "down" })
				if s.Members[i].Failures == 0 {
					t.Errorf("%s lost: member %+v", port, s.Members[i])
				}
				if eligible, adjust, reason := Health(s, Weights{PerMissingLink: 10}); !eligible || adjust != -10 {
					t.Errorf("%s lost: health %v, %d, %q", port, eligible, adjust, reason)
				}
				p.flows(t, peer, "answers without "+port, patience)
				t.Logf("silence after losing %s: %s", port, p.silence(pulled, time.Now()).Round(time.Millisecond))
				peer.up(port)
				h.becomes("bond0", port+" mended", bothUsable)
				peer.usesPort(port)
				p.flows(t, peer, "answers with "+port+" back", patience)
			}
			peer.down("p0", "p1")
			s := h.becomes("bond0", "all lost", func(s Status) bool { return s.Usable() == 0 })
			if eligible, _, reason := Health(s, Weights{}); eligible {
				t.Errorf("all lost: still eligible, %q", reason)
			}
		})
	}
}

// A second bond plays the switch, with LACP and without.
func TestKernelLACP(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	const lag = "{name: lag, mode: 802.3ad, lacp_rate: fast, miimon: 20, members: [%s]}"
	peer.mustApply(parse(t, strings.Replace(lag, "%s", "p0, p1", 1)))
	h.mustApply(parse(t, "{name: bond0, mode: 802.3ad, lacp_rate: fast, miimon: 20, members: [eth0, eth1]}"))
	s := h.becomes("bond0", "both links in one aggregator", func(s Status) bool {
		return s.LACP != nil && s.LACP.Ports == 2 && s.Members[0].settled() && s.Members[1].settled()
	})
	if want := peer.status("lag").MAC; s.LACP.PartnerMAC != want || s.Members[0].LACP.PartnerMAC != want {
		t.Errorf("partner %s, of eth0 %s, want %s", s.LACP.PartnerMAC, s.Members[0].LACP.PartnerMAC, want)
	}
	if got := s.Members[0].LACP.Actor.String(); got != "active, short timeout, aggregating, in sync, collecting, distributing" {
		t.Errorf("actor state of eth0: %s", got)
	}
	found(t, s, "")

	// One port of the switch loses its LACP configuration.
	peer.mustApply(parse(t, strings.Replace(lag, "%s", "p0", 1)))
	peer.up("p1")
	s = h.becomes("bond0", "eth1 out of the aggregator", func(s Status) bool { return s.Members[1].Carrier && s.Usable() == 1 })
	s = h.becomes("bond0", "eth1 without partner", func(s Status) bool { return s.Members[1].LACP.Actor&0x40 != 0 })
	found(t, s, "eth1: nobody answers LACP on it: it is not used")

	// The whole switch does.
	peer.must("no lag", func() error { return onLink("lag", netlink.LinkDel) })
	peer.sw("br0", "p0", "p1")
	s = h.becomes("bond0", "no partner", func(s Status) bool { return s.Usable() == 1 && s.LACP.PartnerMAC == noMAC })
	found(t, s, "nobody answers LACP: the switch is not configured for it")
}

// With ARP monitoring a dead network behind a working port is noticed.
func TestKernelDeadUpstream(t *testing.T) {
	h, peer, router := newHost(t, "host"), newHost(t, "switch"), newHost(t, "router")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	router.cable("eth0", peer, "p9")
	peer.sw("br0", "p0", "p1", "p9")
	router.up("eth0")
	router.address("eth0", "10.0.0.1/24")
	h.mustApply(parse(t, "{name: bond0, members: [eth0, eth1], primary: eth0, addresses: [10.0.0.9/24], "+
		"arp_interval: 100, arp_ip_targets: [10.0.0.1], arp_validate: all}"))
	s := h.becomes("bond0", "both links answered", func(s Status) bool { return s.Usable() == 2 && s.Active == "eth0" })
	found(t, s, "")
	peer.must("unplug p0 behind the port", func() error { return onLink("p0", netlink.LinkSetNoMaster) })
	s = h.becomes("bond0", "eth0 silent", func(s Status) bool { return s.Active == "eth1" && s.Members[0].Link == "down" })
	if !s.Members[0].Carrier {
		t.Error("eth0 has lost its carrier, want a silent network only")
	}
	found(t, s, "eth0: it has a carrier, but none of 10.0.0.1 answers")
	peer.must("unplug p1 behind the port", func() error { return onLink("p1", netlink.LinkSetNoMaster) })
	s = h.becomes("bond0", "both silent", func(s Status) bool { return s.Usable() == 0 })
	if eligible, _, reason := Health(s, Weights{}); eligible {
		t.Errorf("dead upstream: still eligible, %q", reason)
	}
}

func TestKernelWatch(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.up("p0", "p1")
	ctx, cancel := context.WithCancel(t.Context())
	events, ended := make(chan Status), make(chan error, 1)
	var last Status
	watch := func() error {
		return Watch(ctx, func(e Event) bool { return last.Concerns(e) }, func() (time.Duration, error) {
			now, err := ReadStatus("bond0")
			if last = now; err != nil {
				return 0, err
			}
			select {
			case events <- now:
			case <-ctx.Done():
			}
			return time.Second, nil
		})
	}
	go func() { ended <- h.in(watch) }()
	await := func(what string, cond func(Status) bool) time.Duration {
		t.Helper()
		began, limit := time.Now(), time.After(patience)
		for {
			select {
			case s := <-events:
				if cond(s) {
					return time.Since(began)
				}
			case <-limit:
				t.Fatalf("no event: %s", what)
			}
		}
	}
	await("no bond yet", func(s Status) bool { return !s.Exists })
	applied := make(chan error, 1)
	go func() {
		applied <- h.in(func() error {
			_, _, err := Apply(ctx, Config{Name: "bond0", Members: []Member{{Name: "eth0"}, {Name: "eth1"}}, MIIMon: ptr(20)})
			return err
		})
	}()
	await("two usable links", func(s Status) bool { return s.Usable() == 2 && s.Active == "eth0" })
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
	peer.down("p0")
	took := await("failover", func(s Status) bool { return s.Active == "eth1" && s.Members[0].Link == "down" })
	t.Logf("failover was reported %s after the cable was cut", took.Round(time.Millisecond))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch ended with %v", err)
	}
}

func TestKernelFailover(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	h.cable("eth2", peer, "p2")
	peer.up("p0", "p1")
	h.mustApply(parse(t, "{name: bond0, miimon: 20, members: [eth0, eth1, eth2]}"))
	h.becomes("bond0", "two usable links", func(s Status) bool { return s.Usable() == 2 && s.Active == "eth0" })
	h.must("failover", func() error { return Failover("bond0", "eth1") })
	if s := h.status("bond0"); s.Active != "eth1" || s.Members[0].Active || !s.Members[1].Active {
		t.Errorf("active member %s", s.Active)
	}
	for member, want := range map[string]string{
		"eth2": "make eth2 the active member of bond0: its link is down",
		"eth7": "make eth7 the active member of bond0: eth7 is not a member",
	} {
		if err := h.in(func() error { return Failover("bond0", member) }); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if s := h.status("bond0"); s.Active != "eth1" {
		t.Errorf("a refused failover changed the active member to %s", s.Active)
	}
	h.mustApply(parse(t, "{name: bond0, mode: balance-xor, members: [eth0]}"))
	err := h.in(func() error { return Failover("bond0", "eth0") })
	if err == nil || !strings.Contains(err.Error(), "mode balance-xor has no active member") {
		t.Errorf("error %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

// ReadAll finds what is below VLANs and macvlans, and bonds nobody named.
func TestKernelReadAll(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	peer.up("p0")
	h.mustApply(parse(t, "{name: bond0, members: [eth0], miimon: 20}"))
	h.must("VLAN and macvlan", func() error {
		index, err := indexOf("bond0")
		if err != nil {
			return err
		}
		if err := netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "bond0.7", ParentIndex: index}, VlanId: 7}); err != nil {
			return err
		}
		if index, err = indexOf("bond0.7"); err != nil {
			return err
		}
		return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "mac0", ParentIndex: index}, Mode: netlink.MACVLAN_MODE_PRIVATE})
	})
	h.must("read all", func() error {
		all, err := ReadAll("mac0", "eth9")
		if err != nil {
			return err
		}
		if all["mac0"].Lower != "bond0" || all["bond0"].Kind != "bond" || !all["bond0"].Ours || all["eth9"].Exists || len(all) != 3 {
			t.Errorf("read %+v", all)
		}
		return nil
	})
}
