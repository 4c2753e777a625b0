package quiet

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func listen(t *testing.T, at string) *UDP {
	t.Helper()
	u, err := ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(at), 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = u.Close() }) // more than once in some tests
	return u
}

func addrOf(u *UDP, at string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(at), uint16(u.Port()))
}

func TestPackets(t *testing.T) {
	for _, at := range []string{"127.0.0.1", "::1"} {
		a, b := listen(t, at), listen(t, at)
		got := make(chan string)
		var woken atomic.Int32
		var reader sync.WaitGroup
		reader.Go(func() {
			buffer := make([]byte, 100)
			b.Wait(func() {
				woken.Add(1)
				for {
					n, from, err := b.Receive(buffer)
					if err != nil {
						if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, net.ErrClosed) {
							t.Errorf("receive: %v", err)
						}
						return
					}
					if from != addrOf(a, at) {
						t.Errorf("from %v, want %v", from, addrOf(a, at))
					}
					got <- string(buffer[:n])
				}
			})
		})
		for _, text := range []string{"one", "two", "three"} {
			if err := a.Send([]byte(text), addrOf(b, at)); err != nil {
				t.Fatal(err)
			}
			if s := <-got; s != text {
				t.Errorf("got %q, want %q", s, text)
			}
		}
		// What b sends is room again when a has read it, of which nobody wants to hear.
		before := woken.Load()
		for range 10 {
			if err := b.Send([]byte("back"), addrOf(a, at)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.Receive(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		if n := woken.Load() - before; n > 1 { // once it may not have begun to wait
			t.Errorf("sending woke the reader %d times", n)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		reader.Wait()
		if _, _, err := b.Receive(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("receive from a closed socket: %v", err)
		}
		if err := b.Send([]byte("x"), addrOf(a, at)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("send to a closed socket: %v", err)
		}
	}
}

func TestListenWhereSomebodyIs(t *testing.T) {
	u := listen(t, "127.0.0.1")
	if _, err := ListenUDP(addrOf(u, "127.0.0.1")); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second socket: %v", err)
	}
}
