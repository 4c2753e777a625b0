package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestGarbageIsRefused(t *testing.T) {
	c := credentials(t, "c1", "a", NewSecret())
	addr := startEcho(t, c)
	for _, garbage := range []string{"GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff", "\x00", string(make([]byte, 100_000))} {
		raw, err := net.Dial("tcp", addr)
		check(t, err)
		io.WriteString(raw, garbage)
		_ = raw.(*net.TCPConn).CloseWrite() // fails if it was refused already
		requireCloses(t, raw)
		raw.Close()
	}
	requireServes(t, c, addr)
}

// More strangers than there may be handshakes connect and say nothing. Nodes are served meanwhile, and
// the oldest strangers give way.
func TestSilentStrangersBlockNobody(t *testing.T) {
	t.Parallel()
	c := credentials(t, "c1", "a", NewSecret())
	addr := startEcho(t, c)
	var strangers []net.Conn
	for range maxHandshakes + 20 {
		raw, err := net.Dial("tcp", addr)
		check(t, err)
		defer raw.Close()
		strangers = append(strangers, raw)
	}
	start := time.Now()
	requireServes(t, c, addr)
	t.Logf("served in %v with %d strangers waiting", time.Since(start), len(strangers))
	for _, raw := range strangers {
		requireCloses(t, raw) // the younger ones by the handshake's deadline
	}
}

// One host opens connections as fast as it can. Nodes on other hosts are served meanwhile, however long their
// handshakes take.
func TestFloodOfOneHostLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	c := credentials(t, "c1", "a", NewSecret())
	addr := startEcho(t, c)
	slow, err := net.Dial("tcp", addr)
	check(t, err)
	defer slow.Close()
	flooder := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for range 4 * maxHandshakes {
		raw, err := flooder.Dial("tcp", addr)
		check(t, err)
		defer raw.Close()
	}
	requireServes(t, c, addr)
	client := tls.Client(slow, c.ClientConfig("", rpcProto))
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatalf("a handshake that began before the flood had to give way: %v", err)
	}
}

// A byte now and then does not prolong a handshake.
func TestTricklingStrangerIsCutOff(t *testing.T) {
	t.Parallel()
	c := credentials(t, "c1", "a", NewSecret())
	raw, err := net.Dial("tcp", startEcho(t, c))
	check(t, err)
	defer raw.Close()
	io.WriteString(raw, "\x16\x03\x01\x02\x00\x01")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for time.Since(start) < patience {
		<-tick.C
		if _, err := raw.Write([]byte{0}); err != nil {
			return
		}
	}
	t.Fatal("the connection stays open")
}

// A protocol whose connections nobody accepts does not hold up the other one.
func TestUnacceptedProtocolBlocksNobody(t *testing.T) {
	c := credentials(t, "c1", "a", NewSecret())
	m := startMux(t, c)
	addr := m.inner.Addr().String()
	for range backlog + 5 {
		conn, err := c.Dial(deadline(t), addr, "", raftProto)
		check(t, err)
		defer conn.Close()
	}
	dialed, err := c.Dial(deadline(t), addr, "", rpcProto)
	check(t, err)
	defer dialed.Close()
	accepted, err := m.Listener(rpcProto).Accept()
	check(t, err)
	check(t, accepted.Close())
}

func TestListenerClose(t *testing.T) {
	c := credentials(t, "c1", "a", NewSecret())
	m := startMux(t, c)
	addr := m.inner.Addr().String()
	raft, rpc := m.Listener(raftProto), m.Listener(rpcProto)
	diff(t, "address", addr, raft.Addr().String())

	waiting := make(chan error, 1)
	go func() {
		_, err := raft.Accept()
		waiting <- err
	}()
	check(t, raft.Close())
	check(t, raft.Close())
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Fatalf("Accept returned %v", err)
	}

	conn, err := c.Dial(deadline(t), addr, "", raftProto)
	check(t, err)
	requireCloses(t, conn)
	check(t, conn.Close())

	conn, err = c.Dial(deadline(t), addr, "", rpcProto)
	check(t, err)
	defer conn.Close()
	accepted, err := rpc.Accept()
	check(t, err)
	check(t, accepted.Close())
}

// Connections that nobody accepted are closed with their listener, not left to their peers' patience.
func TestListenerCloseClosesWaitingConnections(t *testing.T) {
	c := credentials(t, "c1", "a", NewSecret())
	l := newListener(&net.TCPAddr{})
	m := startMux(t, c)
	conn, err := c.Dial(deadline(t), m.inner.Addr().String(), "", raftProto)
	check(t, err)
	defer conn.Close()
	accepted, err := m.Listener(raftProto).Accept()
	check(t, err)
	if !l.deliver(accepted.(*Conn)) {
		t.Fatal("not delivered")
	}
	check(t, l.Close())
	requireCloses(t, conn)
	if l.deliver(accepted.(*Conn)) {
		t.Fatal("delivered to a closed listener")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	c := credentials(t, "c1", "a", NewSecret())
	m := NewMux(inner, c, slog.New(slog.DiscardHandler), raftProto)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	silent, err := net.Dial("tcp", inner.Addr().String())
	check(t, err)
	defer silent.Close()
	kept, err := c.Dial(deadline(t), inner.Addr().String(), "", raftProto)
	check(t, err)
	defer kept.Close()
	accepted, err := m.Listener(raftProto).Accept()
	check(t, err)
	defer accepted.Close()

	cancel()
	check(t, <-done)
	if _, err := m.Listener(raftProto).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v", err)
	}
	requireCloses(t, silent)
	// What was accepted belongs to who accepted it.
	check(t, accepted.SetDeadline(time.Now().Add(patience)))
	go io.WriteString(kept, "x")
	if _, err := accepted.Read(make([]byte, 1)); err != nil {
		t.Errorf("accepted connection: %v", err)
	}
}

func TestRunReportsAPortThatFails(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	m := NewMux(inner, credentials(t, "c1", "a", NewSecret()), slog.New(slog.DiscardHandler), raftProto)
	check(t, inner.Close())
	if err := m.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("got %v", err)
	}
	check(t, m.Close())
}

// net/http serves on a listener and calls over Dial, and the handler knows who calls.
func TestHTTP(t *testing.T) {
	secret := NewSecret()
	m := startMux(t, credentials(t, "c1", "server", secret))
	type peerKey struct{}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Context().Value(peerKey{}))
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, c.(*Conn).Peer())
		},
	}
	go server.Serve(m.Listener(rpcProto))
	defer server.Close()
	caller := credentials(t, "c1", "caller", secret)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		return caller.Dial(ctx, addr, "server", rpcProto)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	for range 2 {
		resp, err := client.Get("http://" + m.inner.Addr().String() + "/")
		check(t, err)
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		check(t, err)
		diff(t, "answer", "caller", string(b))
	}
}
