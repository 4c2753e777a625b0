package fence

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of a renewal, of which Go's scheduler is not told: it would wake the thread that looks for calls that wait,
// which goes on to poll for a while and costs more than the renewal.

// sendto hands data to the kernel, which has dealt with it when this returns. If somebody else changes the rules of
// this network namespace just then, it waits for that.
func sendto(fd int, data []byte) error {
	kernel := unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
		0, uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
	if errno != 0 {
		return errno
	}
	return nil
}

// recv takes a message that waits, or fails with EAGAIN.
func recv(fd int, buffer []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)),
		unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
