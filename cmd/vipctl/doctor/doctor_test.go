package doctor

import (
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/cmd/vipd/nodefile"
)

// network gives the test a network of its own with an interface a0, 10.9.1.1/24, and one b0, with what the test says.
func network(t *testing.T, b0 string) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with the test
	ns, err := netns.New()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("needs root: %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	for name, prefix := range map[string]string{"a0": "10.9.1.1/24", "b0": b0} {
		link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
		if err := netlink.LinkAdd(link); err != nil {
			t.Fatal(err)
		}
		addr, err := netlink.ParseAddr(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"arp_ignore", "arp_announce", "rp_filter"} {
			set(t, name, key, "0")
		}
		set(t, name, "promote_secondaries", "1")
	}
	for _, key := range []string{"arp_ignore", "arp_announce", "rp_filter", "promote_secondaries"} {
		set(t, "all", key, "0")
	}
}

func set(t *testing.T, link, key, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+link+"/"+key, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// served is a host whose cluster has a group on a0.
func served() Host {
	return Host{
		Root: "/nowhere", File: nodefile.Defaults(), Status: &api.Status{Cluster: "c"},
		Spec: &api.Specification{Groups: []state.Group{{Name: "web", Interface: "a0", Addresses: []state.Address{{Prefix: netip.MustParsePrefix("10.9.1.100/24"), Interface: "a0"}}}}},
	}
}

func texts(found []Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(string(f.Severity) + ": " + f.Text + "\n  " + f.Remedy + "\n")
	}
	return b.String()
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name, b0, link, key, value string
		want                       string // a beginning
	}{
		{"nothing", "10.9.2.1/24", "a0", "rp_filter", "2", ""},
		{"loose ARP, one network", "10.9.1.2/24", "a0", "arp_ignore", "0", "warning: a0 and b0 are on one network, 10.9.1.0/24"},
		{"strict routing", "10.9.2.1/24", "all", "rp_filter", "1", "warning: rp_filter is strict on a0"},
		{"no promotion", "10.9.2.1/24", "a0", "promote_secondaries", "0", "warning: promote_secondaries is 0 on a0"},
		{"deaf", "10.9.2.1/24", "all", "arp_ignore", "8", "problem: arp_ignore is 8 on a0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			network(t, tt.b0)
			set(t, tt.link, tt.key, tt.value)
			found := texts(served().settings(t.Context()))
			if rest := strings.ReplaceAll(found, "note: net.ipv4.ip_nonlocal_bind", ""); tt.want == "" && strings.Contains(rest, "warning") || !strings.Contains(found, tt.want) {
				t.Errorf("finds\n%swant %q", found, tt.want)
			}
		})
	}
}

// What systemd-networkd and NetworkManager keep about links, and what keeps networkd from removing addresses.
func TestManagers(t *testing.T) {
	network(t, "10.9.2.1/24")
	link, err := netlink.LinkByName("a0")
	if err != nil {
		t.Fatal(err)
	}
	h := served()
	h.Root = t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(h.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	index := "/" + strconv.Itoa(link.Attrs().Index)
	if found := h.managers(t.Context()); len(found) > 0 {
		t.Errorf("without any: %+v", found)
	}
	write("run/systemd/netif/links"+index, "ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/a.network\n")
	write("etc/systemd/network/a.network", "[Match]\nName=a0\n")
	write("run/NetworkManager/devices"+index, "[device]\nmanaged=true\n")
	found := texts(h.managers(t.Context()))
	for _, want := range []string{"systemd-networkd configures a0", "KeepConfiguration=static", "NetworkManager configures a0", "interface-name:a0"} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in\n%s", want, found)
		}
	}
	write("etc/systemd/network/a.network.d/keep.conf", "[Network]\nKeepConfiguration=static\n")
	write("run/NetworkManager/devices"+index, "[device]\nmanaged=false\n")
	if found := h.managers(t.Context()); len(found) > 0 {
		t.Errorf("both leave it alone: %+v", found)
	}
}

func TestMissingRights(t *testing.T) {
	file := nodefile.Defaults()
	all := uint64(1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_SYS_NICE)
	if found := missing(all, file); len(found) > 0 {
		t.Errorf("all there: %+v", found)
	}
	file.ScriptUser = "nobody"
	found := texts(missing(1<<unix.CAP_NET_ADMIN, file))
	for _, want := range []string{"problem: the daemon runs without CAP_NET_RAW", "warning: the daemon runs without CAP_SYS_NICE", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"} {
		if !strings.Contains(found, want) {
			t.Errorf("no %q in\n%s", want, found)
		}
	}
}

func TestClockRate(t *testing.T) {
	for _, tt := range []struct {
		tick, freq int64
		bad        bool
	}{{10000, 0, false}, {10000, 500 << 16, false}, {10049, 0, false}, {10051, 0, true}, {9949, 0, true}, {9952, -300 << 16, true}} {
		if got := len(rate(tt.tick, tt.freq)) > 0; got != tt.bad {
			t.Errorf("tick %d, frequency %d: found %v", tt.tick, tt.freq, got)
		}
	}
}

func TestDiskAndScripts(t *testing.T) {
	dir := t.TempDir()
	if took, err := syncTime(dir); err != nil || took < 0 {
		t.Errorf("%v, %v", took, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("leaves %v, %v", left, err)
	}
	h := Host{File: nodefile.Defaults()}
	h.File.ScriptDirs = []string{dir, "/nowhere", "/etc"}
	found := texts(h.scripts(t.Context())) // a temporary directory is below one that all can write to
	if !strings.Contains(found, "scripts in "+dir+" do not run") || strings.Contains(found, "nowhere") || strings.Contains(found, "/etc") {
		t.Errorf("finds\n%s", found)
	}
}

// Without a daemon it goes by the node file, and says what it could not see.
func TestWithoutDaemon(t *testing.T) {
	h := Host{Root: "/", File: nodefile.Defaults(), FileErr: os.ErrInvalid, SilentErr: api.ErrUnreachable}
	h.File.DataDir = t.TempDir()
	found := Examine(t.Context(), h)
	if len(found) == 0 || found[0].Severity != Problem || found[0].About != "node file" {
		t.Errorf("the worst is not first: %+v", found)
	}
	if !strings.Contains(texts(found), "note: vipd does not answer") {
		t.Errorf("does not say that there is no daemon:\n%s", texts(found))
	}
}
