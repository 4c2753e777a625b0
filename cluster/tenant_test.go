package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip"
	"vipd/vip/fence"
)

func TestTakesGateFirstAndAnnouncesLast(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24", "10.0.0.2/24")))
	s.commit(give(s.view, "a", "web"))
	s.lease()
	done, actions := s.step()
	diff(t, "actions", []string{
		"raise", "hold 10.0.0.1 10.0.0.2", "set 10.0.0.1/24 10.0.0.2/24", "announce 10.0.0.1 10.0.0.2",
	}, actions)
	diff(t, "done", true, done)
	diff(t, "empty", false, s.tenant.empty())
	_, actions = s.step()
	diff(t, "actions of a second step", nil, actions)
}

// Each commit wakes the tenant. Reading what is on the host takes longer the more there is.
func TestLooksAtTheHostOnlyWhenInDoubt(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	before := s.host.looks
	s.commit(groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.9/24")))
	s.step()
	diff(t, "looks although nothing else is wanted", 0, s.host.looks-before)
	diff(t, "served", map[string]uint64{"web": s.view.Assignments["web"].Serial}, s.tenant.serving().groups)
	s.host.have = nil // somebody removed it
	s.tenant.doubtful = true
	_, actions := s.step()
	diff(t, "actions", []string{"set 10.0.0.1/24", "announce 10.0.0.1"}, actions)
}

func TestLetsGoGateFirstAndSettlesOnceGone(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.commit(give(s.view, "b", "web"))
	done, actions := s.step()
	diff(t, "actions", []string{"bar 10.0.0.1", "stop 10.0.0.1", "set", "let go", "release 10.0.0.1"}, actions)
	diff(t, "done", true, done)
	diff(t, "settled", []uint64{s.view.LastSerial}, s.settled)
	diff(t, "empty", true, s.tenant.empty())
	_, actions = s.step()
	diff(t, "actions of a second step", nil, actions)
}

func TestNothingWithoutLease(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24")))
	s.commit(give(s.view, "a", "web"))
	_, actions := s.step()
	diff(t, "actions", nil, actions)
}

func TestNothingInAnotherEpoch(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24")))
	s.commit(give(s.view, "a", "web"))
	s.lease()
	s.epoch = 7
	_, actions := s.step()
	diff(t, "actions", []string{"raise"}, actions)
}

func TestEverythingGoesWithTheLease(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.door.shut()
	done, actions := s.step()
	diff(t, "actions", []string{"bar 10.0.0.1", "stop 10.0.0.1", "set", "release 10.0.0.1"}, actions)
	diff(t, "done", true, done)
	diff(t, "settled", nil, s.settled)
}

// A lease that came back is another one: what was held under the first is taken anew.
func TestNewLeaseIsRaisedWithNothingHeld(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.door.shut()
	s.lease()
	done, actions := s.step()
	diff(t, "actions", []string{"bar 10.0.0.1", "raise", "hold 10.0.0.1"}, actions)
	diff(t, "done", true, done)
}

func TestKernelThatKeepsAnAddress(t *testing.T) {
	s := carrying(t, "10.0.0.1/24", "10.0.0.2/24")
	s.commit(give(s.view, "b", "web"))
	s.host.keeps = map[string]bool{"10.0.0.2/24": true}
	done, actions := s.step()
	diff(t, "actions", []string{
		"bar 10.0.0.1 10.0.0.2", "stop 10.0.0.1 10.0.0.2", "set", "release 10.0.0.1",
	}, actions)
	diff(t, "done", false, done)
	diff(t, "settled", nil, s.settled)
	diff(t, "empty", false, s.tenant.empty())
	diff(t, "held by the gate", false, s.gate.guarded[netip.MustParseAddr("10.0.0.2")])
	if _, guarded := s.gate.guarded[netip.MustParseAddr("10.0.0.2")]; !guarded {
		t.Fatal("the address that stayed is not guarded")
	}

	s.host.keeps = nil
	done, actions = s.step()
	diff(t, "actions once the kernel lets go", []string{"stop 10.0.0.2", "set", "let go", "release 10.0.0.2"}, actions)
	diff(t, "done", true, done)
	diff(t, "settled", []uint64{s.view.LastSerial}, s.settled)
}

func TestGivesUpOnAKernelThatKeepsAnAddressForLong(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.host.keeps = map[string]bool{"10.0.0.1/24": true}
	s.commit(give(s.view, "b", "web"))
	s.step()
	if s.gaveUp != nil || s.tenant.stuck.IsZero() {
		t.Fatalf("gave up at once, or does not count: %v", s.gaveUp)
	}
	s.tenant.stuck = time.Now().Add(-patience - time.Second)
	s.step()
	if s.gaveUp == nil {
		t.Fatal("did not give up")
	}
	diff(t, "settled", nil, s.settled)
}

func TestNothingIsKnownAfterASetThatFailed(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.commit(give(s.view, "b", "web"))
	s.host.setErr = errors.New("netlink")
	done, actions := s.step()
	diff(t, "actions", []string{"bar 10.0.0.1", "stop 10.0.0.1", "set fails"}, actions)
	diff(t, "done", false, done)
	diff(t, "settled", nil, s.settled)
	s.host.setErr = nil
	if done, actions = s.step(); !done {
		t.Fatalf("not done after %v", actions)
	}
	diff(t, "settled", []uint64{s.view.LastSerial}, s.settled)
}

func TestNothingIsTakenOffBeforeItIsBarred(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.commit(give(s.view, "b", "web"))
	s.gate.barErr = errors.New("netlink")
	done, actions := s.step()
	diff(t, "actions", nil, actions)
	diff(t, "done", false, done)
	diff(t, "settled", nil, s.settled)
}

// An operator changed his mind before this node let go: the debt is settled without anything moving.
func TestDebtForWhatMayBeHeldAgain(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.commit(give(s.view, "", "web"))
	owed := s.view.LastSerial
	s.commit(give(s.view, "a", "web"))
	_, actions := s.step()
	diff(t, "actions", []string{"let go"}, actions)
	diff(t, "settled", []uint64{owed}, s.settled)
}

// The same address in another shape is another thing to the kernel and the same one to the gate.
func TestAddressChangesItsShape(t *testing.T) {
	other := func(change func(*state.Address)) state.Group {
		g := group("web", "10.0.0.1/24")
		change(&g.Addresses[0])
		return g
	}
	for name, next := range map[string]state.Group{
		"prefix length": group("web", "10.0.0.1/32"),
		"interface":     other(func(a *state.Address) { a.Interface = "eth1" }),
		"label":         other(func(a *state.Address) { a.Label = "eth0:web" }),
	} {
		t.Run(name, func(t *testing.T) {
			s := carrying(t, "10.0.0.1/24")
			s.commit(groups(next))
			for range 2 {
				if done, actions := s.step(); !done {
					t.Fatalf("not done after %v", actions)
				}
			}
			diff(t, "on the host", addressesOf([]state.Holding{{Addresses: next.Addresses}}), s.host.have)
			diff(t, "held by the gate", map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true}, s.gate.guarded)
			diff(t, "stuck", true, s.tenant.stuck.IsZero())
		})
	}
}

