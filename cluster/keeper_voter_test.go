package cluster

import (
	"context"
	"errors"
	"sync"
	"testing"

	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

func TestVoterGrantsWhatItKnows(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b"))
	voters := o.raft.view.Voters.Index
	o.runs(t)
	o.deliver(lease.Renewal{Member: "b", Epoch: 2, Seq: 1, Lease: state.LAN.Lease, Voters: voters})
	diff(t, "grant", lease.Grant{Member: "b", Epoch: 2, Seq: 1, Voter: "a"}, until[lease.Grant](o, "b"))
	if silent := o.silent("b"); silent > limit {
		t.Fatalf("b is thought silent for %v", silent)
	}

	// A configuration in the log counts from the next renewal on, without anybody saying so.
	o.raft.mu.Lock()
	o.raft.newest = voters + 5
	o.raft.mu.Unlock()
	o.deliver(lease.Renewal{Member: "b", Epoch: 2, Seq: 2, Lease: state.LAN.Lease, Voters: voters})
	diff(t, "refusal", lease.OlderVoters, until[lease.Refusal](o, "b").Reason)
	o.deliver(lease.Renewal{Member: "b", Epoch: 9, Seq: 1, Lease: state.LAN.Lease, Voters: voters + 5})
	diff(t, "refusal", lease.UnknownEpoch, until[lease.Refusal](o, "b").Reason)
}

func TestVoterGrantsNothingBeforeItCaughtUp(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b"))
	o.raft.caughtUp = false
	o.runs(t)
	renewal := lease.Renewal{Member: "b", Epoch: 2, Seq: 1, Lease: state.LAN.Lease, Voters: o.raft.view.Voters.Index}
	o.deliver(renewal)
	diff(t, "refusal", lease.NotReady, until[lease.Refusal](o, "b").Reason)
	o.raft.mu.Lock()
	o.raft.caughtUp = true
	o.raft.mu.Unlock()
	kick(o.refresh)
	eventually(t, "it grants", func() bool {
		renewal.Seq++
		o.deliver(renewal)
		for len(o.sent) > 0 {
			if _, ok := (<-o.sent).message.(lease.Grant); ok {
				return true
			}
		}
		return false
	})
}

// hearing keeps the voter in touch with a node that renews nothing.
func (o *office) hearing(node string) func(context.Context) error {
	return func(ctx context.Context) error {
		for pause(ctx, state.LAN.Renew) {
			o.deliver(wire.Report{Node: node})
		}
		return nil
	}
}

// A disk that hangs holds a withdrawal back, and neither leases nor the answers to others.
func TestWithdrawalIsDurableBeforeItIsTold(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b", "c"))
	o.disk.hung = make(chan struct{})
	release := sync.OnceFunc(func() { close(o.disk.hung) })
	t.Cleanup(release)
	runs(t, o.hearing("b"))
	o.runs(t)
	t.Cleanup(release) // before the end of Run, which waits for the disk
	began := bootNow()
	eventually(t, "a promise could be over", func() bool { return bootNow().Sub(began) > 3*state.LAN.Lease })
	until[lease.Renewal](o, "b") // it goes on
	if len(o.withdrawn) > 0 {
		t.Fatal("a withdrawal was told before it was on the disk")
	}
	release()
	w := until[lease.Withdrawal](o, "b")
	diff(t, "voter", "a", w.Voter)
	diff(t, "log's end", [2]uint64{3, 99}, [2]uint64{w.LastTerm, w.LastIndex})
	own := await(t, "this voter's own withdrawal", o.withdrawn)
	diff(t, "own withdrawal", w.Member, own.Member)
	if !o.disk.has(w.Member) {
		t.Fatal("told and not written")
	}
}

func TestHeardWithdrawalIsHandedOn(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a"))
	o.runs(t)
	want := lease.Withdrawal{Member: "x", Epoch: 4, Voter: "b", LastTerm: 1, LastIndex: 2}
	o.deliver(want)
	diff(t, "withdrawal", want, await(t, "a withdrawal", o.withdrawn))
}

func TestDiskThatFailsEndsTheDaemon(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b", "c"))
	failed := errors.New("input/output error")
	o.disk.err = failed
	runs(t, o.hearing("b"))
	o.runs(t)
	if err := await(t, "an end", o.broken); !errors.Is(err, failed) {
		t.Fatalf("ended with %v", err)
	}
	if len(o.withdrawn) > 0 {
		t.Fatal("a withdrawal that is not on the disk was told")
	}
}
