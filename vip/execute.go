package vip

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

var (
	errStillThere = errors.New("still there after removing it")
	errNotThere   = errors.New("not there after adding it")
)

// refusals are what the kernel said against parts of a plan, by position.
type refusals struct{ remove, add []error }

// execute carries out a plan. What came of it is for reading back; a refusal only explains it.
func (h *Host) execute(p plan) refusals {
	var requests []*nl.NetlinkRequest
	for _, index := range p.promote {
		requests = append(requests, promoteSecondaries(index))
	}
	removals := make([]int, len(p.remove)) // positions among the requests
	for i, c := range p.remove {
		if c.bringsRoute() {
			// The kernel takes an IPv6 subnet's route along only with an address that has no end.
			requests = append(requests, putAddress(unix.NLM_F_REPLACE, c, forever))
		}
		removals[i] = len(requests)
		requests = append(requests, deleteAddress(c))
	}
	additions := len(requests)
	mine := make([]bool, len(p.add)) // before
	for i, c := range p.add {
		requests = append(requests, putAddress(unix.NLM_F_CREATE|unix.NLM_F_EXCL, c, h.valid))
		// Reading back may fail, and then it may be there.
		_, mine[i] = h.owned[c.key]
		h.owned[c.key] = c.address
	}
	results := h.socket.batch(requests)
	r := refusals{remove: make([]error, len(p.remove)), add: results[additions:]}
	for i, c := range p.add {
		if errors.Is(r.add[i], unix.EEXIST) && !mine[i] {
			delete(h.owned, c.key)
		}
	}
	for i, position := range removals {
		r.remove[i] = results[position]
	}
	for i, index := range p.promote {
		if results[i] != nil {
			h.log.Warn("removing one address may take along others of its subnet",
				"interface", index, "err", fmt.Errorf("set promote_secondaries: %w", results[i]))
		}
	}
	return r
}

// bringsRoute reports whether an address of ours has its own IPv6 connected route.
func (c change) bringsRoute() bool {
	single := c.key.prefix.IsSingleIP() && !c.address.Peer.IsValid()
	return c.key.prefix.Addr().Is6() && !single && c.flags&unix.IFA_F_NOPREFIXROUTE == 0
}

// promoteForRemoval is for addresses whose interface another daemon may have prepared, or nobody.
func (p *plan) promoteForRemoval() {
	seen := map[uint32]bool{}
	for _, c := range p.remove {
		if a := c.key.prefix; a.Addr().Is4() && !a.IsSingleIP() && !seen[c.key.index] {
			seen[c.key.index] = true
			p.promote = append(p.promote, c.key.index)
		}
	}
}

// conclude compares a plan with the world after it, and brings owned up to date.
func (h *Host) conclude(p plan, r refusals, after world) Outcome {
	names := after.names()
	there := map[key]observed{}
	for _, a := range after.have {
		if a.marked() {
			there[a.key] = a
		}
	}
	out := Outcome{Failed: p.failed}
	for _, c := range p.vanished {
		delete(h.owned, c.key)
		out.Removed = append(out.Removed, c.address)
	}
	added := map[key]bool{}
	for i, c := range p.add {
		now, ok := there[c.key]
		// It is ours if the kernel said so, or if its answer was lost and it is there.
		accepted := r.add[i] == nil || errors.Is(r.add[i], errUnanswered)
		if added[c.key] = ok && accepted && now.is(c.address, names[c.key.index]); added[c.key] {
			out.Added = append(out.Added, c.address)
			continue
		}
		if !ok || !accepted { // otherwise it is ours to remove, though in another shape
			delete(h.owned, c.key)
		}
		out.Failed = append(out.Failed, Failure{c.address, refusal(r.add[i])})
	}
	for i, c := range p.remove {
		_, ok := there[c.key]
		if ok && !added[c.key] {
			h.owned[c.key] = c.address
			out.Failed = append(out.Failed, Failure{c.address, explain(r.remove[i], errStillThere)})
			continue
		}
		if !added[c.key] {
			delete(h.owned, c.key)
		}
		out.Removed = append(out.Removed, c.address)
	}
	for _, c := range p.wanted {
		now, ok := there[c.key]
		if _, ours := h.owned[c.key]; ours && ok && now.is(c.address, names[c.key.index]) {
			h.owned[c.key] = c.address
			out.Present = append(out.Present, c.key.prefix.Addr())
		}
	}
	return out
}

// refusal says why an address could not be added.
func refusal(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return ErrForeign // it came between observing and adding
	}
	return explain(err, errNotThere)
}

func explain(err, otherwise error) error {
	if err == nil {
		return otherwise
	}
	return err
}
