package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// relay is a cable whose frames travel through this process: it stands between the switch's end of the cable, which is
// taken out of the bridge, and a tap in the bridge. Kernels without netem can do nothing of the kind.
//
// Frames have virtio's header in front, by which checksums that are not made yet, and segments that are not cut yet, go
// from one end to the other as they are.
type relay struct {
	tap   netlink.Link
	ends  [2]*os.File // tap, cable
	tasks sync.WaitGroup
}

const (
	virtioHeader = 10
	largestFrame = virtioHeader + 1<<16 + 64
	// socketBuffer is what the kernel keeps while this process does other things, in bytes.
	socketBuffer = 4 << 20
)

// Travel has the frames of the cable travel in another way. [Port.Mend] ends it.
func (p *Port) Travel(t Transit) error {
	if err := p.straighten(); err != nil {
		return err
	}
	r, err := p.openRelay()
	if err != nil {
		return fmt.Errorf("relay %s: %w", p, err)
	}
	// The filter knows the tap before a frame can come by it.
	p.lab.mu.Lock()
	p.relay = r
	err = p.lab.applyFilter()
	p.lab.mu.Unlock()
	nl := p.lab.Switch.nl
	if err == nil {
		err = errors.Join(nl.LinkSetNoMaster(p.link), nl.LinkSetMaster(r.tap, p.bridge), nl.LinkSetUp(r.tap))
	}
	if err != nil {
		return fmt.Errorf("relay %s: %w", p, errors.Join(err, p.straighten()))
	}
	r.carry(0, 1, t)
	r.carry(1, 0, t)
	return nil
}

// links are what stands, or is about to stand, for the port in a bridge. The lab's mutex is held.
func (p *Port) links() []netlink.Link {
	if p.relay == nil {
		return []netlink.Link{p.link}
	}
	return []netlink.Link{p.link, p.relay.tap}
}

// bridged is what is in the bridge.
func (p *Port) bridged() netlink.Link {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	links := p.links()
	return links[len(links)-1]
}

// straighten ends the relay. The cable's end is in no bridge then.
func (p *Port) straighten() error {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	r := p.relay
	if r == nil {
		return nil
	}
	p.relay = nil
	if err := errors.Join(r.close(), p.lab.applyFilter()); err != nil {
		return fmt.Errorf("end the relay of %s: %w", p, err)
	}
	return nil
}

// close ends it; the tap goes with its file.
func (r *relay) close() error {
	err := errors.Join(r.ends[0].Close(), r.ends[1].Close())
	r.tasks.Wait()
	return err
}

// endRelays ends them on hosts that are about to be removed; a lab that is kept has cut cables in their place.
func endRelays(hosts []*Host) error {
	var errs []error
	for _, h := range hosts {
		if h == nil {
			continue
		}
		for _, p := range append([]*Port{h.Port, h.Second}, h.More...) {
			if p != nil {
				errs = append(errs, p.straighten())
			}
		}
	}
	return errors.Join(errs...)
}

func (p *Port) openRelay() (*relay, error) {
	r, name := &relay{}, "via-"+p.link.Name
	err := p.lab.Switch.Do(func() (err error) {
		if r.ends[0], err = openTap(name); err != nil {
			return fmt.Errorf("make tap %s: %w", name, err)
		}
		if r.ends[1], err = openCable(p.link.Index); err != nil {
			return errors.Join(fmt.Errorf("open %s: %w", p, err), r.ends[0].Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if r.tap, err = p.lab.Switch.nl.LinkByName(name); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openCable opens a link for the frames that come in, and for those that go out.
func openCable(index int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for option, value := range map[int]int{unix.PACKET_VNET_HDR: 1, unix.PACKET_IGNORE_OUTGOING: 1} {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_PACKET, option, value))
	}
	all := uint16(unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8) // in the network's order
	err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}))
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "cable"), nil
}

// carry carries frames from one end to the other until both are closed.
func (r *relay) carry(from, to int, t Transit) {
	read := make(chan frame, 64)
	r.tasks.Go(func() {
		defer close(read)
		for buffer := make([]byte, largestFrame); ; {
			n, err := r.ends[from].Read(buffer)
			switch {
			case err == nil:
				read <- frame{append([]byte(nil), buffer[:n]...), time.Now()}
			case !errors.Is(err, unix.ENETDOWN): // closed, or gone with its namespace
				return
			}
		}
	})
	r.tasks.Go(func() { r.deliver(read, to, lane{transit: t, below: rand.Int64N}) })
}

// deliver writes frames when they are due. What cannot be written, as to a link that is down, is lost.
func (r *relay) deliver(read <-chan frame, to int, l lane) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case f, open := <-read:
			if !open {
				return
			}
			l.send(f.data, f.due)
		case <-timer.C:
		}
		for _, data := range l.arrived(time.Now()) {
			if _, err := r.ends[to].Write(data); errors.Is(err, os.ErrClosed) {
				break
			}
		}
		if len(l.frames) > 0 {
			timer.Reset(time.Until(l.frames[0].due))
		}
	}
}
