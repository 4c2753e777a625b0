package lab

import (
	"bytes"
	"os"
	"testing"
)

// Every kind of damage, by who cannot talk to whom any more. An answer needs
// both directions.
func TestDamage(t *testing.T) {
	l := New(t, Options{Hosts: 3})
	a, b, c := l.Hosts[0], l.Hosts[1], l.Hosts[2]
	all := []*Host{a, b, c, l.Client}
	type pair = [2]*Host
	tests := []struct {
		name   string
		damage func() error
		mend   func() error
		broken []pair // either order
	}{
		{"cut", a.Cut, a.Mend, []pair{{a, b}, {a, c}, {a, l.Client}}},
		{"carrier", a.CutCarrier, a.Mend, []pair{{a, b}, {a, c}, {a, l.Client}}},
		{"inbound", a.CutInbound, a.Mend, []pair{{a, b}, {a, c}, {a, l.Client}}},
		{"outbound", a.CutOutbound, a.Mend, []pair{{a, b}, {a, c}, {a, l.Client}}},
		{"loss of all", func() error { return a.Lose(1000) }, a.Mend, []pair{{a, b}, {a, c}, {a, l.Client}}},
		{"loss of none", func() error { return a.Lose(0) }, a.Mend, nil},
		{"narrow", func() error { return a.Narrow(20_000) }, a.Mend, nil},
		{"partition", func() error { return l.Partition([]*Host{a}, []*Host{b, c}) }, l.Heal, []pair{{a, b}, {a, c}}},
		{"three sides", func() error { return l.Partition([]*Host{a}, []*Host{b}, []*Host{c}) }, l.Heal, []pair{{a, b}, {a, c}, {b, c}}},
		{"client with a", func() error { return l.Partition([]*Host{a, l.Client}, []*Host{b}) }, l.Heal, []pair{{a, b}, {l.Client, b}}},
		{"block", func() error { return l.Block(a, b) }, func() error { return l.Unblock(a, b) }, []pair{{a, b}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.damage(); err != nil {
				t.Fatal(err)
			}
			for i, from := range all {
				for _, to := range all[i+1:] {
					broken := false
					for _, p := range tt.broken {
						broken = broken || p == pair{from, to} || p == pair{to, from}
					}
					if got := reaches(t, from, to); got == broken {
						t.Errorf("%s reaches %s: %v, want %v", from, to, got, !broken)
					}
				}
			}
			if err := tt.mend(); err != nil {
				t.Fatal(err)
			}
			// Neighbour entries that failed meanwhile are tried again once a second.
			for i, from := range all {
				for _, to := range all[i+1:] {
					eventually(t, "the network is whole again", func() bool { return reaches(t, from, to) })
				}
			}
		})
	}
}

// A cut far away is invisible to the host, a pulled cable is not.
func TestCarrier(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	h := l.Hosts[0]
	carrier := func() (c []byte) {
		t.Helper()
		out, err := h.Command(t.Context(), "ip", "-o", "link", "show", h.Interface).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return out
	}
	if err := h.Cut(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(carrier(), []byte("NO-CARRIER")) {
		t.Errorf("Cut took the carrier: %s", carrier())
	}
	if err := h.CutCarrier(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "carrier lost", func() bool { return bytes.Contains(carrier(), []byte("NO-CARRIER")) })
	if err := h.Mend(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "carrier back", func() bool { return !bytes.Contains(carrier(), []byte("NO-CARRIER")) })
	eventually(t, "the client answers", func() bool { return reaches(t, h, l.Client) })
}

// One direction of a one-way loss still carries frames: the receiving host
// counts them.
func TestOneWay(t *testing.T) {
	l := New(t, Options{Hosts: 2})
	a, b := l.Hosts[0], l.Hosts[1]
	if !reaches(t, a, b) { // both know each other's MAC from here on
		t.Fatal("not whole at the start")
	}
	tests := []struct {
		name         string
		damage, mend func() error
		aToB, bToA   bool
	}{
		{"inbound of a", a.CutInbound, a.Mend, true, false},
		{"outbound of a", a.CutOutbound, a.Mend, false, true},
		{"block a to b", func() error { return l.Block(a, b) }, l.Heal, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.damage(); err != nil {
				t.Fatal(err)
			}
			if got := arrives(t, a, b); got != tt.aToB {
				t.Errorf("%s to %s arrives: %v, want %v", a, b, got, tt.aToB)
			}
			if got := arrives(t, b, a); got != tt.bToA {
				t.Errorf("%s to %s arrives: %v, want %v", b, a, got, tt.bToA)
			}
			if err := tt.mend(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "mended", func() bool { return reaches(t, a, b) && reaches(t, b, a) })
		})
	}
}

// arrives tells whether an echo request gets to its destination, answered or not.
func arrives(t *testing.T, from, to *Host) bool {
	t.Helper()
	before := echoRequestsIn(t, to)
	reaches(t, from, to)
	return echoRequestsIn(t, to) > before
}

func echoRequestsIn(t *testing.T, h *Host) int {
	t.Helper()
	var b []byte
	err := h.Do(func() (err error) {
		b, err = os.ReadFile("/proc/thread-self/net/snmp")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return snmpValue(t, b, "Icmp:", "InEchos")
}
