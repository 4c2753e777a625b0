package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// daemonUser is a user that no host has: neither its name nor its files help the daemon.
const daemonUser = 64321

// granted returns the capabilities that the unit grants, as setpriv(1) takes them.
func granted(t *testing.T) string {
	t.Helper()
	unit, err := os.ReadFile("../packaging/vipd.service")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^AmbientCapabilities=(.*)$`).FindSubmatch(unit)
	if line == nil {
		t.Fatal("the unit grants nothing")
	}
	return strings.ToLower(strings.NewReplacer("CAP_", "+", " ", ",").Replace(string(line[1])))
}

// unprivileged is a command that runs a daemon as the unit does: as a user, with the unit's capabilities and no more.
func unprivileged(t *testing.T, environment ...string) []string {
	caps := granted(t)
	user := fmt.Sprint(daemonUser)
	return append(append([]string{"env"}, environment...),
		"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs",
		"--bounding-set", "-all,"+caps, "--inh-caps", "-all,"+caps, "--ambient-caps", "-all,"+caps)
}

// give makes a host's directory the daemon's user's.
func give(h *lab.Host) (string, error) {
	if err := os.Chmod(filepath.Dir(h.Dir), 0o711); err != nil {
		return "", err
	}
	return "", os.Chown(h.Dir, daemonUser, daemonUser)
}

// manager is the service manager's end of sd_notify(3).
type manager struct {
	mu   sync.Mutex
	said []string
}

func listen(t *testing.T) (*manager, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "vipd-notify")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	m := &manager{}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.said = append(m.said, string(buffer[:n]))
			m.mu.Unlock()
		}
	}()
	return m, path
}

// hears waits until the manager is told something with all of some texts, and forgets it and what was before.
func (m *manager) hears(s *scene, texts ...string) {
	s.Helper()
	s.await(fmt.Sprintf("the service manager is told %q", texts), func(context.Context) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for i, said := range m.said {
			all := true
			for _, text := range texts {
				all = all && strings.Contains(said, text)
			}
			if all {
				m.said = m.said[i+1:]
				return nil
			}
		}
		return fmt.Errorf("it was told %q", m.said)
	})
}

// What the unit grants is enough for all that a daemon does: real-time scheduling, addresses behind the fence, a virtual
// MAC with the settings of the interface below, asking a gateway, and scripts as another user, which get none of it.
func TestUnprivileged(t *testing.T) {
	dir := scriptDir(t)
	script(t, dir, "rights", `[ "$(id -u)" = 65534 ] && grep -q '^CapEff:.0000000000000000$' /proc/self/status || { grep Cap /proc/self/status | tr '\n' ' '; exit 1; }`)
	script(t, dir, "hangs", "sleep 600")
	s := &scene{t, harness.New(t, harness.Options{
		Nodes: 1, Wrapper: unprivileged(t), Prepare: give, Config: "script_user: nobody\nscript_dirs: [" + dir + "]\n",
	})}
	n := s.Nodes[0]
	g := harness.Group("web", web4.String()+"/24")
	g.VRRP = &state.VRRP{RouterID: 51, Version: 2, AdvertInt: time.Second, VirtualMAC: true}
	g.Checks = []state.CheckUse{{Name: "rights"}, {Name: "init"}, {Name: "hangs", Weight: -1}, {Name: "gateway"}, {Name: "neighbour4"}, {Name: "neighbour6"}}
	gateway := s.Lab.Client
	hangs := every("hangs", state.Check{Script: &state.ScriptCheck{Path: dir + "/hangs"}})
	hangs.Timeout = 200 * time.Millisecond
	_, err := n.Client.Apply(s.wait(), api.ApplyRequest{Groups: []state.Group{g}, Checks: []state.Check{
		every("rights", state.Check{Script: &state.ScriptCheck{Path: dir + "/rights"}}),
		every("init", state.Check{Process: &state.ProcessCheck{Name: "vipd", Quorum: 1}}),
		every("gateway", state.Check{Ping: &state.PingCheck{Address: gateway.IPv4.Addr().String(), Count: 3, Answers: 2}}),
		every("neighbour4", state.Check{ARP: &state.ARPCheck{Address: gateway.IPv4.Addr().String(), Interface: "eth0"}}),
		every("neighbour6", state.Check{ARP: &state.ARPCheck{Address: gateway.IPv6.Addr().String(), Interface: "eth0"}}),
		hangs,
	}})
	s.must(err)
	s.must(s.AwaitGroup(s.wait(), "web", "is carried by the master", func(g api.GroupStatus) bool { return g.VRRP != nil && g.VRRP.State == "MASTER" }))
	s.await("the address is on the virtual MAC", func(context.Context) error {
		if out := s.ip(n, "-o", "addr", "show", "vrrp.51"); !strings.Contains(out, web4.String()) {
			return fmt.Errorf("there is %s", out)
		}
		return nil
	})
	s.await("the checks say what they should", func(ctx context.Context) error {
		list, err := n.Client.Checks(ctx)
		if err != nil {
			return err
		}
		for _, c := range list.Checks {
			if len(c.Nodes) != 1 || (c.Nodes[0].State == "ok") != (c.Name != "hangs") || c.Nodes[0].State == "waiting" {
				return fmt.Errorf("%s says %+v", c.Name, c.Nodes)
			}
		}
		return nil
	})
	s.await("scripts that hung are gone", func(context.Context) error { return atMost(dir+"/hangs", 2) })
	for _, complaint := range []string{"operation not permitted", "permission denied", "may cost this node its lease"} {
		if strings.Contains(n.Log(1<<20), complaint) {
			t.Errorf("the daemon says %q", complaint)
		}
	}
	s.must(n.Terminate(s.wait()))
}

// atMost reports an error if more processes than that have a word in their command line.
func atMost(word string, limit int) error {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	n := 0
	for _, line := range lines {
		if text, err := os.ReadFile(line); err == nil && strings.Contains(string(text), word) {
			n++
		}
	}
	if n > limit {
		return fmt.Errorf("%d processes of %s", n, word)
	}
	return nil
}

// What systemd is told, and what a reload does: what can be changed is, what cannot is named, and a wrong file changes nothing.
func TestService(t *testing.T) {
	m, socket := listen(t)
	s := &scene{t, harness.New(t, harness.Options{
		Nodes: 1, Prepare: give,
		Wrapper: unprivileged(t, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=400000"),
	})}
	n := s.Nodes[0]
	m.hears(s, "READY=1", "STATUS=")
	m.hears(s, "STATUS=member of cluster")
	m.hears(s, "WATCHDOG=1")

	t.Log("a file with changes, one of which takes a restart")
	original, err := os.ReadFile(n.NodeFile)
	s.must(err)
	s.must(os.WriteFile(n.NodeFile, append(original, "log: {level: debug}\nscript_dirs: []\nrealtime: false\nlabels: {rack: b}\n"...), 0o644))
	s.must(syscall.Kill(n.Process().Pid, syscall.SIGHUP))
	m.hears(s, "RELOADING=1", "MONOTONIC_USEC=")
	m.hears(s, "READY=1", "STATUS=member of cluster", "takes a restart: realtime")
	result, err := n.Client.Reload(s.wait())
	s.must(err)
	if len(result.Changes) != 1 || result.Changes[0].Key != "realtime" || result.Changes[0].Live {
		t.Errorf("a second reload finds %+v", result.Changes)
	}
	if log := n.Log(1 << 20); !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "key=script_dirs") {
		t.Errorf("the level, or what was applied, is not in the log")
	}
	s.await("the cluster knows the label", func(ctx context.Context) error {
		status, err := n.Status(ctx)
		if err == nil && (len(status.Nodes) != 1 || status.Nodes[0].Labels["rack"] != "b") {
			err = fmt.Errorf("it says %+v", status.Nodes)
		}
		return err
	})

	t.Log("a file with a mistake")
	s.must(os.WriteFile(n.NodeFile, append(original, "fence: of\n"...), 0o644))
	s.must(syscall.Kill(n.Process().Pid, syscall.SIGHUP))
	m.hears(s, "READY=1", "node file refused: "+n.NodeFile, "fence")
	if _, err := n.Client.Reload(s.wait()); err == nil || !strings.Contains(err.Error(), `"of" is not a choice`) {
		t.Errorf("reload says %v", err)
	}
	if status, err := n.Status(s.wait()); err != nil || !status.Quorum {
		t.Errorf("after a wrong file: %+v, %v", status, err)
	}
	m.hears(s, "WATCHDOG=1")

	t.Log("the file as it was")
	s.must(os.WriteFile(n.NodeFile, original, 0o644))
	result, err = n.Client.Reload(s.wait())
	s.must(err)
	for _, c := range result.Changes {
		if !c.Live {
			t.Errorf("%+v takes a restart, although the daemon runs with it", c)
		}
	}
	s.must(n.Terminate(s.wait()))
	m.hears(s, "STOPPING=1")
}
