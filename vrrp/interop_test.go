package vrrp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"
)

// transport is one way of speaking VRRP.
type transport struct {
	name     string
	version  uint8
	ipv6     bool
	unicast  bool
	vmac     bool // both sides send and listen on an interface with the virtual MAC
	pass     string
	interval time.Duration
}

var transports = []transport{
	{name: "v2 with a password, multicast", version: 2, pass: "secret", interval: time.Second},
	{name: "v2 without, unicast", version: 2, unicast: true, interval: time.Second},
	{name: "v3 over IPv4, multicast", version: 3, interval: 200 * time.Millisecond},
	{name: "v3 over IPv4, unicast", version: 3, unicast: true, interval: 200 * time.Millisecond},
	{name: "v3 over IPv6, multicast", version: 3, ipv6: true, interval: 200 * time.Millisecond},
	{name: "v3 over IPv4, virtual MAC", version: 3, vmac: true, interval: 200 * time.Millisecond},
	{name: "v3 over IPv6, virtual MAC", version: 3, ipv6: true, vmac: true, interval: 200 * time.Millisecond},
	{name: "v3 over IPv6, unicast", version: 3, ipv6: true, unicast: true, interval: 200 * time.Millisecond},
}

// Priorities: keepalived's, and ours below and above it.
const (
	theirs = 150
	below  = 100
	above  = 200
)

func (tr transport) addresses() (ours, keepalived, vip string) {
	if tr.ipv6 {
		return "fe80::1", "fe80::2", "fe80::100"
	}
	return "10.0.0.1", "10.0.0.2", "10.0.0.100"
}

func (tr transport) config() vrrp.Config {
	ours, peer, vip := tr.addresses()
	c := vrrp.Config{Version: tr.version, VRID: 51, Priority: below, Interval: tr.interval, Addresses: ips(vip), Source: ip(ours)}
	if tr.unicast {
		c.Peers = ips(peer)
	}
	if tr.pass != "" {
		c.Auth = vrrp.Password(tr.pass)
	}
	return c
}

// keepalived is the configuration of the other side.
func (tr transport) keepalived() string {
	ours, self, vip := tr.addresses()
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance VI_1 {\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority %d\n version %d\n advert_int %g\n",
		theirs, tr.version, tr.interval.Seconds())
	if tr.unicast {
		fmt.Fprintf(&b, " unicast_src_ip %s\n unicast_peer {\n  %s\n }\n", self, ours)
	}
	if tr.vmac {
		b.WriteString(" use_vmac vmac51\n")
	}
	if tr.pass != "" {
		fmt.Fprintf(&b, " authentication {\n  auth_type PASS\n  auth_pass %s\n }\n", tr.pass)
	}
	fmt.Fprintf(&b, " virtual_ipaddress {\n  %s\n }\n}\n", vip)
	return b.String()
}

// downInterval is after how long a backup of our lower priority takes over.
func (tr transport) downInterval() time.Duration {
	skew := time.Second
	if tr.version == vrrp.V3 {
		skew = tr.interval
	}
	return 3*tr.interval + skew*(256-below)/256
}

// slack is what a busy machine may take beyond the protocol's time.
const slack = 10 * time.Second

// TestWithKeepalived talks to Debian's keepalived over every transport: it defers to the higher one both
// ways, inherits and stops cleanly, and takes over when keepalived is killed.
func TestWithKeepalived(t *testing.T) {
	lab.NeedRoot(t)
	lab.Need(t, "ip", "keepalived")
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			newDialog(t, tr).run()
		})
	}
}

// dialog is the two sides of one test.
type dialog struct {
	*testing.T
	tr         transport
	there      *lab.Namespace
	keepalived *lab.Keepalived
	ours       *runner
}

