// Package selftest has tests for the virtual-machine lane to run: they pass
// only inside a machine, and one fails there on purpose when asked to.
package selftest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"vipd/e2e/vm"
)

func TestInsideDrivers(t *testing.T) {
	needMachine(t)
	for _, link := range []netlink.Link{
		netlink.NewLinkBond(netlink.LinkAttrs{Name: "bond7"}),
		&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "dummy7"}},
		&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth7"}, PeerName: "veth8"},
		&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "team7"}, LinkType: "team"},
	} {
		t.Run(link.Type(), func(t *testing.T) {
			if err := netlink.LinkAdd(link); err != nil {
				t.Fatal(err)
			}
			if err := netlink.LinkDel(link); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestInsideProgram(t *testing.T) {
	needMachine(t)
	out, err := exec.Command("ip", "-o", "link", "show", "lo").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "LOOPBACK") {
		t.Fatalf("ip link show lo: %v\n%s", err, out)
	}
}

func TestInsideTestdata(t *testing.T) {
	needMachine(t)
	if text, err := os.ReadFile("testdata/hello"); err != nil || string(text) != "hello\n" {
		t.Fatalf("read testdata: %q, %v", text, err)
	}
}

func TestInsideSkips(t *testing.T) {
	needMachine(t)
	t.Skip("as asked")
}

func TestInsideFails(t *testing.T) {
	if os.Getenv("SELFTEST_FAIL") == "" {
		t.Skip("fails only when asked to")
	}
	t.Error("as asked")
}

func needMachine(t *testing.T) {
	t.Helper()
	if !vm.Inside() {
		t.Skip("for the inside of a test machine")
	}
}
