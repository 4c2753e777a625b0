package trust

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

const (
	raftProto = "vipd-raft/1"
	rpcProto  = "vipd-rpc/1"
	// patience is how long a loaded machine may take for what normally takes milliseconds.
	patience = 20 * time.Second
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func diff(t testing.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func credentials(t testing.TB, cluster, node string, secret Secret, also ...Secret) *Credentials {
	t.Helper()
	c, err := NewCredentials(cluster, node, secret, also...)
	check(t, err)
	return c
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// startMux runs a Mux on loopback until the test ends.
func startMux(t testing.TB, c *Credentials) *Mux {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	m := NewMux(inner, c, slog.New(slog.DiscardHandler), raftProto, rpcProto)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return m
}

// connected returns both ends of a connection to the mux of node a.
func connected(t testing.TB, m *Mux, c *Credentials) (ours, theirs net.Conn) {
	t.Helper()
	ours, err := c.Dial(deadline(t), m.inner.Addr().String(), "a", rpcProto)
	check(t, err)
	t.Cleanup(func() { ours.Close() })
	theirs, err = m.Listener(rpcProto).Accept()
	check(t, err)
	t.Cleanup(func() { theirs.Close() })
	return ours, theirs
}

// startEcho runs a Mux whose protocols greet with "PROTOCOL PEER" and end the connection.
func startEcho(t testing.TB, c *Credentials) (addr string) {
	t.Helper()
	m := startMux(t, c)
	for _, proto := range []string{raftProto, rpcProto} {
		l := m.Listener(proto)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				io.WriteString(conn, proto+" "+conn.(*Conn).Peer())
				conn.Close()
			}
		}()
	}
	return m.inner.Addr().String()
}

// greeting connects and returns what the server says, or what it refused with.
func greeting(t testing.TB, c *Credentials, addr, node, proto string) (string, error) {
	t.Helper()
	conn, err := c.Dial(deadline(t), addr, node, proto)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(patience)))
	b, err := io.ReadAll(conn)
	return string(b), err
}

func requireServes(t testing.TB, c *Credentials, addr string) {
	t.Helper()
	got, err := greeting(t, c, addr, "", raftProto)
	check(t, err)
	diff(t, "greeting", raftProto+" "+c.id.node, got)
}

// requireCloses reads until the other side closes the connection.
func requireCloses(t testing.TB, conn net.Conn) {
	t.Helper()
	check(t, conn.SetReadDeadline(time.Now().Add(patience)))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Fatal("the connection stays open")
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