func newDialog(t *testing.T, tr transport) *dialog {
	here, there := lab.NewNamespace(t, "vipd"), lab.NewNamespace(t, "keepalived")
	lab.Cable(t, here, there)
	d := &dialog{T: t, tr: tr, there: there}
	d.keepalived = lab.StartKeepalived(t, there, tr.keepalived())
	d.keepalivedIs("MASTER", 1)
	iface := "eth0"
	if tr.vmac {
		v := vrrp.VirtualMAC{Parent: "eth0", VRID: 51, IPv6: tr.ipv6}
		here.Do(t, func() error { return v.Ensure(vrrp.VMACUp) })
		iface = v.LinkName()
	}
	d.ours = startRunner(t, here, iface, tr.config())
	return d
}

func (d *dialog) run() {
	d.Log("keepalived is master; we are lower and start: we hear it and stay BACKUP")
	d.ours.events <- vrrp.Start{}
	d.eventually("three adverts of keepalived counted", func() bool { return d.ours.heard() >= 3 })
	d.weAre(vrrp.Backup)

	d.Log("our priority rises above: we take over, keepalived yields")
	d.ours.events <- vrrp.SetPriority{Priority: above}
	d.weAre(vrrp.Master)
	d.keepalivedIs("BACKUP", 2) // the first was its start

	d.Log("we stop cleanly: keepalived takes over")
	stopped := time.Now()
	d.ours.events <- vrrp.Shutdown{}
	d.keepalivedIs("MASTER", 2)
	d.Logf("keepalived is master %v after our stop; its skew is %v", time.Since(stopped).Round(time.Millisecond), d.skew())

	d.Log("we inherit: keepalived yields at once, to our first advert")
	d.ours.events <- vrrp.Inherit{}
	d.keepalivedIs("BACKUP", 3)
	d.weAre(vrrp.Master)

	d.Log("our priority falls below: keepalived takes over, we yield")
	d.ours.events <- vrrp.SetPriority{Priority: below}
	d.keepalivedIs("MASTER", 3)
	d.weAre(vrrp.Backup)

	d.Log("keepalived is killed: we take over")
	heard := d.ours.heard()
	d.eventually("two more adverts", func() bool { return d.ours.heard() >= heard+2 })
	killed := time.Now()
	d.keepalived.Kill(d)
	since := d.weAre(vrrp.Master)
	took := since.Sub(killed)
	d.Logf("we are master %v after the kill; the protocol allows %v to %v", took.Round(time.Millisecond), d.tr.downInterval()-d.tr.interval, d.tr.downInterval())
	if took < d.tr.downInterval()-d.tr.interval-50*time.Millisecond {
		d.Errorf("took over %v after the kill, before the timer can have run out", took)
	}
	for _, line := range d.ours.said() {
		if strings.Contains(line, "drop") || strings.Contains(line, "tolerate") {
			d.Errorf("a packet of keepalived was not right: %s", line)
		}
	}
}

func (d *dialog) skew() time.Duration {
	unit := time.Second
	if d.tr.version == vrrp.V3 {
		unit = d.tr.interval
	}
	return unit * (256 - theirs) / 256
}

func (d *dialog) eventually(what string, ok func() bool) {
	d.Helper()
	lab.Eventually(d, 4*d.tr.interval+slack, what, ok)
}

// weAre waits until our machine is in a state, and returns since when.
func (d *dialog) weAre(s vrrp.State) (since time.Time) {
	d.Helper()
	d.eventually("we are "+s.String(), func() (ok bool) { since, ok = d.ours.is(s); return ok })
	return since
}

// keepalivedIs waits until keepalived has entered a state so many times, and has the address or not.
func (d *dialog) keepalivedIs(state string, times int) {
	d.Helper()
	_, _, vip := d.tr.addresses()
	d.eventually(fmt.Sprintf("keepalived is %s for time %d", state, times), func() bool {
		return d.keepalived.Said("Entering "+state+" STATE") >= times
	})
	d.eventually("keepalived's address follows", func() bool {
		has := strings.Contains(d.there.IP(d, "addr", "show"), vip+"/")
		return has == (state == "MASTER")
	})
}
