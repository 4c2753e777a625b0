package quiet

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// order is the kernel's, for the race detector: what is received was sent before. Package syscall tells it the same.
var order atomic.Uint64

// sendto sends what there is room for, and fails with EAGAIN if there is none. A nil address is that of the peer.
func sendto(fd uintptr, data []byte, to *address) (int, error) {
	var target, size uintptr
	if to != nil {
		target, size = uintptr(unsafe.Pointer(&to.any)), uintptr(to.size)
	}
	order.Add(1)
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
			unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, target, size)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// recvfrom takes what waits, and fails with EAGAIN if nothing does.
func recvfrom(fd uintptr, buffer []byte, from *address) (int, error) {
	var source, size uintptr
	if from != nil {
		from.size = unix.SizeofSockaddrAny
		source, size = uintptr(unsafe.Pointer(&from.any)), uintptr(unsafe.Pointer(&from.size))
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)),
			unix.MSG_DONTWAIT, source, size)
		switch errno {
		case 0:
			order.Load()
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// address is one as the kernel takes and gives it.
type address struct {
	any  unix.RawSockaddrAny
	size uint32
}

// set makes it an address and port; zone is an interface's index, for IPv6.
func (a *address) set(to netip.AddrPort, zone uint32) {
	if ip := to.Addr().Unmap(); ip.Is4() {
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.any))
		*in = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: htons(to.Port()), Addr: ip.As4()}
		a.size = unix.SizeofSockaddrInet4
		return
	}
	in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.any))
	*in = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: htons(to.Port()), Addr: to.Addr().As16(), Scope_id: zone}
	a.size = unix.SizeofSockaddrInet6
}

// addrPort is the address without its zone; the zero value if it is of another family.
func (a *address) addrPort() netip.AddrPort {
	switch a.any.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.any))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), htons(in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.any))
		return netip.AddrPortFrom(netip.AddrFrom16(in.Addr).Unmap(), htons(in.Port))
	}
	return netip.AddrPort{}
}

// htons turns a number of this host's byte order into one of the network's, and back.
func htons(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}
