package vip

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var testLinks = map[string]Interface{"eth0": {Index: 2, Name: "eth0"}, "eth1": {Index: 3, Name: "eth1"}}

func on(prefix, name string) Address {
	return Address{Prefix: netip.MustParsePrefix(prefix), Interface: name}
}

func labelled(a Address, label string) Address {
	a.Label = label
	return a
}

func keyOf(a Address) key { return key{uint32(testLinks[a.Interface].Index), a.Prefix} }

// held is an address of ours as the kernel reports it; somebodys is not ours.
func held(a Address) observed {
	o := somebodys(a)
	o.proto = Mark
	return o
}

func somebodys(a Address) observed {
	o := observed{key: keyOf(a), label: a.Label}
	if a.deprecated() {
		o.flags |= unix.IFA_F_DEPRECATED
	}
	if o.label == "" && a.Prefix.Addr().Is4() {
		o.label = a.Interface
	}
	return o
}

func owning(addresses ...Address) map[key]Address {
	owned := map[key]Address{}
	for _, a := range addresses {
		owned[keyOf(a)] = a
	}
	return owned
}

// summary is a plan in the words of an operator.
type summary struct {
	Add, Remove, Vanished []string
	Failed                []string
}

func summarise(p plan) summary {
	var s summary
	words := func(changes []change) (out []string) {
		for _, c := range changes {
			text := c.address.String()
			if c.address.Label != "" {
				text += " as " + c.address.Label
			}
			out = append(out, text)
		}
		return out
	}
	s.Add, s.Remove, s.Vanished = words(p.add), words(p.remove), words(p.vanished)
	for _, f := range p.failed {
		s.Failed = append(s.Failed, f.Address.String())
	}
	return s
}

