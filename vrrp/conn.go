package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// tos is the precedence of adverts: internetwork control, as keepalived and routers send them.
const tos = 0xc0

// ConnConfig says where a Conn sends and listens.
type ConnConfig struct {
	Interface string
	// Source is the address that adverts come from; see SourceAddress. It decides the family.
	Source netip.Addr
	// Borrowed says that Source is another interface's, as with a virtual MAC.
	Borrowed bool
	// Groups are the multicast groups to join; nil is Group4 or Group6, empty is none (unicast only).
	Groups []netip.Addr
	// UnicastTTL is the TTL of unicast adverts; zero is 255.
	UnicastTTL int
}

// Conn sends and receives the adverts of all virtual routers of one interface and family. Send and Receive
// may be called at the same time. Our own multicast adverts are not received.
type Conn struct {
	cfg   ConnConfig
	index int
	wire  family
}

// family is what differs between IPv4 and IPv6.
type family interface {
	setup(ifi *net.Interface, ttl int) error
	join(ifi *net.Interface, group netip.Addr) error
	send(payload []byte, src, dst netip.Addr, index int) error
	receive(b []byte) (n int, p Packet, err error)
	Close() error
}

// Listen opens the raw socket, which takes CAP_NET_RAW, in the caller's network namespace.
func Listen(ctx context.Context, cfg ConnConfig) (*Conn, error) {
	c, err := listen(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("listen for VRRP on %s: %w", cfg.Interface, err)
	}
	return c, nil
}

func listen(ctx context.Context, cfg ConnConfig) (*Conn, error) {
	if !cfg.Source.IsValid() {
		return nil, ErrNoSource
	}
	cfg.Source = cfg.Source.Unmap().WithZone("")
	ifi, err := net.InterfaceByName(cfg.Interface)
	if err != nil {
		return nil, err
	}
	wire, err := openFamily(ctx, cfg)
	if err != nil {
		return nil, err
	}
	c := &Conn{cfg: cfg, index: ifi.Index, wire: wire}
	if err := c.configure(ifi); err != nil {
		return nil, errors.Join(err, wire.Close())
	}
	return c, nil
}

func (c *Conn) configure(ifi *net.Interface) error {
	ttl := c.cfg.UnicastTTL
	if ttl == 0 {
		ttl = TTL
	}
	if err := c.wire.setup(ifi, ttl); err != nil {
		return err
	}
	groups := c.cfg.Groups
	if groups == nil {
		groups = []netip.Addr{(&Config{Source: c.cfg.Source}).group()}
	}
	for _, g := range groups {
		if err := c.wire.join(ifi, g); err != nil {
			return fmt.Errorf("join %v: %w", g, err)
		}
	}
	return nil
}

// openFamily opens the socket, bound to the interface: what arrives on another is another router's.
func openFamily(ctx context.Context, cfg ConnConfig) (family, error) {
	network, any := "ip4:112", "0.0.0.0"
	if cfg.Source.Is6() {
		network, any = "ip6:112", "::"
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = bind(int(fd), cfg) }); e != nil {
			return e
		}
		return err
	}}
	pc, err := lc.ListenPacket(ctx, network, any)
	if err != nil {
		return nil, err
	}
	if cfg.Source.Is6() {
		return newFamily6(pc), nil
	}
	return newFamily4(pc), nil
}

func bind(fd int, cfg ConnConfig) error {
	if err := unix.BindToDevice(fd, cfg.Interface); err != nil {
		return fmt.Errorf("bind to %s: %w", cfg.Interface, err)
	}
	if cfg.Source.Is6() && cfg.Borrowed {
		// Else a link-local source has to be on the very interface.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
			return fmt.Errorf("send from another interface's address: %w", err)
		}
	}
	if cfg.Source.Is6() {
		return nil
	}
	// DF stays off, as in keepalived's adverts.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT); err != nil {
		return fmt.Errorf("switch path MTU discovery off: %w", err)
	}
	return nil
}

// Source is the address that adverts come from.
func (c *Conn) Source() netip.Addr { return c.cfg.Source }

// Send sends one advert.
func (c *Conn) Send(a Advert) error {
	if err := c.wire.send(a.Payload, c.cfg.Source, a.Dst.WithZone(""), c.index); err != nil {
		return fmt.Errorf("send advert to %v on %s: %w", a.Dst, c.cfg.Interface, err)
	}
	return nil
}

// Receive waits for a packet of the protocol. After Close the error wraps net.ErrClosed; other errors are
// passing, such as an interface that went down.
func (c *Conn) Receive() (Packet, error) {
	b := make([]byte, 2048) // 255 IPv4 addresses and more; the longest IPv6 advert that fits a frame
	n, p, err := c.wire.receive(b)
	if err != nil {
		return Packet{}, fmt.Errorf("receive adverts on %s: %w", c.cfg.Interface, err)
	}
	p.Payload = b[:n]
	return p, nil
}

// Close ends a waiting Receive.
func (c *Conn) Close() error { return c.wire.Close() }

// addrOf is the address in a net.Addr of an IP socket.
func addrOf(a net.Addr) netip.Addr {
	if ip, ok := a.(*net.IPAddr); ok {
		return fromIP(ip.IP)
	}
	return netip.Addr{}
}

func fromIP(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip) // an invalid address is refused by the machine
	return a.Unmap()
}
