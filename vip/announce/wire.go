package announce

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// errBusy: the interface takes no more frames at the moment.
	errBusy = errors.New("transmit queue full")
	// errNoNeighbours: nobody on this kind of interface asks who has an address.
	errNoNeighbours = errors.New("interface has no ARP")
)

// wire sends frames, through one packet socket for each interface so that a stuck one does not hold up
// the others. It is for one goroutine at a time.
type wire struct {
	control int // a socket that names interfaces in the network namespace it was opened in
	links   map[string]*link
	burst   uint64
}

// link is an interface as it was at the beginning of a burst.
type link struct {
	socket int
	index  uint32
	source source
	asked  bool // whether it forwards IPv6, which takes longer than all the rest
	burst  uint64
}

func newWire() (*wire, error) {
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	return &wire{control: control, links: map[string]*link{}}, nil
}

func (w *wire) close() error {
	err := unix.Close(w.control)
	for name := range w.links {
		w.drop(name)
	}
	return err
}

// begin starts a burst: what the interfaces are like is read again.
func (w *wire) begin() { w.burst++ }

// send announces a target for the given time. It never waits.
func (w *wire) send(t Target, round int) error {
	l, err := w.link(t.Interface)
	if err != nil {
		return err
	}
	if t.Addr.Is6() && !l.asked {
		l.source.router, l.asked = forwards(t.Interface), true
	}
	b, err := l.source.frame(t.Addr, round)
	if err != nil {
		return err
	}
	switch err := unix.Sendto(l.socket, b, 0, &unix.SockaddrLinklayer{Ifindex: int(l.index)}); {
	case errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EAGAIN):
		return errBusy
	case err != nil:
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// link returns an interface, looked at in this burst.
func (w *wire) link(name string) (*link, error) {
	l, ok := w.links[name]
	if ok && l.burst == w.burst {
		return l, nil
	}
	index, err := w.look(name)
	if err != nil {
		w.drop(name)
		return nil, err
	}
	if ok && l.index != index { // another interface of the same name
		w.drop(name)
		ok = false
	}
	if !ok {
		socket, err := openSocket(index)
		if err != nil {
			return nil, err
		}
		l = &link{socket: socket, index: index}
		w.links[name] = l
	}
	if l.source, err = describe(l.socket); err != nil {
		w.drop(name)
		return nil, err
	}
	l.asked, l.burst = false, w.burst
	return l, nil
}

// look finds an interface that has neighbours.
func (w *wire) look(name string) (index uint32, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("interface name %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(w.control, unix.SIOCGIFFLAGS, request); err != nil {
		return 0, fmt.Errorf("look at the interface: %w", err)
	}
	if request.Uint16()&(unix.IFF_NOARP|unix.IFF_LOOPBACK) != 0 {
		return 0, errNoNeighbours
	}
	if err := unix.IoctlIfreq(w.control, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("look at the interface: %w", err)
	}
	return request.Uint32(), nil
}

// openSocket opens a packet socket that receives nothing: its protocol is 0.
func openSocket(index uint32) (int, error) {
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("open a packet socket: %w", err)
	}
	if err := unix.Bind(socket, &unix.SockaddrLinklayer{Ifindex: int(index)}); err != nil {
		return 0, errors.Join(fmt.Errorf("bind a packet socket: %w", err), unix.Close(socket))
	}
	return socket, nil
}

// describe reads what the frames need to know about the interface that a packet socket is bound to.
func describe(socket int) (source, error) {
	bound, err := unix.Getsockname(socket)
	if err != nil {
		return source{}, fmt.Errorf("read the MAC address: %w", err)
	}
	at := bound.(*unix.SockaddrLinklayer)
	if at.Hatype != unix.ARPHRD_ETHER || at.Halen != 6 {
		return source{}, fmt.Errorf("hardware type %d is not Ethernet: %w", at.Hatype, errNoNeighbours)
	}
	return source{mac: net.HardwareAddr(at.Addr[:6])}, nil
}

// forwards reports whether an interface forwards IPv6; not if there is no IPv6.
func forwards(name string) bool {
	forwarding, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/forwarding")
	return err == nil && strings.TrimSpace(string(forwarding)) != "0"
}

func (w *wire) drop(name string) {
	if l, ok := w.links[name]; ok {
		_ = unix.Close(l.socket)
		delete(w.links, name)
	}
}
