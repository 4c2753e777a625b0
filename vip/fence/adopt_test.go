package fence

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// left opens a gate, holds the first addresses and only guards the second ones, and leaves all that to a successor.
func left(tb testing.TB, l *lab, lease time.Duration, extensions int) {
	tb.Helper()
	f := l.open(tb, Options{})
	check(tb, f.Raise(after(patience)))
	check(tb, f.Hold(vips))
	check(tb, f.Bar(vips2))
	for range extensions {
		check(tb, f.Extend(after(lease)))
	}
	f.Leave()
}

func (l *lab) adopt(tb testing.TB) (*Fence, error) {
	tb.Helper()
	f, err := Adopt(Options{Instance: "test", NetNS: int(l.host)})
	if err == nil {
		tb.Cleanup(f.disconnect)
	}
	return f, err
}

func TestAdoptedGateStaysOpen(t *testing.T) {
	for _, extensions := range []int{1, 2} { // each of the two lease sets in use
		l := newLab(t)
		p := l.prober(t)
		left(t, l, patience, extensions)
		wantAnswers(t, p, "left", all(vips...), append(vips, vips2...)...)
		before := droppedBy(t, l)
		f, err := l.adopt(t)
		check(t, err)
		wantAnswers(t, p, "adopted", all(vips...), vips...)
		check(t, f.Extend(after(patience)))
		check(t, f.Verify())
		wantAnswers(t, p, "extended", all(vips...), vips...)
		if dropped := droppedBy(t, l); dropped != before {
			t.Errorf("%d packets were dropped by the change", dropped-before)
		}
		if rules := nft(t, l.host, "list tables"); strings.Contains(rules, "sample") {
			t.Errorf("Adopt left:\n%s", rules)
		}
		check(t, f.Shut())
		wantAnswers(t, p, "shut", nil, vips...)
		if err := f.Close(); !errors.Is(err, ErrGuarded) {
			t.Errorf("Close: %v, want ErrGuarded", err)
		}
	}
}

// droppedBy adds up what the gate dropped.
func droppedBy(tb testing.TB, l *lab) uint64 {
	tb.Helper()
	f := newFence(Options{Instance: "test", NetNS: int(l.host)})
	defer f.disconnect()
	c, err := f.Counters()
	check(tb, err)
	return c.ARPIn + c.ARPOut + c.IPv4In + c.IPv4Out + c.IPv6In + c.IPv6Out + c.NDIn + c.NDOut
}

// The peer sends without pause while the gate changes hands again and again; nothing may be dropped.
func TestAdoptDropsNothing(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	stop, sent := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				sent <- nil
				return
			default:
			}
			if err := l.sendFrom(t, vipV4, peerV4); err != nil {
				sent <- err
				return
			}
		}
	}()
	for range 50 {
		f.Leave()
		next, err := l.adopt(t)
		check(t, err)
		f = next
		check(t, f.Extend(after(patience)))
	}
	close(stop)
	if err := <-sent; err != nil {
		t.Errorf("send from a held address: %v", err)
	}
	if dropped := droppedBy(t, l); dropped != 0 {
		t.Errorf("%d packets were dropped", dropped)
	}
}

func TestAdoptedLeaseEndsWhenItWould(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	left(t, l, 500*time.Millisecond, 1)
	f, err := l.adopt(t)
	check(t, err)
	eventually(t, "the gate shuts by itself", func() bool { return len(p.answers(vips...)) == 0 })
	if err := f.Extend(after(patience)); !errors.Is(err, ErrShut) {
		t.Errorf("Extend after the end: %v, want ErrShut", err)
	}
	wantAnswers(t, p, "after the end", nil, vips...)
}

func TestNotAdopted(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*testing.T, *lab)
		want  error
	}{
		"shut": {func(t *testing.T, l *lab) {
			f, err := l.adopt(t)
			check(t, err)
			check(t, f.Shut())
			f.Leave()
		}, ErrShut},
		"expired": {func(t *testing.T, l *lab) {
			f, err := l.adopt(t)
			check(t, err)
			check(t, f.Extend(after(50*time.Millisecond)))
			p := l.prober(t)
			eventually(t, "the gate shuts by itself", func() bool { return len(p.answers(vips...)) == 0 })
		}, ErrShut},
		"no tables": {func(t *testing.T, l *lab) { nft(t, l.host, "flush ruleset") }, ErrGone},
		"a rule was added": {func(t *testing.T, l *lab) {
			nft(t, l.host, "add rule inet vipd-test inet_in accept")
		}, ErrGone},
		"half a lease": {func(t *testing.T, l *lab) {
			nft(t, l.host, "flush set arp vipd-test use_b; flush set arp vipd-test use_a")
		}, ErrShut},
		"two lease sets in use": {func(t *testing.T, l *lab) {
			nft(t, l.host, "add element inet vipd-test use_a { ipv4, ipv6 }; add element inet vipd-test use_b { ipv4, ipv6 }")
		}, ErrGone},
		"tables that disagree": {func(t *testing.T, l *lab) {
			nft(t, l.host, "delete element arp vipd-test held { 192.0.2.10 }")
		}, ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			left(t, l, patience, 1)
			tt.spoil(t, l)
			if _, err := l.adopt(t); !errors.Is(err, tt.want) {
				t.Fatalf("adopt: %v, want %v", err, tt.want)
			}
			f := l.open(t, Options{})
			addrs, err := f.Guarded()
			check(t, err)
			if len(addrs) > 0 {
				wantAnswers(t, l.prober(t), "opened instead", nil, addrs...)
			}
		})
	}
}

func TestAdoptKnowsWhatIsGuarded(t *testing.T) {
	l := newLab(t)
	left(t, l, patience, 1)
	f, err := l.adopt(t)
	check(t, err)
	want := map[string]bool{}
	for _, a := range vips {
		want[a.String()] = true
	}
	for _, a := range vips2 {
		want[a.String()] = false
	}
	got := map[string]bool{}
	for a, may := range f.addrs {
		got[a.String()] = may
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guarded, and whether held (-want +got):\n%s", diff)
	}
}
