package quiet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// UDP is a bound socket. Its methods may be called at the same time.
type UDP struct {
	socket *os.File // which Go's poller does not watch
	queue  *os.File // which it does: an epoll(7) of ours that has the socket's input in it
	port   int
	// calls reach the socket, input waits for the queue.
	calls, input syscall.RawConn
}

// ListenUDP binds a socket. The caller closes it.
func ListenUDP(at netip.AddrPort) (*UDP, error) {
	fd, port, err := bound(at)
	if err != nil {
		return nil, err
	}
	u := &UDP{port: port, socket: os.NewFile(uintptr(fd), "udp "+at.String())}
	if err := u.watch(fd); err != nil {
		return nil, errors.Join(fmt.Errorf("watch a socket: %w", err), u.Close())
	}
	return u, nil
}

// bound returns a socket that Go's poller does not watch, and its port.
func bound(at netip.AddrPort) (fd, port int, err error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close() // which ends the poller's interest; the duplicate keeps the socket
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	controlErr := raw.Control(func(original uintptr) {
		if fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(fd, false) // else os.NewFile gives it to the poller; the calls say that they won't wait
		}
	})
	return fd, conn.LocalAddr().(*net.UDPAddr).Port, errors.Join(err, controlErr)
}

func (u *UDP) watch(fd int) (err error) {
	queue, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(queue, true); err != nil { // has os.NewFile give it to the poller
		return errors.Join(err, unix.Close(queue))
	}
	u.queue = os.NewFile(uintptr(queue), "input of "+u.socket.Name())
	if err := unix.EpollCtl(queue, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return err
	}
	if u.calls, err = u.socket.SyscallConn(); err != nil {
		return err
	}
	u.input, err = u.queue.SyscallConn()
	return err
}

// Port is the port that the socket is bound to.
func (u *UDP) Port() int { return u.port }

// Control calls a function with the socket's descriptor, as for options.
func (u *UDP) Control(f func(fd uintptr)) error { return u.calls.Control(f) }

// Close ends Wait, and closes the socket.
func (u *UDP) Close() error {
	err := u.socket.Close()
	if u.queue != nil {
		err = errors.Join(err, u.queue.Close())
	}
	return err
}

// Wait calls take now and each time that packets came in, until the socket is closed. take receives until nothing waits.
func (u *UDP) Wait(take func()) {
	_ = u.input.Read(func(uintptr) bool { // ends when the queue is closed
		take()
		return false
	})
}

// Receive takes a packet that waits. If there is none it fails with EAGAIN, and with [net.ErrClosed] once the socket is
// closed; other errors are about packets that were sent.
func (u *UDP) Receive(buffer []byte) (n int, from netip.AddrPort, err error) {
	var source address
	if u.calls.Control(func(fd uintptr) { n, err = recvfrom(fd, buffer, &source) }) != nil {
		return 0, from, net.ErrClosed
	}
	return n, source.addrPort(), err
}

// Send sends a packet, or fails at once if the kernel has no room for it: waiting for the room that a dead host takes
// would hold up what is for the living.
func (u *UDP) Send(packet []byte, to netip.AddrPort) error {
	zone, err := zoneOf(to.Addr())
	if err != nil {
		return err
	}
	var target address
	target.set(to, zone)
	if u.calls.Control(func(fd uintptr) { _, err = sendto(fd, packet, &target) }) != nil {
		return net.ErrClosed
	}
	return err
}

// zoneOf returns the index of an address's zone, an interface's name or index; 0 if it has none.
func zoneOf(a netip.Addr) (uint32, error) {
	if a.Zone() == "" {
		return 0, nil
	}
	if index, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		return uint32(index), nil
	}
	ifi, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return 0, fmt.Errorf("find the interface of %s: %w", a, err)
	}
	return uint32(ifi.Index), nil
}
