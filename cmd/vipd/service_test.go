package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// patient is a node whose lease was last looked after as long ago as the test says.
type patient struct{ idle atomic.Int64 }

func (p *patient) Idle() time.Duration { return time.Duration(p.idle.Load()) }
func (p *patient) Describe() string    { return "here" }

// The watchdog is fed while the lease is looked after, and starves when it is not.
func TestWatchdog(t *testing.T) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@vipd-test-" + t.Name(), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", "@vipd-test-"+t.Name())
	t.Setenv("WATCHDOG_USEC", "40000")
	var p patient
	ctx, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&service{log: slog.New(slog.DiscardHandler)}).feed(ctx, &p)
	}()
	hear := func() string {
		b := make([]byte, 1024)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if said := hear(); said != "WATCHDOG=1" {
		t.Errorf("says %q first", said)
	}
	if said := hear(); said != "STATUS=here" {
		t.Errorf("says %q", said)
	}
	for range 3 {
		if said := hear(); said != "WATCHDOG=1" {
			t.Errorf("says %q, although the status is the same", said)
		}
	}
	p.idle.Store(int64(time.Minute))
	end()
	<-done
	drain(conn)
	ctx, end = context.WithTimeout(t.Context(), 100*time.Millisecond) // ten times that it would be fed
	defer end()
	(&service{log: slog.New(slog.DiscardHandler)}).feed(ctx, &p)
	if said := drain(conn); strings.Contains(said, "WATCHDOG") {
		t.Errorf("a daemon whose lease loop hangs says %q", said)
	}
}

// drain returns all that is waiting.
func drain(conn *net.UnixConn) string {
	var all strings.Builder
	b := make([]byte, 1024)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err := conn.Read(b)
		if err != nil {
			return all.String()
		}
		all.Write(b[:n])
	}
}
