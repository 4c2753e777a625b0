package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vipd/cmd/vipctl/doctor"
	"vipd/e2e/harness"
)

// consult runs `vipctl doctor` on a node's host.
func (s *scene) consult(n *harness.Node) (found []doctor.Finding, code int) {
	s.Helper()
	cmd := n.Host.Command(s.wait(), filepath.Join(os.Getenv("VIPD_BIN"), "vipctl"), "doctor", "--config", n.NodeFile, "-o", "json")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		s.must(err)
	}
	var result struct{ Findings []doctor.Finding }
	if err := json.Unmarshal(out, &result); err != nil {
		s.Fatalf("doctor on %s: %v\n%s%s", n, err, out, stderr.String())
	}
	return result.Findings, code
}

// Traps are set on the hosts of a cluster, and the doctor finds each, and none where there is none.
func TestDoctor(t *testing.T) {
	if os.Getenv("VIPD_BIN") == "" {
		t.Skip("needs VIPD_BIN")
	}
	s := form(t, 3)
	n, other := s.Nodes[0], s.Nodes[1]
	nobodys := harness.Group("nobodys", web4.String()+"/24", web6.String()+"/64")
	nobodys.Priorities = map[string]int{}
	for _, n := range s.Nodes {
		nobodys.Priorities[n.Name] = 0
	}
	_, err := s.Apply(s.wait(), nobodys)
	s.must(err)
	found, code := s.consult(n)
	for _, f := range found {
		if f.Severity == doctor.Problem {
			t.Errorf("nothing is wrong, and it finds %+v", f)
		}
	}
	if code != 0 {
		t.Errorf("nothing is wrong, and it exits with %d", code)
	}

	for _, args := range [][]string{
		{"sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=8", "net.ipv4.conf.eth0.promote_secondaries=0", "net.ipv4.conf.all.promote_secondaries=0", "net.ipv6.conf.eth0.disable_ipv6=1"},
		{"nft", "add table inet trap; add chain inet trap out { type filter hook output priority 0; }; add rule inet trap out ip daddr " + other.Host.IPv4.Addr().String() + " tcp dport 7946 drop"},
	} {
		out, err := n.Host.Command(s.wait(), args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	out, err := s.Lab.Client.Command(s.wait(), "ip", "addr", "add", web4.String()+"/24", "dev", "eth0").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.ip(other, "link", "set", "eth0", "mtu", "1400")
	s.must(s.Nodes[2].Kill())
	found, code = s.consult(n)
	if code != 1 {
		t.Errorf("exits with %d", code)
	}
	for _, want := range []struct {
		severity     doctor.Severity
		text, remedy string
	}{
		{doctor.Problem, "arp_ignore is 8 on eth0", "sysctl -w net.ipv4.conf.eth0.arp_ignore=1"},
		{doctor.Warning, "promote_secondaries is 0 on eth0", "sysctl -w net.ipv4.conf.eth0.promote_secondaries=1"},
		{doctor.Problem, "IPv6 is off on eth0", "disable_ipv6=0"},
		{doctor.Problem, other.Name + " does not answer at " + other.Host.IPv4.Addr().String() + ":7946", "nft insert rule"},
		{doctor.Problem, "packets of 1500 bytes, the MTU of eth0, do not reach " + other.Name, "ip link set eth0 mtu"},
		{doctor.Problem, s.Nodes[2].Name + " refuses connections", "systemctl start vipd"},
		{doctor.Problem, fmt.Sprintf("%s of group nobodys, which no node holds, is answered for by", web4), "ip neigh"},
	} {
		seen := false
		for _, f := range found {
			seen = seen || f.Severity == want.severity && strings.Contains(f.Text, want.text) && strings.Contains(f.Remedy, want.remedy)
		}
		if !seen {
			t.Errorf("does not find %+v, but %+v", want, found)
		}
	}
}
