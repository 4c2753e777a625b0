package quiet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a TCP connection.
type conn struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Conn returns a TCP connection that reads and writes quietly; one of another kind it returns as it is.
func Conn(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c // it is closed: the next call says so
	}
	return &conn{TCPConn: tcp, raw: raw}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	waitErr := c.raw.Read(func(fd uintptr) bool {
		n, err = recvfrom(fd, p, nil)
		return !errors.Is(err, unix.EAGAIN)
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, c.failure("read", "recvfrom", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (written int, err error) {
	waitErr := c.raw.Write(func(fd uintptr) bool {
		for written < len(p) {
			var n int
			if n, err = sendto(fd, p[written:], nil); err != nil {
				return !errors.Is(err, unix.EAGAIN)
			}
			written += n
		}
		return true
	})
	switch {
	case waitErr != nil:
		return written, waitErr
	case err != nil:
		return written, c.failure("write", "sendto", err)
	}
	return written, nil
}

func (c *conn) failure(op, call string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(call, err)}
}