func TestPlan(t *testing.T) {
	a, b, six := on("10.0.0.5/24", "eth0"), on("10.0.0.6/32", "eth0"), on("fd00::5/64", "eth0")
	cases := []struct {
		name  string
		want  []Address
		owned map[key]Address
		have  []observed
		plan  summary
		err   error // of the failure, if one is expected
	}{
		{name: "nothing to do for nothing"},
		{name: "add in the order given", want: []Address{six, b, a},
			plan: summary{Add: []string{"fd00::5/64 on eth0", "10.0.0.6/32 on eth0", "10.0.0.5/24 on eth0"}}},
		{name: "the same twice is once", want: []Address{b, labelled(b, "eth0")},
			plan: summary{Add: []string{"10.0.0.6/32 on eth0"}}},
		{name: "a label on IPv6 is ignored", want: []Address{labelled(six, "eth0:v")},
			plan: summary{Add: []string{"fd00::5/64 on eth0"}}},
		{name: "there and ours: keep", want: []Address{a, six}, owned: owning(a, six),
			have: []observed{held(a), held(six)}},
		{name: "taken away by somebody: put back", want: []Address{a}, owned: owning(a),
			plan: summary{Add: []string{"10.0.0.5/24 on eth0"}}},
		{name: "not wanted any more: remove", owned: owning(a), have: []observed{held(a)},
			plan: summary{Remove: []string{"10.0.0.5/24 on eth0"}}},
		{name: "not wanted and gone already", owned: owning(a),
			plan: summary{Vanished: []string{"10.0.0.5/24 on eth0"}}},
		{name: "not wanted, and somebody has it now", owned: owning(a), have: []observed{somebodys(a)},
			plan: summary{Vanished: []string{"10.0.0.5/24 on eth0"}}},
		{name: "another label", want: []Address{labelled(a, "eth0:v")}, owned: owning(a), have: []observed{held(a)},
			plan: summary{Remove: []string{"10.0.0.5/24 on eth0"}, Add: []string{"10.0.0.5/24 on eth0 as eth0:v"}}},
		{name: "another prefix length", want: []Address{on("fd00::5/128", "eth0")}, owned: owning(six),
			have: []observed{held(six)},
			plan: summary{Remove: []string{"fd00::5/64 on eth0"}, Add: []string{"fd00::5/128 on eth0"}}},
		{name: "another interface", want: []Address{on("10.0.0.5/24", "eth1")}, owned: owning(a),
			have: []observed{held(a)},
			plan: summary{Remove: []string{"10.0.0.5/24 on eth0"}, Add: []string{"10.0.0.5/24 on eth1"}}},
		{name: "somebody has it", want: []Address{a}, have: []observed{somebodys(a)},
			plan: summary{Failed: []string{"10.0.0.5/24 on eth0"}}, err: ErrForeign},
		{name: "somebody replaced ours", want: []Address{a}, owned: owning(a), have: []observed{somebodys(a)},
			plan: summary{Failed: []string{"10.0.0.5/24 on eth0"}}, err: ErrForeign},
		{name: "another daemon's", want: []Address{a}, have: []observed{held(a)},
			plan: summary{Failed: []string{"10.0.0.5/24 on eth0"}}, err: ErrForeign},
		{name: "somebody's address with a peer", want: []Address{b}, owned: owning(b),
			have: []observed{{key: keyOf(b), peer: netip.MustParseAddr("10.0.0.9")}},
			plan: summary{Failed: []string{"10.0.0.6/32 on eth0"}}, err: ErrForeign},
		{name: "IPv4 beside another prefix length", want: []Address{on("10.0.0.5/32", "eth0")},
			have: []observed{somebodys(a)}, plan: summary{Add: []string{"10.0.0.5/32 on eth0"}}},
		{name: "IPv6 not beside another prefix length", want: []Address{on("fd00::5/128", "eth0")},
			have: []observed{somebodys(six)},
			plan: summary{Failed: []string{"fd00::5/128 on eth0"}}, err: ErrForeign},
		{name: "IPv6 on another interface is another address", want: []Address{on("fd00::5/64", "eth1")},
			have: []observed{somebodys(six)}, plan: summary{Add: []string{"fd00::5/64 on eth1"}}},
		{name: "never touch what is not ours", have: []observed{somebodys(a), held(b), somebodys(six)}},
		{name: "no such interface", want: []Address{on("10.0.0.5/24", "bond0"), b},
			plan: summary{Add: []string{"10.0.0.6/32 on eth0"}, Failed: []string{"10.0.0.5/24 on bond0"}}, err: ErrNoInterface},
		{name: "two labels for one address", want: []Address{a, labelled(a, "eth0:v")},
			plan: summary{Add: []string{"10.0.0.5/24 on eth0"}, Failed: []string{"10.0.0.5/24 on eth0"}}, err: ErrInvalid},
		{name: "multicast", want: []Address{on("224.0.0.18/32", "eth0")},
			plan: summary{Failed: []string{"224.0.0.18/32 on eth0"}}, err: ErrInvalid},
		{name: "label too long", want: []Address{labelled(a, "eth0:0123456789a")},
			plan: summary{Failed: []string{"10.0.0.5/24 on eth0"}}, err: ErrInvalid},
		{name: "IPv4 written as IPv6", want: []Address{on("::ffff:10.0.0.1/128", "eth0")},
			plan: summary{Failed: []string{"::ffff:10.0.0.1/128 on eth0"}}, err: ErrInvalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := makePlan(c.want, world{owned: c.owned, links: testLinks, have: c.have})
			if diff := cmp.Diff(c.plan, summarise(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			for _, f := range p.failed {
				if !errors.Is(f.Err, c.err) {
					t.Errorf("%s failed for %v, want %v", f.Address, f.Err, c.err)
				}
			}
		})
	}
}

func TestPlannedRoutes(t *testing.T) {
	const bare, routed = unix.IFA_F_NODAD | unix.IFA_F_NOPREFIXROUTE, unix.IFA_F_NODAD
	own := somebodys(on("fd00::1/64", "eth0"))
	unrouted := own
	unrouted.flags = unix.IFA_F_NOPREFIXROUTE
	cases := []struct {
		name string
		want Address
		have []observed
		flag uint32
	}{
		{"IPv4 has no such flags", on("10.0.0.5/24", "eth0"), nil, 0},
		{"a single address brings no route", on("fd00::5/128", "eth0"), nil, bare},
		{"a subnet nobody else brings", on("fd00::5/64", "eth0"), nil, routed},
		{"the host's own subnet", on("fd00::5/64", "eth0"), []observed{own}, bare},
		{"of another interface", on("fd00::5/64", "eth1"), []observed{own}, routed},
		{"of another length", on("fd00::5/56", "eth0"), []observed{own}, routed},
		{"brought by no route", on("fd00::5/64", "eth0"), []observed{unrouted}, routed},
		{"brought by another daemon", on("fd00::5/64", "eth0"), []observed{held(on("fd00::6/64", "eth0"))}, routed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := makePlan([]Address{c.want}, world{links: testLinks, have: c.have})
			if len(p.add) != 1 || p.add[0].flags != c.flag {
				t.Errorf("plan to add %+v, want it with flags %#x", p.add, c.flag)
			}
		})
	}
}
