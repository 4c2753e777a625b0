package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"vipd/cluster/crowd"
	"vipd/cluster/quiet"
)

const acceptPause = 50 * time.Millisecond

// Bounds of the streams of strangers: memberlist reads all that is sent before it knows whether it is of the cluster.
// What members tell each other there is a few hundred bytes for each of them.
const (
	maxStreams     = 32
	maxStreamBytes = 1 << 20
)

// transport carries memberlist's packets and streams, and this node's own datagrams beside them.
type transport struct {
	log     *slog.Logger
	listen  netip.Addr
	packets *quiet.UDP
	streams *net.TCPListener
	sealer  *sealer
	receive func([][]byte) // gets datagrams

	packetCh chan *memberlist.Packet
	streamCh chan net.Conn
	crowd    *crowd.Crowd // streams that others made
	closed   chan struct{}
	once     sync.Once
	readers  sync.WaitGroup
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(o Options) (*transport, error) {
	sealer, err := newSealer(append([][]byte{o.Key}, o.Also...), o.Cluster)
	if err != nil {
		return nil, err
	}
	at := netip.AddrPortFrom(o.Listen, uint16(o.Port))
	streams, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("listen for gossip streams: %w", err)
	}
	packets, err := quiet.ListenUDP(at)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for gossip packets: %w", err), streams.Close())
	}
	enlarge(packets, o.Logger)
	t := &transport{
		log: o.Logger, listen: o.Listen, packets: packets, streams: streams,
		sealer: sealer, receive: o.Receive,
		packetCh: make(chan *memberlist.Packet, packetsWaiting),
		streamCh: make(chan net.Conn),
		crowd:    crowd.New(maxStreams),
		closed:   make(chan struct{}),
	}
	t.readers.Go(t.readPackets)
	t.readers.Go(t.acceptStreams)
	return t, nil
}

func (t *transport) acceptStreams() {
	for {
		conn, err := t.streams.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			t.log.Warn("accept a gossip stream", "error", err) // as for lack of file descriptors
			select {
			case <-time.After(acceptPause):
			case <-t.closed:
				return
			}
			continue
		}
		bounded := &stream{Conn: conn, left: maxStreamBytes, leave: t.crowd.Enter(conn)}
		select {
		case t.streamCh <- bounded:
		case <-t.closed:
			bounded.Close()
			return
		}
	}
}

// stream is a connection that somebody made, and on which not too much may come.
type stream struct {
	net.Conn
	left  int
	leave func()
}

// Read implements net.Conn.
func (s *stream) Read(b []byte) (int, error) {
	if s.left == 0 {
		return 0, errors.New("more comes on a gossip stream than members have to say")
	}
	n, err := s.Conn.Read(b[:min(len(b), s.left)])
	s.left -= n
	return n, err
}

// Close implements net.Conn.
func (s *stream) Close() error {
	s.leave()
	return s.Conn.Close()
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.listen.AsSlice(), t.packets.Port(), nil
}

// WriteTo implements memberlist.Transport. It never waits.
func (t *transport) WriteTo(b []byte, address string) (time.Time, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return time.Time{}, fmt.Errorf("send to %s: %w", address, err)
	}
	if err := t.packets.Send(b, to); err != nil {
		return time.Time{}, fmt.Errorf("send to %s: %w", address, err)
	}
	return time.Now(), nil
}

// send sends a datagram. It never waits.
func (t *transport) send(data []byte, address string) error {
	_, err := t.WriteTo(t.sealer.seal(data), address)
	return err
}

// WriteToAddress implements memberlist.NodeAwareTransport.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	return t.WriteTo(b, a.Addr)
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }

// DialTimeout implements memberlist.Transport. Streams come from the address that packets come from.
func (t *transport) DialTimeout(address string, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: t.listen.AsSlice()}}
	return dialer.DialContext(ctx, "tcp", address)
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(a memberlist.Address, limit time.Duration) (net.Conn, error) {
	return t.DialTimeout(a.Addr, limit)
}

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.streamCh }

// Shutdown implements memberlist.Transport.
func (t *transport) Shutdown() error {
	var err error
	t.once.Do(func() {
		close(t.closed)
		err = errors.Join(t.packets.Close(), t.streams.Close())
		t.readers.Wait()
	})
	return err
}
