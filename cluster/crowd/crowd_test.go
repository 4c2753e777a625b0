package crowd

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// conn is a connection of which only the other end and its closing matter.
type conn struct {
	net.Conn
	name   string
	host   string
	closed *[]string
}

func (c conn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.host), 7))
}

func (c conn) Close() error {
	*c.closed = append(*c.closed, c.name)
	return nil
}

func TestWhoGivesWay(t *testing.T) {
	var closed []string
	c := New(4)
	enter := func(host string, n int) func() {
		return c.Enter(conn{name: fmt.Sprintf("%s/%d", host[strings.LastIndex(host, ".")+1:], n), host: host, closed: &closed})
	}
	first := enter("10.0.0.1", 1)
	enter("10.0.0.9", 1)
	enter("10.0.0.9", 2)
	enter("10.0.0.1", 2)
	first()
	enter("10.0.0.2", 1)
	if len(closed) != 0 {
		t.Fatalf("closed %v although there was room", closed)
	}
	first() // of no effect, there and afterwards
	for i := range 3 {
		enter("10.0.0.9", 3+i)
	}
	if want := []string{"9/1", "9/2", "9/3"}; !slices.Equal(want, closed) {
		t.Fatalf("closed %v, want %v", closed, want)
	}
	enter("10.0.0.3", 1)
	enter("10.0.0.4", 1)
	if want := []string{"9/4", "1/2"}; !slices.Equal(want, closed[3:]) {
		t.Errorf("closed %v, want %v: the oldest of all where nobody has more", closed[3:], want)
	}
	if len(c.from) != 4 {
		t.Errorf("counts are kept of %v", c.from)
	}
}
