package gossip

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// limit is how long a loaded machine may take for what normally takes milliseconds.
const limit = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = bytes.Repeat([]byte{7}, 32)

// node is a member on loopback.
type node struct {
	*Gossip
	t        testing.TB
	name     string
	address  string
	received chan []byte
}

// start starts a node at 127.0.0.ADDRESS on a free port; the test stops it in the end.
func start(t testing.TB, name string, last byte, change func(*Options)) *node {
	t.Helper()
	n := &node{t: t, name: name, received: make(chan []byte, 1000)}
	o := Options{
		Node: name, Listen: netip.AddrFrom4([4]byte{127, 0, 0, last}),
		Key: key, Cluster: "test", Meta: Meta{Address: name + ":1", Instance: "i-" + name, Version: "v"},
		Logger: slog.New(slog.DiscardHandler),
		Receive: func(datagrams [][]byte) {
			for _, data := range datagrams {
				n.received <- slices.Clone(data)
			}
		},
		Changed: func() {},
	}
	o.Port = freePort(t, o.Listen)
	if change != nil {
		change(&o)
	}
	g, err := Start(o)
	check(t, err)
	n.Gossip, n.address = g, net.JoinHostPort(o.Listen.String(), strconv.Itoa(o.Port))
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return n
}

// freePort returns a port that is free for TCP and UDP.
func freePort(t testing.TB, at netip.Addr) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(at.String(), "0"))
	check(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sees waits until a node has this opinion of another.
func (n *node) sees(other string, want State) {
	n.t.Helper()
	n.comesTo(other, func(s State) bool { return s == want })
}

// misses waits until a node knows that another is gone.
func (n *node) misses(other string) {
	n.t.Helper()
	n.comesTo(other, func(s State) bool { return s == Gone })
}

func (n *node) comesTo(other string, is func(State) bool) {
	n.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !is(n.opinion(other)); {
		select {
		case <-tick.C:
		case <-late:
			n.t.Fatalf("%s still thinks %q of %s", n.name, n.opinion(other), other)
		}
	}
}

func (n *node) opinion(other string) State {
	for _, m := range n.Members() {
		if m.Name == other {
			return m.State
		}
	}
	return ""
}

// talks has a node send until the other has heard it: datagrams may be lost.
func (n *node) talks(to *node, data []byte) {
	n.t.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for late := time.After(limit); ; {
		check(n.t, n.Send(to.address, data))
		select {
		case got := <-to.received:
			if !bytes.Equal(got, data) {
				n.t.Fatalf("%s heard %d bytes, not the %d sent", to.name, len(got), len(data))
			}
			return
		case <-again.C:
		case <-late:
			n.t.Fatalf("%s does not hear %s", to.name, n.name)
		}
	}
}

func TestThreeMeet(t *testing.T) {
	a, b, c := start(t, "a", 1, nil), start(t, "b", 2, nil), start(t, "c", 3, nil)
	check(t, b.Join([]string{a.address}))
	check(t, c.Join([]string{a.address}))
	for _, n := range []*node{a, b, c} {
		for _, other := range []string{"a", "b", "c"} {
			n.sees(other, Alive)
		}
	}
	members := b.Members()
	i := slices.IndexFunc(members, func(m Member) bool { return m.Name == "a" })
	want := Member{Name: "a", Addr: a.address, State: Alive, Meta: Meta{Address: "a:1", Instance: "i-a", Version: "v"}}
	if d := cmp.Diff(want, members[i]); d != "" {
		t.Fatalf("what b knows of a (-want +got):\n%s", d)
	}
}

func TestJoinWithNobodyThere(t *testing.T) {
	a := start(t, "a", 1, nil)
	nobody := net.JoinHostPort("127.0.0.9", strconv.Itoa(freePort(t, netip.MustParseAddr("127.0.0.9"))))
	if err := a.Join([]string{nobody}); err == nil {
		t.Fatal("joined nobody")
	}
}

// A member is reached whether gossip knows it or not: the lease must not depend on what gossip thinks.
func TestDatagramsOfAnySize(t *testing.T) {
	a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
	random := rand.NewChaCha8([32]byte{})
	for _, size := range []int{1, 100, 1399, 1400, 1401, 1500, 9000, 60_000} {
		data := make([]byte, size)
		random.Read(data)
		a.talks(b, data)
	}
}

func TestTooLongOrToNowhere(t *testing.T) {
	a := start(t, "a", 1, nil)
	if err := a.Send("127.0.0.2:7", make([]byte, 70_000)); err == nil {
		t.Error("sent 70 kB in one datagram")
	}
	if err := a.Send("nonsense", []byte("x")); err == nil {
		t.Error("sent to an address that is none")
	}
}

func TestDatagramBelongsToItsReceiver(t *testing.T) {
	a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
	check(t, a.Send(b.address, []byte("first")))
	var first []byte
	select {
	case first = <-b.received:
	case <-time.After(limit):
		t.Fatal("heard nothing")
	}
	for range 50 {
		a.talks(b, []byte("other"))
	}
	if string(first) != "first" {
		t.Fatalf("the first datagram became %q", first)
	}
}

func TestWhoLeftMayComeBackElsewhere(t *testing.T) {
	a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
	check(t, b.Join([]string{a.address}))
	a.sees("b", Alive)
	check(t, b.Leave(limit))
	a.misses("b")

	again := start(t, "b", 3, nil)
	check(t, again.Join([]string{a.address}))
	a.sees("b", Alive)
	again.talks(a, []byte("back"))
}

func TestStrangersAreNotHeard(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"another key":     func(o *Options) { o.Key = bytes.Repeat([]byte{8}, 32) },
		"another cluster": func(o *Options) { o.Cluster = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
			stranger := start(t, "s", 3, change)
			if err := stranger.Join([]string{a.address}); err == nil {
				t.Error("a stranger joined")
			}
			check(t, stranger.Send(a.address, []byte("from a stranger")))
			b.talks(a, []byte("from b")) // the first that a hears
			if seen := a.opinion("s"); seen != "" {
				t.Errorf("a thinks %q of the stranger", seen)
			}
		})
	}
}

