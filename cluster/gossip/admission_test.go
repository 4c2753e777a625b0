package gossip

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

// While strangers flood a node, it hears the members that it knows, one that was started anew on its host, and not more
// strangers than it can look at.
func TestFloodOfStrangers(t *testing.T) {
	to, member, again := sealerOf(t, 7, "one"), sealerOf(t, 7, "one"), sealerOf(t, 7, "one")
	home, elsewhere := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.66")
	if _, err := to.open(nil, member.seal(nil), home); err != nil {
		t.Fatal(err)
	}
	foreign := sealerOf(t, 8, "one")
	looked := 0
	for range 3 * otherRate {
		switch _, err := to.open(nil, foreign.seal(nil), elsewhere); {
		case errors.Is(err, errForeign):
			looked++
		case !errors.Is(err, errTooMany):
			t.Fatal(err)
		}
	}
	if looked < otherRate || looked > 2*otherRate {
		t.Errorf("%d of %d datagrams of strangers were looked at", looked, 3*otherRate)
	}
	for what, from := range map[string]*sealer{"a member": member, "a member that was started anew": again} {
		if _, err := to.open(nil, from.seal(nil), home); err != nil {
			t.Errorf("%s is not heard: %v", what, err)
		}
	}
	if _, err := to.open(nil, member.seal(nil), elsewhere); err != nil {
		t.Errorf("a member is not heard from another address: %v", err)
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	now := time.Unix(1000, 0)
	take := func() (n int) {
		for b.take(10, now) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 10}, {0, 0}, {99 * time.Millisecond, 0}, {time.Millisecond, 1}, {500 * time.Millisecond, 5}, {time.Hour, 10}} {
		now = now.Add(step.after)
		if got := take(); got != step.want {
			t.Errorf("%v later: %d, want %d", step.after, got, step.want)
		}
	}
}
