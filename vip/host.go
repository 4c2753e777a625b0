package vip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// DefaultLifetime is how long an address outlives the last Refresh.
const DefaultLifetime = time.Minute

// Options of a Host. The zero value is usable.
type Options struct {
	Logger   *slog.Logger  // nil: none
	Lifetime time.Duration // valid lifetime of each address, rounded up to seconds; 0: DefaultLifetime
}

// Host is the addresses that one daemon put on the network namespace it runs in. Its methods may be
// called from several goroutines; they take turns.
type Host struct {
	log   *slog.Logger
	valid uint32 // seconds

	mu     sync.Mutex
	socket *socket
	// owned are the addresses this Host added, until they were seen to be gone. It never misses one that
	// may be there.
	owned map[key]Address

	events *socket // used by Watch alone
}

// Open opens the sockets in the network namespace of the calling thread. It starts nothing and changes
// nothing.
func Open(opts Options) (*Host, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Lifetime == 0 {
		opts.Lifetime = DefaultLifetime
	}
	seconds := (opts.Lifetime + time.Second - 1) / time.Second
	if seconds < 1 || seconds >= forever {
		return nil, fmt.Errorf("addresses cannot live for %v", opts.Lifetime)
	}
	requests, err := newSocket()
	if err != nil {
		return nil, err
	}
	events, err := newSocket(unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR)
	if err != nil {
		return nil, errors.Join(err, requests.close())
	}
	return &Host{
		log: opts.Logger, valid: uint32(seconds), socket: requests, events: events, owned: map[key]Address{},
	}, nil
}

// Close closes the sockets. The addresses stay; call Set with none before, to take them away.
func (h *Host) Close() error { return errors.Join(h.socket.close(), h.events.close()) }

// Interfaces returns the network interfaces of this host by name.
func (h *Host) Interfaces() (map[string]Interface, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.socket.links()
}

// Set makes the addresses of this Host exactly the wanted ones: it removes what is not wanted, then adds
// what is missing, in the order given, and reads back. An address that cannot be had is a Failure in the
// Outcome and does not hinder the others. After an error nothing is known about what is on the host;
// in particular, nothing may be taken for removed.
func (h *Host) Set(want []Address) (Outcome, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.observe()
	if err != nil {
		return Outcome{}, err
	}
	p := makePlan(want, w)
	refusals := h.execute(p)
	if !p.empty() {
		if w.have, err = h.socket.addresses(); err != nil {
			return Outcome{}, fmt.Errorf("read back: %w", err)
		}
	}
	outcome := h.conclude(p, refusals, w)
	for _, f := range outcome.Failed {
		h.log.Debug("address not as wanted", "address", f.Address, "err", f.Err)
	}
	return outcome, nil
}

func (h *Host) observe() (world, error) {
	links, err := h.socket.links()
	if err != nil {
		return world{}, err
	}
	have, err := h.socket.addresses()
	return world{owned: h.owned, links: links, have: have}, err
}

// Refresh gives every address of this Host that is still there its whole lifetime again, without
// disturbing its use. Call it several times per Lifetime. It does not put back what somebody took away;
// Set does.
func (h *Host) Refresh() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.owned) == 0 {
		return nil
	}
	w, err := h.observe()
	if err != nil {
		return err
	}
	routes := w.routes()
	var renewals []*nl.NetlinkRequest
	var renewed []Address
	for _, a := range w.have {
		if address, ours := h.owned[a.key]; ours && a.marked() {
			c := change{address: address, key: a.key}
			c.flags = routes.flags(c)
			renewals = append(renewals, putAddress(unix.NLM_F_REPLACE, c, h.valid))
			renewed = append(renewed, address)
		}
	}
	return firstFailure("renew", renewed, h.socket.batch(renewals))
}

// RemoveLeftovers removes the addresses a killed predecessor left on this host: those that carry the
// mark, are among guarded (what the predecessor's fence protects), and were not added by this Host. It
// returns those that were read back as gone, and an error if any is still there.
func (h *Host) RemoveLeftovers(guarded []netip.Addr) ([]Address, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.observe()
	if err != nil {
		return nil, err
	}
	names := w.names()
	var p plan
	for _, a := range w.have {
		if _, ours := h.owned[a.key]; ours || !a.marked() || !slices.Contains(guarded, a.prefix.Addr()) {
			continue
		}
		address := a.address(names[a.index])
		p.remove = append(p.remove, change{address: address, key: a.key, flags: a.flags})
	}
	if p.empty() {
		return nil, nil
	}
	p.promoteForRemoval()
	refusals := h.execute(p)
	if w.have, err = h.socket.addresses(); err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	outcome := h.conclude(p, refusals, w)
	var left []Address
	var errs []error
	for _, f := range outcome.Failed {
		left, errs = append(left, f.Address), append(errs, f.Err)
	}
	return outcome.Removed, firstFailure("remove leftover", left, errs)
}

// firstFailure describes the first of many errors, and counts the rest.
func firstFailure(verb string, addresses []Address, errs []error) error {
	var first error
	failed := 0
	for i, err := range errs {
		if err == nil {
			continue
		}
		if failed++; failed == 1 {
			first = fmt.Errorf("%s %s: %w", verb, addresses[i], err)
		}
	}
	if failed > 1 {
		return fmt.Errorf("%w (and %d more)", first, failed-1)
	}
	return first
}

// Foreign returns which of the addresses are on this host without being this Host's, each with the name of
// the interface that has it. Set would refuse to take them over.
func (h *Host) Foreign(addrs []netip.Addr) (map[netip.Addr]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, err := h.observe()
	if err != nil {
		return nil, err
	}
	asked := make(map[netip.Addr]bool, len(addrs))
	for _, ip := range addrs {
		asked[ip] = true
	}
	names := w.names()
	foreign := map[netip.Addr]string{}
	for _, a := range w.have {
		if _, ours := h.owned[a.key]; asked[a.prefix.Addr()] && !(ours && a.marked()) {
			foreign[a.prefix.Addr()] = names[a.index]
		}
	}
	return foreign, nil
}
