package cluster

import (
	"errors"
	"maps"
	"slices"
	"time"

	"vipd/cluster/state"
	"vipd/vip"
)

// carry makes the host's addresses those of held. It reports whether all came and went as wanted.
func (t *tenant) carry(held []state.Holding) bool {
	c, ok := t.change(held)
	return ok && t.conclude(c)
}

// changeover is what became of the host's addresses.
type changeover struct {
	held    []state.Holding
	leaving []vip.Address
	out     vip.Outcome
	err     error
}

// change is the part of carry that others wait for; false: the gate does not obey, and nothing was changed.
func (t *tenant) change(held []state.Holding) (c changeover, ok bool) {
	want := addressesOf(held)
	c = changeover{held: held, leaving: without(t.carried, want)}
	if !t.fence(want) {
		return c, false
	}
	t.announce.Stop(ips(c.leaving))
	c.out, c.err = t.put(want)
	t.announceTo(c.out.Added) // be it new or put back after somebody removed it
	t.mu.Lock()
	t.carried = append(slices.Clone(want), present(c.leaving, c.out, c.err)...)
	t.mu.Unlock()
	return c, true
}

// put makes the host's addresses the wanted ones. While the same are wanted it looks at the host only if something
// may have happened to them.
func (t *tenant) put(want []vip.Address) (vip.Outcome, error) {
	if !t.doubtful && slices.Equal(want, t.wanted) {
		return vip.Outcome{Present: t.present}, nil
	}
	out, err := t.host.Set(want)
	t.doubtful = err != nil || len(out.Failed) > 0
	t.wanted, t.present = want, out.Present
	return out, err
}

// conclude is the part of carry that nobody waits for.
func (t *tenant) conclude(c changeover) bool {
	if c.err != nil {
		t.log.Error("set addresses", "error", c.err)
	}
	if c.out.Changed() {
		t.log.Info("addresses changed", "added", len(c.out.Added), "removed", len(c.out.Removed))
	}
	t.note(c.held, c.out)
	done := t.release(c.leaving, c.out, c.err) && len(c.out.Failed) == 0
	t.serve(c.held, c.out, c.err)
	return done
}

// fence bars what is not wanted any more before it is taken off, and lets what is wanted through before
// it is put on.
func (t *tenant) fence(want []vip.Address) bool {
	if err := t.door.gate.Bar(ips(without(t.held, want))); err != nil {
		t.log.Error("bar addresses", "error", err)
		return false
	}
	if err := t.door.gate.Hold(ips(without(want, t.held))); err != nil {
		t.log.Error("hold addresses", "error", err)
		return false
	}
	t.held = want
	return true
}

// serve notes which groups are carried, with at least one address; what could not be read is as it was.
func (t *tenant) serve(held []state.Holding, out vip.Outcome, err error) {
	now := serving{groups: map[string]uint64{}, alone: t.alone}
	for _, h := range held {
		_, before := t.serves.groups[h.Group]
		if err != nil && before || slices.ContainsFunc(h.Addresses, func(a state.Address) bool { return out.Has(a.Prefix.Addr()) }) {
			now.groups[h.Group] = h.Serial
		}
	}
	t.mu.Lock()
	same := t.serves.groups != nil && maps.Equal(now.groups, t.serves.groups) && now.alone == t.serves.alone
	t.serves = now
	t.mu.Unlock()
	if !same {
		t.served()
	}
}

// release takes what is read back as gone out of the gate's care. What the kernel keeps stays guarded and
// barred.
func (t *tenant) release(leaving []vip.Address, out vip.Outcome, err error) bool {
	kept := present(leaving, out, err)
	if gone := apart(without(leaving, kept), t.held, kept); len(gone) > 0 {
		if err := t.door.gate.Release(gone); err != nil {
			t.log.Warn("release addresses", "error", err)
		}
	}
	return t.obeyed(kept)
}

// obeyed reports whether the kernel let go of everything it was told to. If it keeps something for long,
// this node gives up its lease so that others can go on.
func (t *tenant) obeyed(kept []vip.Address) bool {
	switch {
	case len(kept) == 0:
		t.stuck = time.Time{}
		return true
	case t.stuck.IsZero():
		t.stuck = time.Now()
	case time.Since(t.stuck) > patience:
		t.giveUp(errors.New("the kernel keeps addresses that were removed"))
	}
	return false
}