func TestJunkDoesNoHarm(t *testing.T) {
	a, b := start(t, "a", 1, nil), start(t, "b", 2, nil)
	check(t, b.Join([]string{a.address}))
	packets, err := net.Dial("udp", a.address)
	check(t, err)
	defer packets.Close()
	random := rand.NewChaCha8([32]byte{})
	for i := range 200 {
		junk := make([]byte, i*7)
		random.Read(junk)
		_, err := packets.Write(junk)
		check(t, err)
	}
	for i := range 20 {
		stream, err := net.Dial("tcp", a.address)
		check(t, err)
		junk := make([]byte, i*100)
		random.Read(junk)
		_, _ = stream.Write(junk) // it may have been refused already
		check(t, stream.(*net.TCPConn).CloseWrite())
		check(t, stream.SetReadDeadline(time.Now().Add(limit)))
		if _, err := io.Copy(io.Discard, stream); err != nil && isTimeout(err) {
			t.Fatal("a stream of junk stays open")
		}
		check(t, stream.Close())
	}
	b.talks(a, []byte("still here"))
	a.sees("b", Alive)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func TestPortInUse(t *testing.T) {
	a := start(t, "a", 1, nil)
	at := netip.MustParseAddrPort(a.address)
	if _, err := newTransport(Options{Listen: at.Addr(), Port: int(at.Port()), Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Fatal("two nodes at one port")
	}
}

func TestShutdownTwice(t *testing.T) {
	listen := netip.MustParseAddr("127.0.0.1")
	tr, err := newTransport(Options{Listen: listen, Port: 0, Logger: slog.New(slog.DiscardHandler)})
	check(t, err)
	conn, err := net.Dial("tcp", tr.streams.Addr().String()) // nobody takes it
	check(t, err)
	defer conn.Close()
	check(t, tr.Shutdown())
	check(t, tr.Shutdown())
	if _, err := tr.WriteTo([]byte("x"), "127.0.0.1:9"); err == nil {
		t.Fatal("sent after the shutdown")
	}
}
