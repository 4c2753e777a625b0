package fence

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of a transaction. Go's scheduler is not told of a short one: it would wake the thread that looks for calls
// that wait, which goes on to poll for a while and costs more than the renewal of a lease.

// short is the length of a batch that the kernel deals with in some ten microseconds.
const short = 4 << 10

// sendto hands data to the kernel, which has dealt with it when this returns. If somebody else changes the rules of
// this network namespace just then, it waits for that.
func sendto(fd int, data []byte) error {
	kernel := unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}
	var errno syscall.Errno
	if len(data) > short {
		_, _, errno = unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
			0, uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
	} else {
		_, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(len(data)),
			0, uintptr(unsafe.Pointer(&kernel)), unix.SizeofSockaddrNetlink)
	}
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
