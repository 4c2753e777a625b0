package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"vipd/e2e/lab"
)

// settleLimit bounds every wait for hosts to be well.
const settleLimit = 45 * time.Second

// pause lets time pass: what is measured is what happens meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until asks now and then until the answer is yes.
func until(ctx context.Context, what string, yes func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleLimit, errors.New("it takes too long"))
	defer cancel()
	for {
		ok, err := yes()
		if err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		if ok {
			return nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("wait until %s: %w", what, err)
		}
	}
}

// addressesOn returns what a host has on its interface.
func addressesOn(h *lab.Host) (map[netip.Addr]bool, error) {
	found := map[netip.Addr]bool{}
	err := h.Do(func() error {
		ifi, err := net.InterfaceByName(h.Interface)
		if err != nil {
			return err
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			return err
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				found[p.Addr()] = true
			}
		}
		return nil
	})
	return found, err
}

// holders counts, by host, the addresses of the service that are on it.
func holders(l *lab.Lab, s service) (map[*lab.Host]int, error) {
	counts := map[*lab.Host]int{}
	for _, h := range l.Hosts {
		on, err := addressesOn(h)
		if err != nil {
			return nil, fmt.Errorf("addresses of %s: %w", h, err)
		}
		for _, a := range s.all() {
			if on[a] {
				counts[h]++
			}
		}
	}
	return counts, nil
}

// awaitOneHolder waits until each address is on one host, and unless they are
// spread all are on the same.
func awaitOneHolder(ctx context.Context, l *lab.Lab, s service) error {
	all := len(s.all())
	return until(ctx, "one host has everything", func() (bool, error) {
		counts, err := holders(l, s)
		sum := 0
		for _, n := range counts {
			sum += n
		}
		return sum == all && (len(counts) == 1 || s.spread), err
	})
}

// holderOf returns the host that has everything.
func holderOf(l *lab.Lab, s service) (*lab.Host, error) {
	counts, err := holders(l, s)
	if err != nil {
		return nil, err
	}
	for h, n := range counts {
		if n == len(s.all()) {
			return h, nil
		}
	}
	return nil, fmt.Errorf("no host has all addresses: %v", counts)
}

// mostOf returns the host that has the most addresses.
func mostOf(l *lab.Lab, s service) (*lab.Host, error) {
	counts, err := holders(l, s)
	if err != nil {
		return nil, err
	}
	most := l.Hosts[0]
	for h, n := range counts {
		if n > counts[most] {
			most = h
		}
	}
	return most, nil
}
