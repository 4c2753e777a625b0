package nodefile

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netns"

	"vipd/vip"
)

func TestResolve(t *testing.T) {
	ip := netip.MustParseAddr("10.9.0.1")
	set := Defaults()
	set.Node, set.Listen = "x", Address{netip.MustParseAddr("10.0.0.1")}
	host := func(name string, err error) func() (string, error) {
		return func() (string, error) { return name, err }
	}
	tests := []struct {
		name     string
		file     File
		hostname func() (string, error)
		err      error // of the lookup of the default route
		node, at string
		want     string
	}{
		{"all set", set, host("", errors.New("unused")), errors.New("unused"), "x", "10.0.0.1", ""},
		{"from the host", Defaults(), host("web1.example.org", nil), nil, "web1", "10.9.0.1", ""},
		{"no name", Defaults(), host("", errors.New("no /proc")), nil, "", "", "node: the host's name is unknown: no /proc: set `node` in the node file"},
		{"odd name", Defaults(), host("my_host", nil), nil, "", "", "node: the host's name, \"my_host\", cannot be a node's: set `node` in the node file"},
		{"nothing", Defaults(), host("(none)", nil), errNoDefaultRoute, "", "", "" +
			"node: the host's name, \"(none)\", cannot be a node's: set `node` in the node file\n" +
			"listen: this host's address is unknown: no default route leads out by an address of this host's own: set `listen` in the node file to the address at which the other nodes reach this one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolve(tt.file, tt.hostname, func() (netip.Addr, error) { return ip, tt.err })
			if tt.want != "" {
				if err == nil || err.Error() != tt.want {
					t.Errorf("error (-want +got):\n%s", cmp.Diff(tt.want, errorText(err)))
				}
				return
			}
			if err != nil || got.Node != tt.node || got.Listen.String() != tt.at {
				t.Errorf("resolve = %s at %s, %v; want %s at %s", got.Node, got.Listen, err, tt.node, tt.at)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The kernel's own tables decide, in a namespace made for each case.
func TestDefaultSource(t *testing.T) {
	const (
		up = "link add v0 type veth peer name v1\nlink set lo up\nlink set v0 up\nlink set v1 up\n"
		v4 = "addr add 10.1.0.5/24 dev v0\n"
	)
	tests := []struct{ name, commands, want string }{
		{"nothing", "", ""},
		{"no default route", up + v4, ""},
		{"default route", up + v4 + "route add default via 10.1.0.1", "10.1.0.5"},
		{"the route's own choice", up + v4 + "addr add 10.2.0.5/24 dev v0\nroute add default via 10.1.0.1 src 10.2.0.5", "10.2.0.5"},
		{"the gateway's network", up + "addr add 10.2.0.5/24 dev v0\n" + v4 + "route add default via 10.1.0.1", "10.1.0.5"},
		{"the better route", up + v4 + "addr add 10.2.0.5/24 dev v1\nroute add default via 10.1.0.1 metric 20\nroute add default via 10.2.0.1 metric 10", "10.2.0.5"},
		{"route over two links", up + v4 + "addr add 10.2.0.5/24 dev v1\nroute add default nexthop via 10.2.0.1 nexthop via 10.1.0.1", "10.2.0.5"},
		{"never a virtual address", up + "vip 10.1.0.100/24 v0\n" + v4 + "route add default via 10.1.0.1", "10.1.0.5"},
		{"only a virtual address", up + "vip 10.1.0.100/24 v0\nroute add default via 10.1.0.1", ""},
		{"virtual address as the route's source", up + "vip 10.1.0.100/24 v0\n" + v4 + "route add default via 10.1.0.1 src 10.1.0.100", "10.1.0.5"},
		{"an address beside it", up + v4 + "addr add 10.1.0.6/24 dev v0\nroute add default via 10.1.0.1", "10.1.0.5"},
		{"on no link of the route", up + "addr add 10.1.0.5/24 dev v1\nroute add default dev v0", ""},
		{"IPv6 without a lasting address", up + "addr add 2001:db8:1::5/64 dev v0 nodad preferred_lft 0\nroute add default via 2001:db8:1::1", ""},
		{"unreachable", up + v4 + "route add unreachable default", ""},
		{"IPv6", up + "addr add 2001:db8:1::5/64 dev v0 nodad\nroute add default via 2001:db8:1::1", "2001:db8:1::5"},
		{"IPv6 by a router on the link", up + "addr add 2001:db8:1::5/64 dev v0 nodad\nroute add default via fe80::1 dev v0", "2001:db8:1::5"},
		{"IPv4 before IPv6", up + v4 + "addr add 2001:db8:1::5/64 dev v0 nodad\nroute add default via 2001:db8:1::1\nroute add default via 10.1.0.1", "10.1.0.5"},
		{"IPv6 where IPv4 leads nowhere", up + v4 + "addr add 2001:db8:1::5/64 dev v0 nodad\nroute add default via 2001:db8:1::1", "2001:db8:1::5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			enterNamespace(t)
			for _, command := range strings.Split(strings.TrimSpace(tt.commands), "\n") {
				run(t, command)
			}
			got, err := defaultSource()
			switch {
			case tt.want == "" && !errors.Is(err, errNoDefaultRoute):
				t.Errorf("defaultSource = %v, %v; want %v", got, err, errNoDefaultRoute)
			case tt.want != "" && (err != nil || got.String() != tt.want):
				t.Errorf("defaultSource = %v, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// enterNamespace puts the test into a network namespace of its own, which ends with it.
func enterNamespace(t *testing.T) {
	t.Helper()
	_, noIP := exec.LookPath("ip")
	if os.Getuid() != 0 || noIP != nil {
		const why = "network namespaces want root and the ip command"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	runtime.LockOSThread()
	old, err := netns.Get()
	if err != nil {
		t.Fatalf("find the network namespace: %v", err)
	}
	inner, err := netns.New()
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() {
		defer old.Close()
		defer inner.Close()
		// A thread that cannot go back stays locked, and ends with this goroutine.
		if err := netns.Set(old); err != nil {
			t.Errorf("leave the network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	})
}

// run runs a command of ip in the thread's namespace, or gives an interface a virtual address: vip PREFIX LINK.
func run(t *testing.T, command string) {
	t.Helper()
	args := strings.Fields(command)
	switch {
	case command == "":
		return
	case args[0] == "vip":
		addVirtual(t, vip.Address{Prefix: netip.MustParsePrefix(args[1]), Interface: args[2]})
		return
	}
	if strings.Contains(command, "2001:db8") || strings.Contains(command, "fe80") {
		args = append([]string{"-6"}, args...)
	}
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", command, err, out)
	}
}

func addVirtual(t *testing.T, a vip.Address) {
	t.Helper()
	host, err := vip.Open(vip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	outcome, err := host.Set([]vip.Address{a})
	if err != nil || len(outcome.Added) != 1 {
		t.Fatalf("add %s: %+v, %v", a, outcome, err)
	}
}
