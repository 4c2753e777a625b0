package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// The ports of the node file's defaults.
const (
	gossipPort  = 7946
	clusterPort = 7947
)

const (
	attackFor = 4 * time.Second
	// mostGrowth is how much memory an attack may cost a daemon.
	mostGrowth = 64 << 20
)

// attack is what a host on the network does that does not know the cluster's secret.
type attack struct {
	*scene
	from     *lab.Host
	captured [][]byte // datagrams that nodes sent to one another
	until    time.Time
}

// A host without the secret sends whatever it can think of to all ports. No address is silent for it, nobody loses a
// lease, and no daemon grows.
func TestStrangerOnTheNetwork(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	stranger, err := s.Lab.AddHost("stranger")
	s.must(err)
	a := &attack{scene: s, from: stranger, captured: capture(s, s.Nodes[0])}
	n := s.holder("web")
	epochs, serial := s.epochs(), s.serial("web")
	var before []uint64
	for _, n := range s.Nodes {
		before = append(before, rss(s, n))
	}
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()
	a.until = at.Add(attackFor)
	w.step("a stranger sends noise, %d recorded datagrams, and opens connections by the hundreds", len(a.captured))
	a.wage(a.noise, a.replay, a.strangers, a.heavyStreams)
	w.step("it stops")
	w.held("web", n, web4, web6)
	w.shorter(web4, at, failoverLimit)
	if got := s.epochs(); fmt.Sprint(got) != fmt.Sprint(epochs) {
		t.Errorf("a lease was lost: epochs %v, then %v", epochs, got)
	}
	if got := s.serial("web"); got != serial {
		t.Errorf("web moved: serial %d, then %d", serial, got)
	}
	for i, n := range s.Nodes {
		now := rss(s, n)
		t.Logf("%s has %d MiB and had %d", n, now>>20, before[i]>>20)
		if now > before[i]+mostGrowth {
			t.Errorf("%s grew by more than %d MiB", n, mostGrowth>>20)
		}
	}
	s.move("web", s.Except(n)[0])
}

func (s *scene) epochs() map[string]uint64 {
	epochs := map[string]uint64{}
	for _, n := range s.status(s.leader()).Nodes {
		epochs[n.Name] = n.Epoch
	}
	return epochs
}

func rss(s *scene, n *harness.Node) uint64 {
	s.Helper()
	u, err := lab.UsageOf(n.Process().Pid)
	s.must(err)
	return u.RSS
}

// capture records what comes to a node's gossip port for a moment.
func capture(s *scene, n *harness.Node) (datagrams [][]byte) {
	s.Helper()
	s.must(n.Host.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, int(binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_IP))))
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
			return err
		}
		packet := make([]byte, 1<<16)
		for len(datagrams) < 60 {
			size, _, err := unix.Recvfrom(fd, packet, 0)
			if err != nil {
				return err
			}
			header := int(packet[0]&15) * 4
			if packet[9] == unix.IPPROTO_UDP && size > header+8 && binary.BigEndian.Uint16(packet[header+2:]) == gossipPort {
				datagrams = append(datagrams, append([]byte(nil), packet[header+8:size]...))
			}
		}
		return nil
	}))
	return datagrams
}

// wage does several things at once, each on a thread in the stranger's namespace.
func (a *attack) wage(ways ...func(context.Context) error) {
	a.Helper()
	ctx, cancel := context.WithDeadline(a.Context(), a.until)
	defer cancel()
	var doing sync.WaitGroup
	for _, way := range ways {
		doing.Go(func() {
			if err := a.from.Do(func() error { return way(ctx) }); err != nil && ctx.Err() == nil {
				a.Errorf("the stranger cannot do what it should: %v", err)
			}
		})
	}
	doing.Wait()
}

func (a *attack) targets(port uint16) (targets []netip.AddrPort) {
	for _, n := range a.Nodes {
		targets = append(targets, netip.AddrPortFrom(n.Host.IPv4.Addr(), port))
	}
	return targets
}

// send sends datagrams to each node in turn, some thousands a second, until the attack ends.
func (a *attack) send(ctx context.Context, next func() []byte) error {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	targets := a.targets(gossipPort)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		for range 10 {
			for _, to := range targets {
				_, _ = conn.WriteToUDPAddrPort(next(), to) // a buffer that is full is no reason to stop
			}
		}
		<-tick.C
	}
	return nil
}

// noise is random, but begins as datagrams do.
func (a *attack) noise(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2))
	beginnings := [][]byte{nil, {'v'}, {244}, append([]byte{244, 21}, "vipd 0123456789abcdef"...)}
	return a.send(ctx, func() []byte {
		packet := append([]byte(nil), beginnings[random.IntN(len(beginnings))]...)
		for range random.IntN(40) {
			packet = binary.BigEndian.AppendUint64(packet, random.Uint64())
		}
		return packet[:random.IntN(len(packet)+1)]
	})
}

// replay sends again what nodes sent, to all of them, whole or cut or with a bit flipped.
func (a *attack) replay(ctx context.Context) error {
	random := rand.New(rand.NewPCG(3, 4))
	return a.send(ctx, func() []byte {
		packet := append([]byte(nil), a.captured[random.IntN(len(a.captured))]...)
		switch random.IntN(4) {
		case 0:
			packet = packet[:random.IntN(len(packet))]
		case 1:
			packet[random.IntN(len(packet))] ^= 1 << random.IntN(8)
		}
		return packet
	})
}

// strangers are connections that say nothing, or something else than they should, bit by bit.
func (a *attack) strangers(ctx context.Context) error {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	garbage := make([]byte, 70_000) // more than a record or a handshake may have
	said := [][]byte{nil, []byte("GET / HTTP/1.1\r\n"), {0x16, 3, 1, 0xff, 0xff, 1, 0xff, 0xff, 0xff}, garbage}
	for i := 0; ctx.Err() == nil; i++ {
		for _, port := range []uint16{clusterPort, gossipPort} {
			for _, to := range a.targets(port) {
				c, err := net.DialTimeout("tcp", to.String(), time.Second)
				if err != nil {
					continue // the backlog is full for the moment
				}
				_ = c.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
				_, _ = c.Write(said[i%len(said)])
				open = append(open, c)
			}
		}
		if len(open) > 900 {
			for _, c := range open[:300] {
				c.Close()
			}
			open = open[300:]
		}
	}
	return nil
}

// heavyStreams announce as much as memberlist takes, under the cluster's own label, and send it.
func (a *attack) heavyStreams(ctx context.Context) error {
	head := append([]byte{244, 21}, "vipd "+a.status(a.Nodes[0]).Cluster...)
	head = append(head, 10) // encrypted
	head = binary.BigEndian.AppendUint32(head, 19<<20)
	head[1] = byte(len(head) - 7)
	block := make([]byte, 1<<16)
	for ctx.Err() == nil {
		for _, to := range a.targets(gossipPort) {
			c, err := net.DialTimeout("tcp", to.String(), time.Second)
			if err != nil {
				continue
			}
			_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
			_, err = c.Write(head)
			for range 40 {
				if err == nil {
					_, err = c.Write(block)
				}
			}
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<16))
			c.Close()
		}
	}
	return nil
}
