package gossip

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// inSegment runs fn in a network namespace that has 10.1.0.1/24 on a segment where nobody else is. It skips
// the test without root, or fails it if CI=true.
func inSegment(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the namespace
		ns, err := netns.New()
		if err == nil {
			defer ns.Close()
			err = makeSegment()
		}
		if err == nil {
			fn()
		}
		done <- err
	}()
	if err := <-done; err != nil && os.Getenv("CI") != "true" && errors.Is(err, os.ErrPermission) {
		t.Skipf("cannot run here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
}

func makeSegment() error {
	veth := netlink.NewVeth(netlink.NewLinkAttrs())
	veth.Name, veth.PeerName = "here", "nobody"
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	address, err := netlink.ParseAddr("10.1.0.1/24")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(veth, address); err != nil {
		return err
	}
	for _, name := range []string{"lo", "here", "nobody"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	return nil
}

// While the link-layer addresses of dead hosts are asked for, what was sent to them waits in the kernel. Neither
// must sending wait for that, nor what is for others be lost.
func TestDeadHostsHoldUpNobody(t *testing.T) {
	inSegment(t, func() {
		tr, err := newTransport(Options{Listen: netip.MustParseAddr("10.1.0.1"), Port: 7946, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Error(err)
			return
		}
		defer tr.Shutdown()
		living, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(10, 1, 0, 1)})
		if err != nil {
			t.Error(err)
			return
		}
		defer living.Close()
		packet := make([]byte, 1300)
		begin := time.Now()
		for i := range 1000 { // some seconds' worth of a fast profile
			for _, dead := range []string{"10.1.0.2:7946", "10.1.0.3:7946"} {
				_, _ = tr.WriteTo(packet[:100+i%4*400], dead) // lost either way
			}
		}
		// The kernel gives the dead up after three seconds.
		if took := time.Since(begin); took > time.Second {
			t.Errorf("sending to dead hosts took %v", took)
		}
		if _, err := tr.WriteTo([]byte("alive"), living.LocalAddr().String()); err != nil {
			t.Errorf("nothing goes to the living: %v", err)
			return
		}
		_ = living.SetReadDeadline(time.Now().Add(time.Second))
		n, err := living.Read(packet)
		if err != nil || string(packet[:n]) != "alive" {
			t.Errorf("the living got %q, %v", packet[:n], err)
		}
	})
}
