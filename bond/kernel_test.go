package bond

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"vipd/e2e/vm"
)

// host is a network namespace that plays one machine. The tests called
// TestKernel... build several of them and run on the real bonding driver.
type host struct {
	t    *testing.T
	ns   netns.NsHandle
	name string
}

// newHost makes a namespace with its loopback up. Without the bonding driver
// the test is skipped, except in the machine that is there to have it.
func newHost(t *testing.T, name string) *host {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root; the virtual machine runs it")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	defer netns.Set(before)
	h := &host{t: t, ns: ns, name: name}
	err = createLink("probe", ActiveBackup)
	if err != nil && !vm.Inside() {
		t.Skipf("the virtual machine runs it: %v", err)
	}
	if err == nil {
		err = onLink("probe", netlink.LinkDel)
	}
	if err == nil {
		err = onLink("lo", netlink.LinkSetUp)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// in runs a function on a thread of its own inside the host's namespace.
func (h *host) in(do func() error) error {
	done := make(chan error)
	go func() {
		// The thread ends with the goroutine, since it stays locked.
		runtime.LockOSThread()
		if err := netns.Set(h.ns); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

func (h *host) must(what string, do func() error) {
	h.t.Helper()
	if err := h.in(do); err != nil {
		h.t.Fatalf("%s: %s: %v", h.name, what, err)
	}
}

// cable connects two hosts: an interface here, one there, both down.
func (h *host) cable(here string, peer *host, there string) {
	h.t.Helper()
	h.must("cable "+here, func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: here}, PeerName: there, PeerNamespace: netlink.NsFd(peer.ns),
		})
	})
}

func (h *host) up(links ...string) {
	h.t.Helper()
	for _, l := range links {
		h.must("bring up "+l, func() error { return onLink(l, netlink.LinkSetUp) })
	}
}

func (h *host) down(links ...string) {
	h.t.Helper()
	for _, l := range links {
		h.must("bring down "+l, func() error { return onLink(l, netlink.LinkSetDown) })
	}
}

func (h *host) address(link, prefix string) {
	h.t.Helper()
	h.must("address "+prefix, func() error { return addAddress{link, address(prefix)}.apply() })
}

func (h *host) route(link, gateway string) {
	h.t.Helper()
	h.must("route via "+gateway, func() error { return addRoute{link, defaultRoute(netip.MustParseAddr(gateway))}.apply() })
}

func address(prefix string) Address {
	return Address{netlink.Addr{IPNet: ipNet(netip.MustParsePrefix(prefix))}}
}

// sw makes a switch: a bridge whose ports are the named links of the host.
func (h *host) sw(name string, ports ...string) {
	h.t.Helper()
	h.must("switch "+name, func() error {
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}); err != nil {
			return err
		}
		index, err := indexOf(name)
		for _, port := range ports {
			err = errors.Join(err, onLink(port, func(l netlink.Link) error { return netlink.LinkSetMasterByIndex(l, index) }))
		}
		return err
	})
	h.up(append(ports, name)...)
}

// observe reads a bond and checks that it exists.
func (h *host) observe(name string, others ...string) Actual {
	h.t.Helper()
	var actual Actual
	h.must("observe "+name, func() (err error) {
		actual, err = Observe(name, others...)
		return err
	})
	return actual
}

func (h *host) apply(cfg Config) ([]string, Undo, error) {
	h.t.Helper()
	var changes []Change
	var undo Undo
	err := h.in(func() (err error) {
		changes, undo, err = Apply(h.t.Context(), cfg)
		return err
	})
	return texts(changes), undo, err
}

// mustApply applies and checks that doing so again changes nothing.
func (h *host) mustApply(cfg Config) ([]string, Undo) {
	h.t.Helper()
	changes, undo, err := h.apply(cfg)
	if err != nil {
		h.t.Fatalf("apply to %s: %v", h.name, err)
	}
	h.t.Logf("%s:\n\t%s", h.name, strings.Join(changes, "\n\t"))
	again, _, err := h.apply(cfg)
	if err != nil || len(again) > 0 {
		h.t.Errorf("applied again, %s changed %q, %v", h.name, again, err)
	}
	return changes, undo
}

// eventually waits for a condition that the kernel brings about in its own time.
func (h *host) eventually(what string, limit time.Duration, cond func() (bool, error)) {
	h.t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		h.must(what, func() (err error) {
			ok, err = cond()
			return err
		})
		if ok {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%s: not within %s: %s", h.name, limit, what)
		}
		<-tick.C
	}
}

func texts(changes []Change) []string {
	s := make([]string, len(changes))
	for i, c := range changes {
		s[i] = c.String()
	}
	return s
}

// snapshot describes everything about a host that a refused or undone change
// must not alter.
func (h *host) snapshot(bond string, others ...string) string {
	h.t.Helper()
	a := h.observe(bond, others...)
	s := fmt.Sprintf("exists %v ours %v members %v up %v addresses %v routes %v mtu %d mac %s\n",
		a.Exists, a.Ours, a.Members, a.Link.Up, a.Link.Addresses, a.Link.Routes, a.Link.MTU, a.Link.MAC)
	for _, o := range options {
		s += fmt.Sprintf("%s=%s ", o.key, a.Options[o.key])
	}
	for _, name := range slices.Sorted(maps.Keys(a.Links)) {
		l := a.Links[name]
		s += fmt.Sprintf("\n%s: up %v master %q addresses %v routes %v mtu %d prio %s", name, l.Up, l.Master, l.Addresses, l.Routes, l.MTU, l.Prio)
	}
	return s
}
