package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Caller is the process at the other end of a connection, by the kernel's word: its user and groups when it connected.
type Caller struct {
	UID    uint32
	groups []uint32 // that it is in, its own first
}

// Name is the user's name, or its number where it has none.
func (c Caller) Name() string {
	id := strconv.FormatUint(uint64(c.UID), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

type callerKey struct{}

// CallerOf returns who asked for what goes on under ctx. It is not known for what no one asked for.
func CallerOf(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok
}

func withCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// peerOf asks the kernel who is at the other end (unix(7), SO_PEERCRED and SO_PEERGROUPS).
func peerOf(conn *net.UnixConn) (Caller, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Caller{}, err
	}
	var c Caller
	var failed error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); failed != nil {
			return
		}
		c = Caller{UID: cred.Uid, groups: []uint32{cred.Gid}}
		var more []uint32
		more, failed = peerGroups(fd)
		c.groups = append(c.groups, more...)
	})
	if err = errors.Join(err, failed); err != nil {
		return Caller{}, fmt.Errorf("ask who is at the other end of the socket: %w", err)
	}
	return c, nil
}

// peerGroups returns the other end's supplementary groups, of which Linux allows 65536. Kernels before 4.13 do not tell.
func peerGroups(fd uintptr) ([]uint32, error) {
	for n := 64; ; n *= 4 {
		groups := make([]uint32, n)
		size := uint32(n * 4) //nolint:gosec // at most 2^20
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ENOPROTOOPT:
			return nil, nil
		case errno != unix.ERANGE || n > 1<<16:
			return nil, errno
		}
	}
}

// Access says who may do what at the socket: its owner, group and mode, who may open it; the rest, who may command. The
// zero value is a socket of the daemon's user and group, with mode 0660.
type Access struct {
	Mode  os.FileMode // 0: 0660
	Owner *uint32     // user of the socket; nil: the daemon's
	Group *uint32     // nil: the daemon's
	// Command is a group whose members may command, besides root and the daemon's own user; nil: none.
	Command     *uint32
	CommandName string // how that group is called
}

// trusts reports whether a caller may command.
func (a Access) trusts(c Caller) bool {
	return c.UID == 0 || int(c.UID) == os.Geteuid() ||
		a.Command != nil && slices.Contains(c.groups, *a.Command)
}

// refusal says why a caller may not command, and what to do.
func (a Access) refusal(c Caller) string {
	who := "root"
	if a.Command != nil {
		who += " or a member of the group " + a.CommandName
	}
	text := fmt.Sprintf("%s may look, and not command: run vipctl as %s", c.Name(), who)
	if a.Command == nil {
		text += ", or name a group of those who may as `command_group` in the node file"
	}
	return text
}

// restrict gives a socket its owner and mode.
func (a Access) restrict(path string) error {
	same := -1
	owner, group := same, same
	if a.Owner != nil {
		owner = int(*a.Owner)
	}
	if a.Group != nil {
		group = int(*a.Group)
	}
	if owner != same || group != same {
		if err := os.Lchown(path, owner, group); err != nil {
			return fmt.Errorf("give the socket its owner: %w; it takes root or CAP_CHOWN, or a group that the daemon's user is in", err)
		}
	}
	mode := a.Mode
	if mode == 0 {
		mode = 0o660
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("restrict %s: %w", path, err)
	}
	return nil
}
