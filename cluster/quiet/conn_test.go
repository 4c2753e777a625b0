package quiet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/net/nettest"
	"golang.org/x/sys/unix"
)

// pair returns the two ends of a TCP connection.
func pair() (a, b net.Conn, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, err
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		return nil, nil, nil, errors.Join(err, a.Close())
	}
	a, b = Conn(a), Conn(b)
	return a, b, func() { a.Close(); b.Close() }, nil
}

func TestConn(t *testing.T) { nettest.TestConn(t, pair) }

// More than the kernel takes at once goes out whole, and the end of it is seen.
func TestMuch(t *testing.T) {
	a, b, stop, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	go func() {
		if n, err := a.Write(data); n != len(data) || err != nil {
			t.Errorf("wrote %d of %d: %v", n, len(data), err)
		}
		a.Close()
	}()
	if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d of %d: %v", len(got), len(data), err)
	}
}

func TestFailures(t *testing.T) {
	a, b, stop, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if err := a.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past the deadline: %v", err)
	}
	if err := b.(*conn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	b.Close() // resets
	if err := a.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("after a reset: %v", err)
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("writing after a reset: %v", err)
	}
	a.Close()
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading when closed: %v", err)
	}
}
