package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"
)

// startTaker runs a Mux that says "taken" to who has a ticket.
func startTaker(t *testing.T, c *Credentials) string {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	m := NewMux(inner, c, slog.New(slog.DiscardHandler), raftProto, rpcProto)
	m.TakeTickets(func(_ context.Context, conn net.Conn) { fmt.Fprint(conn, "taken") })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-done)
	})
	return inner.Addr().String()
}

// Who has a ticket knows members by it, and does not show it to others.
func TestTicketKnowsMembers(t *testing.T) {
	secret, next := NewSecret(), NewSecret()
	ticket := NewTicket(secret)
	after := credentials(t, "c1", "a", next)
	check(t, after.SetFormer(formerly(t, secret, next)))
	for what, tc := range map[string]struct {
		member *Credentials
		want   error
	}{
		"a member":           {credentials(t, "c1", "a", secret), nil},
		"a stranger":         {credentials(t, "c1", "a", next), ErrWrongSecret},
		"of another cluster": {credentials(t, "c2", "a", secret), ErrWrongCluster},
		"after the rotation": {after, ErrRotated},
	} {
		conn, err := ticket.Dial(deadline(t), startTaker(t, tc.member), "c1")
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", what, err, tc.want)
		}
		if err != nil {
			continue
		}
		check(t, conn.SetDeadline(time.Now().Add(patience)))
		if got, err := io.ReadAll(conn); err != nil || string(got) != "taken" {
			t.Errorf("%s: it says %q, %v", what, got, err)
		}
		conn.Close()
	}
	if conn, err := ticket.Dial(deadline(t), startEcho(t, credentials(t, "c1", "a", secret)), "c1"); err == nil {
		conn.Close()
		t.Error("a member that takes none took it")
	}
}

// Without a certificate nothing but the ticket's protocol is spoken, in whatever company it is named.
func TestTicketOpensNothingElse(t *testing.T) {
	addr := startTaker(t, credentials(t, "c1", "a", NewSecret()))
	for _, protos := range [][]string{{rpcProto}, {rpcProto, TicketProto}, {TicketProto, rpcProto}, nil} {
		got, err := readTLS(t, addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: protos})
		if err == nil || got != "" {
			t.Errorf("%q: %q, %v", protos, got, err)
		}
	}
}

func TestTicketInAToken(t *testing.T) {
	want := exampleToken()
	want.Secret, want.Ticket = Secret{}, NewTicket(NewSecret())
	got, err := ParseToken(want.String())
	if err != nil || !sameToken(want, got) || got.Ticket.Hash() != want.Ticket.Hash() {
		t.Errorf("%+v, %v", got, err)
	}
	for _, cut := range []int{3, 10, 40, len(want.String()) - 1} {
		if _, err := ParseToken(want.String()[:cut]); !errors.Is(err, ErrTruncatedToken) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}
