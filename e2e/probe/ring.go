package probe

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ring of received frames, shared with the kernel (TPACKET_V2, see
// packet_mmap in the kernel's documentation). Frames of the probe are below 100
// bytes, and the kernel's header takes about 80.
const (
	ringFrame  = 256
	ringBlock  = 1 << 16
	ringBlocks = 32
	ringFrames = ringBlocks * ringBlock / ringFrame
)

// ring is a packet socket on one interface.
type ring struct {
	fd   int
	mem  []byte
	next int
	// alone waits behind the back of the Go runtime, which would otherwise wake
	// up 50000 times a second to see whether this thread still sleeps. The price
	// is that the runtime interrupts the thread now and then and takes others to
	// resume it: good only where those are as urgent as this one.
	alone bool
}

// openRing opens the socket in the network namespace of the calling thread.
func openRing(ifi *net.Interface) (*ring, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	r := &ring{fd: fd}
	if err := r.setUp(ifi); err != nil {
		return nil, errors.Join(fmt.Errorf("set up packet socket on %s: %w", ifi.Name, err), r.close())
	}
	return r, nil
}

func (r *ring) setUp(ifi *net.Interface) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return err
	}
	if err := unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter()); err != nil {
		return err
	}
	req := unix.TpacketReq{Block_size: ringBlock, Block_nr: ringBlocks, Frame_size: ringFrame, Frame_nr: ringFrames}
	if err := unix.SetsockoptTpacketReq(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	var err error
	r.mem, err = unix.Mmap(r.fd, 0, ringBlock*ringBlocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: ifi.Index})
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// filter lets ARP, ICMP and ICMPv6 through.
func filter() *unix.SockFprog {
	const load8, load16 = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	const equal, ret = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	prog := []unix.SockFilter{
		{Code: load16, K: 12},
		{Code: equal, K: etherARP, Jt: 6},
		{Code: equal, K: etherIPv4, Jf: 2},
		{Code: load8, K: ethLen + 9},
		{Code: equal, K: protoICMP, Jt: 3, Jf: 4},
		{Code: equal, K: etherIPv6, Jf: 3},
		{Code: load8, K: ethLen + 6},
		{Code: equal, K: protoICMPv6, Jf: 1},
		{Code: ret, K: ringFrame},
		{Code: ret, K: 0},
	}
	return &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
}

// each hands every frame received so far to fn with the kernel's time stamp
// (Unix nanoseconds) and returns how many there were. fn must not keep the frame.
func (r *ring) each(fn func(frame []byte, at int64)) int {
	for n := 0; ; n++ {
		slot := r.mem[r.next*ringFrame:][:ringFrame]
		h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
		if atomic.LoadUint32(&h.Status)&unix.TP_STATUS_USER == 0 {
			return n
		}
		fn(slot[h.Mac:][:h.Snaplen], int64(h.Sec)*int64(time.Second)+int64(h.Nsec))
		atomic.StoreUint32(&h.Status, unix.TP_STATUS_KERNEL)
		r.next = (r.next + 1) % ringFrames
	}
}

func (r *ring) send(frame []byte) error {
	_, err := unix.Write(r.fd, frame)
	return err
}

// wait sleeps until a frame is there or the time is over.
func (r *ring) wait(d time.Duration) {
	fds := [1]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}}
	ts := unix.NsecToTimespec(int64(d))
	// An interrupted wait is as good as one that is over.
	if r.alone {
		_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		return
	}
	_, _ = unix.Ppoll(fds[:], &ts, nil)
}

// dropped returns how many frames found no room since the last call.
func (r *ring) dropped() int {
	st, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return int(st.Drops)
}

func (r *ring) close() error {
	if r.mem != nil {
		if err := unix.Munmap(r.mem); err != nil {
			return err
		}
	}
	return unix.Close(r.fd)
}
