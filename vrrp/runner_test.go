package vrrp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"
)

// runner is the smallest shell around a Machine and a Conn: it steps the one with what the other receives,
// and writes down what the machine asks for.
type runner struct {
	machine *vrrp.Machine
	conn    *vrrp.Conn
	events  chan vrrp.Event

	mu       sync.Mutex
	state    vrrp.State
	since    time.Time // of the state
	accepted int       // packets that counted
	sent     int       // adverts
	history  []string  // every action but adverts
}

// startRunner runs a virtual router in a namespace until the test ends.
func startRunner(t *testing.T, ns *lab.Namespace, iface string, cfg vrrp.Config) *runner {
	t.Helper()
	m, err := vrrp.NewMachine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{machine: m, events: make(chan vrrp.Event)}
	ns.Do(t, func() (err error) {
		r.conn, err = vrrp.Listen(t.Context(), vrrp.ConnConfig{Interface: iface, Source: cfg.Source, Borrowed: iface != "eth0"})
		return err
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("runner: %v", err)
		}
		if t.Failed() {
			t.Logf("vipd's machine:\n%s", strings.Join(r.said(), "\n"))
		}
	})
	return r
}

// Run steps the machine until ctx ends.
func (r *runner) Run(ctx context.Context) error {
	packets := make(chan vrrp.Packet)
	received := make(chan error, 1)
	go func() { received <- r.receive(ctx, packets) }()
	defer func() { <-received }()
	defer r.conn.Close()

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var ev vrrp.Event
		select {
		case <-ctx.Done():
			return nil
		case ev = <-r.events:
		case p := <-packets:
			ev = vrrp.Received{Packet: p}
		case <-timer.C:
			ev = vrrp.Tick{}
		}
		if err := r.step(ev); err != nil {
			return err
		}
		timer.Reset(time.Hour)
		if d := r.machine.Deadline(); !d.IsZero() {
			timer.Reset(time.Until(d))
		}
	}
}

func (r *runner) receive(ctx context.Context, packets chan<- vrrp.Packet) error {
	for {
		p, err := r.conn.Receive()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case packets <- p:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *runner) step(ev vrrp.Event) error {
	now := time.Now()
	actions := r.machine.Step(now, ev)
	dropped := false
	for _, a := range actions {
		_, drop := a.(vrrp.Dropped)
		dropped = dropped || drop
		if send, ok := a.(vrrp.SendAdvert); ok {
			if err := r.send(send.Priority); err != nil {
				return err
			}
			r.mu.Lock()
			r.sent++
			r.mu.Unlock()
			continue
		}
		r.note(fmt.Sprintf("%s %v", now.Format("05.000"), a))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := ev.(vrrp.Received); ok && !dropped {
		r.accepted++
	}
	if s := r.machine.State(); s != r.state {
		r.state, r.since = s, now
	}
	return nil
}

func (r *runner) send(priority uint8) error {
	adverts, err := r.machine.Adverts(priority)
	if err != nil {
		return err
	}
	for _, a := range adverts {
		if err := r.conn.Send(a); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) note(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, s)
}

func (r *runner) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.history...)
}

// is reports the state and since when.
func (r *runner) is(s vrrp.State) (since time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since, r.state == s
}

func (r *runner) adverts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sent
}

func (r *runner) heard() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}
