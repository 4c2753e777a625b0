package bond

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// echo answers datagrams on an address of the host until the test ends.
func (h *host) echo(addr string) {
	h.t.Helper()
	var conn net.PacketConn
	h.must("listen on "+addr, func() (err error) {
		conn, err = net.ListenPacket("udp", addr)
		return err
	})
	h.t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 64)
		for {
			n, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				conn.WriteTo(buf[:n], from)
			}
		}
	}()
}

// probe asks an echo server every interval and notes when an answer came.
type probe struct {
	mu      sync.Mutex
	answers []time.Time
}

// startProbe probes from the host until the test ends.
func (h *host) startProbe(server string, interval time.Duration) *probe {
	h.t.Helper()
	var conn net.Conn
	h.must("dial "+server, func() (err error) {
		conn, err = net.Dial("udp", server)
		return err
	})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	p := &probe{}
	running.Go(func() { p.send(ctx, conn, interval) })
	running.Go(func() { p.receive(conn) })
	h.t.Cleanup(func() {
		stop()
		conn.Close()
		running.Wait()
	})
	return p
}

func (p *probe) send(ctx context.Context, conn net.Conn, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		conn.Write(binary.BigEndian.AppendUint64(nil, n))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *probe) receive(conn net.Conn) {
	buf := make([]byte, 64)
	for {
		_, err := conn.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			p.mu.Lock()
			p.answers = append(p.answers, time.Now())
			p.mu.Unlock()
		}
	}
}

// answeredSince counts the answers after a moment.
func (p *probe) answeredSince(t time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, a := range slices.Backward(p.answers) {
		if !a.After(t) {
			break
		}
		n++
	}
	return n
}

// silence returns the longest time without an answer that touches from..to.
func (p *probe) silence(from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest := time.Duration(0)
	for i := 1; i < len(p.answers); i++ {
		a, b := p.answers[i-1], p.answers[i]
		if b.After(from) && a.Before(to) {
			longest = max(longest, b.Sub(a))
		}
	}
	return longest
}

// flows waits until several answers in a row came.
func (p *probe) flows(t *testing.T, h *host, what string, limit time.Duration) {
	t.Helper()
	since := time.Now()
	h.eventually(what, limit, func() (bool, error) { return p.answeredSince(since) >= 5, nil })
}