// The guard stays as long as any shape of the address does.
func TestKernelKeepsAnAddressInItsOldShape(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.host.keeps = map[string]bool{"10.0.0.1/24": true}
	s.commit(groups(group("web", "10.0.0.1/32")))
	s.step()
	s.commit(give(s.view, "b", "web"))
	if done, actions := s.step(); done {
		t.Fatalf("done although the kernel keeps the address: %v", actions)
	}
	diff(t, "guarded and barred", map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): false}, s.gate.guarded)
	diff(t, "settled", nil, s.settled)
}

func TestWaitsUntilTheOtherLetGo(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24")))
	s.commit(give(s.view, "b", "web"))
	s.commit(give(s.view, "a", "web"))
	s.lease()
	_, actions := s.step()
	diff(t, "actions before", []string{"raise"}, actions)
	s.tenant.hear(wire.Released{Node: "b", Epoch: 2, Serials: []uint64{s.view.LastSerial}})
	_, actions = s.step()
	diff(t, "actions after", []string{"hold 10.0.0.1", "set 10.0.0.1/24", "announce 10.0.0.1"}, actions)
}

func TestHeardReleasesAreForgotten(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24")))
	future := s.view.LastSerial + 10
	s.tenant.hear(wire.Released{Node: "b", Epoch: 2, Serials: []uint64{1, future}})
	s.step()
	diff(t, "remembered", map[uint64]bool{future: true}, s.tenant.released)
}

func TestGateThatIsGone(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.gate.extendErr = fmt.Errorf("extend: %w", fence.ErrGone)
	s.lease()
	done, actions := s.step()
	diff(t, "actions", []string{
		"stop 10.0.0.1", "set", "rebuild", "raise", "hold 10.0.0.1", "set 10.0.0.1/24", "announce 10.0.0.1",
	}, actions)
	diff(t, "done", true, done)
}

func TestGateThatIsGoneIsNoticedWhenLookedAt(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.gate.verifyErr = fence.ErrGone
	s.tenant.keepUp()
	s.step()
	diff(t, "rebuilt", 1, s.rebuilt)
}

// Without a gate, an address that is still there would be answered for by nobody's leave.
func TestGateIsNotRemadeWhileTheKernelKeepsAnAddress(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.gate.extendErr = fence.ErrGone
	s.host.keeps = map[string]bool{"10.0.0.1/24": true}
	s.lease()
	done, actions := s.step()
	diff(t, "actions", []string{"stop 10.0.0.1", "set"}, actions)
	diff(t, "done", false, done)
	s.host.keeps = nil
	if done, actions = s.step(); !done {
		t.Fatalf("not done after %v", actions)
	}
	diff(t, "on the host", 1, len(s.host.have))
}

func TestAddressThatTheHostCannotHave(t *testing.T) {
	s := newScene(t)
	s.host.lacks = map[string]bool{"10.0.0.2/24": true}
	s.commit(groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24")))
	s.commit(give(s.view, "a", "web"))
	s.commit(give(s.view, "a", "db"))
	s.lease()
	done, _ := s.step()
	diff(t, "done", false, done)
	diff(t, "problems", map[string]string{"db": "10.0.0.2 on eth0: no such device"}, s.tenant.unable())
	s.commit(give(s.view, "b", "db"))
	if done, actions := s.step(); !done {
		t.Fatalf("not done after %v", actions)
	}
	diff(t, "settled", []uint64{s.view.LastSerial}, s.settled)
	if len(s.tenant.unable()) == 0 {
		t.Fatal("the problem is forgotten as soon as the group is gone: it would come back at once")
	}
}

func TestRunLetsGoOfEverythingInTheEnd(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	ctx, end := context.WithCancel(context.Background())
	end()
	check(t, s.tenant.Run(ctx))
	diff(t, "on the host", []vip.Address(nil), s.host.have)
	diff(t, "guarded", 0, len(s.gate.guarded))
}
