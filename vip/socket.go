package vip

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// The kernel sends no dump message longer than 32 KiB.
	readBuffer = 64 << 10
	// Each acknowledgement of a batch waits in the receive buffer and is charged there with about 1 KiB.
	socketBuffer = 1 << 20
	maxDatagram  = 32 << 10
	maxMessages  = 256
	// The kernel answers requests while they are being sent; a missing answer was lost.
	answerTimeout = 5 * time.Second
	dumpAttempts  = 20
)

// errUnanswered: a request was sent and its acknowledgement lost, so only reading back tells what happened.
var errUnanswered = errors.New("the kernel's answer was lost")

// socket is a route netlink socket for one goroutine at a time.
type socket struct {
	file *os.File
	raw  syscall.RawConn
	port uint32
	seq  uint32
	buf  []byte
}

// newSocket opens a socket in the network namespace of the calling thread, subscribed to groups.
func newSocket(groups ...uint) (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "netlink")
	s := &socket{file: file, buf: make([]byte, readBuffer)}
	if err := s.configure(fd, groups); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return s, nil
}

func (s *socket) configure(fd int, groups []uint) (err error) {
	local := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	for _, g := range groups {
		local.Groups |= 1 << (g - 1)
	}
	if err := unix.Bind(fd, local); err != nil {
		return fmt.Errorf("bind the netlink socket: %w", err)
	}
	// Readable reasons for refusals, without the request sent back along with them.
	for _, option := range []int{unix.NETLINK_EXT_ACK, unix.NETLINK_CAP_ACK} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1); err != nil {
			return fmt.Errorf("set option %d of the netlink socket: %w", option, err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer); err != nil {
		return fmt.Errorf("enlarge the netlink socket's buffer (needs CAP_NET_ADMIN): %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("read the netlink socket's port: %w", err)
	}
	s.port = name.(*unix.SockaddrNetlink).Pid
	s.raw, err = s.file.SyscallConn()
	return err
}

func (s *socket) close() error { return s.file.Close() }

func (s *socket) send(b []byte) error {
	var sent error
	err := s.raw.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return sent != unix.EAGAIN
	})
	return errors.Join(err, sent)
}

// receive returns the messages of the next datagram from the kernel. They are valid until the next call.
func (s *socket) receive() ([]syscall.NetlinkMessage, error) {
	var n int
	var from unix.Sockaddr
	var received error
	err := s.raw.Read(func(fd uintptr) bool {
		n, from, received = unix.Recvfrom(int(fd), s.buf, 0)
		return received != unix.EAGAIN
	})
	if err = errors.Join(err, received); err != nil {
		return nil, err
	}
	if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != nl.PidKernel {
		return nil, nil // another process's; the kernel delivers only privileged ones
	}
	return syscall.ParseNetlinkMessage(s.buf[:n])
}

// batch sends the requests in as few datagrams as their sizes allow, in order, and returns what became of
// each. The kernel carries out every one, also after one that it refused.
func (s *socket) batch(requests []*nl.NetlinkRequest) []error {
	results := make([]error, len(requests))
	for start := 0; start < len(requests); {
		var datagram []byte
		first, end := s.seq+1, start
		for ; end < len(requests) && end-start < maxMessages && len(datagram) < maxDatagram; end++ {
			s.seq++
			requests[end].Seq = s.seq
			datagram = append(datagram, requests[end].Serialize()...)
		}
		s.exchange(datagram, first, results[start:end])
		start = end
	}
	return results
}

// exchange sends one datagram of requests, numbered from first on, and collects their acknowledgements.
func (s *socket) exchange(datagram []byte, first uint32, results []error) {
	for i := range results {
		results[i] = errUnanswered
	}
	if err := s.file.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return
	}
	if err := s.send(datagram); err != nil {
		for i := range results {
			results[i] = err
		}
		return
	}
	for missing := len(results); missing > 0; {
		messages, err := s.receive()
		if err != nil {
			return
		}
		for _, m := range messages {
			// The difference wraps around for older messages, to more than any length.
			if i := m.Header.Seq - first; m.Header.Type == unix.NLMSG_ERROR && i < uint32(len(results)) {
				results[i] = answer(m)
				missing--
			}
		}
	}
}

// dump asks for all objects of a kind and calls each with every one of them. It starts anew when the
// objects changed meanwhile, after calling restart.
func (s *socket) dump(request *nl.NetlinkRequest, restart func(), each func(syscall.NetlinkMessage) error) error {
	for range dumpAttempts {
		restart()
		err := s.dumpOnce(request, each)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
	}
	return fmt.Errorf("%d attempts: %w", dumpAttempts, netlink.ErrDumpInterrupted)
}

func (s *socket) dumpOnce(request *nl.NetlinkRequest, each func(syscall.NetlinkMessage) error) error {
	if err := s.file.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	s.seq++
	request.Seq = s.seq
	if err := s.send(request.Serialize()); err != nil {
		return err
	}
	interrupted := false
	var failed error // kept until the dump is over, or the next request would find the socket busy
	for {
		messages, err := s.receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.Header.Seq != s.seq {
				continue
			}
			interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			switch m.Header.Type {
			case unix.NLMSG_ERROR:
				return answer(m)
			case unix.NLMSG_DONE:
				switch err := answer(m); {
				case err != nil:
					return err
				case failed == nil && interrupted:
					return netlink.ErrDumpInterrupted
				}
				return failed
			}
			if failed == nil {
				failed = each(m)
			}
		}
	}
}

// watch calls each with every notification until ctx ends. Lost notifications are one call with no message:
// the socket stays subscribed after ENOBUFS (netlink(7)).
func (s *socket) watch(ctx context.Context, each func([]syscall.NetlinkMessage)) error {
	stop := context.AfterFunc(ctx, func() { _ = s.file.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = s.file.SetReadDeadline(time.Time{})
	}()
	for {
		messages, err := s.receive()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, unix.ENOBUFS):
			each(nil)
		case err != nil:
			return fmt.Errorf("read netlink notifications: %w", err)
		case len(messages) > 0:
			each(messages)
		}
	}
}
