package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"vipd/cmd/vipd/nodefile"
)

// kernel looks for what vipd needs of it.
func (h Host) kernel(context.Context) []Finding {
	var found []Finding
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		release := unix.ByteSliceToString(name.Release[:])
		var major, minor int
		if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n == 2 && (major < 5 || major == 5 && minor < 18) {
			found = append(found, Finding{Problem, "kernel", "Linux " + release + " is older than 5.18, which marks addresses with who put them there", "install a newer kernel"})
		}
		if len(h.File.Bonds) > 0 && !h.driver(release, "bonding") {
			found = append(found, Finding{Problem, "kernel", "the node file has bonds, and the kernel has no bonding driver", "install the package with the kernel's modules, then: modprobe bonding"})
		}
		for _, u := range h.uses() {
			if u.virtualMAC && !h.driver(release, "macvlan") {
				found = append(found, Finding{Problem, "kernel", "group " + u.group + " has a virtual MAC, and the kernel has no macvlan driver", "install the package with the kernel's modules, then: modprobe macvlan"})
				break
			}
		}
	}
	if h.File.Fence != nodefile.FenceNFTables {
		return append(found, Finding{Warning, "fence", "`fence: none`: a daemon that hangs may answer for what others took over", "remove `fence` from the node file, then restart vipd"})
	}
	conn, err := nftables.New()
	if err == nil {
		_, err = conn.ListTables()
	}
	switch {
	case err == nil:
	case errors.Is(err, unix.EPERM):
		found = append(found, Finding{Note, "kernel", "whether the kernel has nftables cannot be seen without rights", "sudo vipctl doctor"})
	default:
		found = append(found, Finding{Problem, "kernel", fmt.Sprintf("nftables, which enforces the lease, does not answer: %v", err), "modprobe nf_tables"})
	}
	return found
}

// driver reports whether the kernel has a driver, or could load it. One that is built in and keeps no traces counts as
// there.
func (h Host) driver(release, name string) bool {
	if _, err := os.Stat(filepath.Join(h.Root, "sys/module", name)); err == nil {
		return true
	}
	known := false
	for _, list := range []string{"modules.dep", "modules.builtin"} {
		text, err := os.ReadFile(filepath.Join(h.Root, "lib/modules", release, list))
		known = known || err == nil
		if strings.Contains(string(text), "/"+name+".ko") {
			return true
		}
	}
	return !known
}

// rights looks at what the running daemon may do.
func (h Host) rights(context.Context) []Finding {
	if h.Daemon == 0 {
		return nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Daemon))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), "CapEff:")
	field, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	effective, err := strconv.ParseUint(field, 16, 64)
	if err != nil {
		return nil
	}
	return missing(effective, h.File)
}

// missing are the findings about capabilities that a daemon with that node file should have.
func missing(effective uint64, file nodefile.File) []Finding {
	var found []Finding
	for _, need := range []struct {
		name     string
		bit      uint
		wanted   bool
		severity Severity
		without  string
	}{
		{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, true, Problem, "it can neither add addresses nor fence them"},
		{"CAP_NET_RAW", unix.CAP_NET_RAW, true, Problem, "it cannot announce addresses"},
		{"CAP_SYS_NICE", unix.CAP_SYS_NICE, file.Realtime, Warning, "a busy host may cost it the lease"},
		{"CAP_SETUID", unix.CAP_SETUID, file.ScriptUser != "", Problem, "scripts cannot run as " + file.ScriptUser},
		{"CAP_SETGID", unix.CAP_SETGID, file.ScriptUser != "", Problem, "scripts cannot run as " + file.ScriptUser},
		{"CAP_KILL", unix.CAP_KILL, file.ScriptUser != "", Problem, "scripts that hang cannot be ended"},
	} {
		if need.wanted && effective&(1<<need.bit) == 0 {
			found = append(found, Finding{need.severity, "rights", "the daemon runs without " + need.name + ": " + need.without,
				"add it to AmbientCapabilities and CapabilityBoundingSet with: systemctl edit vipd; then restart vipd"})
		}
	}
	return found
}
