package health

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vipd/cluster/state"
)

// pinger asks an address for echoes: one request after the other, until enough were answered or too few can be. So an
// address that is well gets no more requests than answers are wanted.
func pinger(p *state.PingCheck, limit time.Duration) func(context.Context) Outcome {
	return func(ctx context.Context) Outcome {
		to, err := netip.ParseAddr(p.Address)
		if err != nil {
			return failed(err)
		}
		conn, err := pingConn(ctx, to, p.Interface)
		if err != nil {
			return failed(err)
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		var token [8]byte
		rand.Read(token[:])
		e := echoes{conn: conn, v6: to.Is6(), token: token[:], id: int(binary.BigEndian.Uint16(token[:]))}
		return asked(p.Count, p.Answers, func(turn int) error { return e.ask(turn, share(limit, p.Count)) })
	}
}

// share is how long each request of a run may wait for its answer, so that the run ends before its time is over.
func share(limit time.Duration, requests int) time.Duration {
	return limit * 9 / 10 / time.Duration(requests)
}

// asked asks until enough was answered, or cannot be any more. What went wrong last is why it failed.
func asked(count, wanted int, ask func(turn int) error) Outcome {
	answered := 0
	for turn := range count {
		err := ask(turn)
		if err == nil {
			answered++
		}
		if answered >= wanted {
			return Outcome{OK: true, Text: "it answers"}
		}
		if left := count - turn - 1; answered+left < wanted {
			return Outcome{Text: tidy(fmt.Sprintf("%d of %d requests answered: %v", answered, turn+1, err))}
		}
	}
	return Outcome{}
}

// pingConn opens a socket that hears what one address answers to pings.
func pingConn(ctx context.Context, to netip.Addr, link string) (*net.IPConn, error) {
	network := "ip4:icmp"
	if to.Is6() {
		network = "ip6:ipv6-icmp"
	}
	if to.IsLinkLocalUnicast() && to.Is6() {
		to = to.WithZone(link)
	}
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if link == "" {
			return nil
		}
		if failed := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), link) }); failed != nil {
			return failed
		}
		if err != nil {
			return fmt.Errorf("use interface %s: %w", link, err)
		}
		return nil
	}}
	dialed, err := d.DialContext(ctx, network, to.String())
	if err != nil {
		return nil, err
	}
	conn := dialed.(*net.IPConn)
	if err := hearEchoes(conn, to.Is6()); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen for answers: %w", err)
	}
	return conn, nil
}

// hearEchoes has the kernel keep back all but answers: a router sends much else.
func hearEchoes(conn *net.IPConn, v6 bool) error {
	if v6 {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv6.ICMPTypeEchoReply)
		return ipv6.NewPacketConn(conn).SetICMPFilter(&f)
	}
	var f ipv4.ICMPFilter
	f.SetAll(true)
	f.Accept(ipv4.ICMPTypeEchoReply)
	return ipv4.NewPacketConn(conn).SetICMPFilter(&f)
}

// echoes asks one address (RFC 792, RFC 4443 section 4). Raw sockets hear each other's answers: the token tells which
// are to this run.
type echoes struct {
	conn  *net.IPConn
	v6    bool
	id    int
	token []byte
}

func (e *echoes) ask(turn int, wait time.Duration) error {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: e.id, Seq: turn, Data: e.token}}
	if e.v6 {
		m.Type = ipv6.ICMPTypeEchoRequest // whose checksum the kernel computes
	}
	request, err := m.Marshal(nil)
	if err != nil {
		return err
	}
	if err := e.conn.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if _, err := e.conn.Write(request); err != nil {
		return fmt.Errorf("send: %w", reason(err))
	}
	buffer := make([]byte, 256)
	for {
		n, _, err := e.conn.ReadFrom(buffer)
		if err != nil {
			return unanswered(err, wait)
		}
		if e.answers(buffer[:n], turn) {
			return nil
		}
	}
}

// answers reports whether a message is the answer to a run's request. An answer that comes late counts for the request
// that waits now.
func (e *echoes) answers(message []byte, turn int) bool {
	protocol, reply := ipv4.ICMPTypeEchoReply.Protocol(), icmp.Type(ipv4.ICMPTypeEchoReply)
	if e.v6 {
		protocol, reply = ipv6.ICMPTypeEchoReply.Protocol(), ipv6.ICMPTypeEchoReply
	}
	m, err := icmp.ParseMessage(protocol, message)
	if err != nil || m.Type != reply {
		return false
	}
	echo, ok := m.Body.(*icmp.Echo)
	return ok && echo.ID == e.id && echo.Seq <= turn && slices.Equal(echo.Data, e.token)
}
