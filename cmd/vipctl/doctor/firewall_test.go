package doctor

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Rulesets as nft(8) reads them, in a namespace of their own, and which packets of other nodes they certainly drop.
func TestFirewall(t *testing.T) {
	lacking := t.Skip
	if os.Getenv("CI") != "" {
		lacking = t.Fatal
	}
	if _, err := exec.LookPath("nft"); err != nil {
		lacking("no nft(8) here")
	}
	runtime.LockOSThread() // for good: the thread has another namespace
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		lacking("no right to make a network namespace")
	}
	const head = "table inet f { chain input { type filter hook input priority 0; policy drop; "
	for _, tt := range []struct{ rules, want string }{
		{"table inet f { chain input { type filter hook input priority 0; }; }", ""},
		{head + "}; }", "udp tcp"},
		{head + "ct state established,related accept; iif lo accept; tcp dport 22 accept; }; }", "udp tcp"},
		{head + "udp dport 7900 counter accept; tcp dport { 22, 7901 } accept; }; }", ""},
		{head + "meta l4proto { tcp, udp } th dport 7900 accept; }; }", "tcp"},
		{head + "ip saddr 10.0.0.0/24 accept; }; }", ""},
		{head + "jump more; }; chain more { }; }", ""},
		{"table ip f { chain input { type filter hook input priority 0; udp dport 7900 drop; ip saddr 10.0.0.0/24 tcp dport 7901 drop; }; }", "udp"},
		{"table ip6 f { chain input { type filter hook input priority 0; policy drop; }; }", ""},
		{head + "ct state new tcp dport 7901 reject; accept; }; }", "tcp"},
	} {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader("flush ruleset\n" + tt.rules + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", tt.rules, err, out)
		}
		var dropped []string
		for _, p := range []packet{
			{what: "udp", protocol: unix.IPPROTO_UDP, port: 7900, link: &net.Interface{Index: 2, Name: "eth0"}},
			{what: "tcp", protocol: unix.IPPROTO_TCP, port: 7901, link: &net.Interface{Index: 2, Name: "eth0"}},
		} {
			if dropsNow(t, p) {
				dropped = append(dropped, p.what)
			}
		}
		if got := strings.Join(dropped, " "); got != tt.want {
			t.Errorf("%s: drops %q, want %q", tt.rules, got, tt.want)
		}
	}
}

func dropsNow(t *testing.T, p packet) bool {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	return len(dropping(conn, []packet{p})) > 0
}
