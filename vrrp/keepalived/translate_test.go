package keepalived

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the expected reports in testdata")

func TestTranslateTutorial(t *testing.T) {
	nodes := map[string]*Config{"web1": read(t, "tutorial/web1.conf", "web1"), "web2": read(t, "tutorial/web2.conf", "web2")}
	got, report, err := Translate(nodes)
	if err != nil {
		t.Fatal(err)
	}
	want := Result{
		Nodes: []string{"web1", "web2"},
		Groups: []Group{{
			Name: "VI_1", Interface: "bond0",
			Addresses: []GroupAddress{{Prefix: netip.MustParsePrefix("192.168.1.100/24"), Label: "bond0:0"}},
			VRID:      51, Version: 2, AdvertInt: time.Second, AuthPass: "1111", DownAdverts: 3,
			Priorities: map[string]int{"web1": 100, "web2": 90},
			Checks:     []Use{{Name: "chk_nginx", Weight: -20}},
			GARP:       defaultGARP,
		}},
		Checks: []Check{{Name: "chk_nginx", Kind: CheckScript, Command: []string{"/usr/bin/killall", "-0", "nginx"},
			Interval: 2 * time.Second, Timeout: 2 * time.Second, Rise: 1, Fall: 2}},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	golden(t, "tutorial/report.txt", report)
	if report.Count(Unsupported) != 10 { // the mail of both files
		t.Errorf("%d directives are unsupported", report.Count(Unsupported))
	}
}

func TestTranslateBig(t *testing.T) {
	nodes := map[string]*Config{"lb1": read(t, "big/keepalived.conf", "lb1"), "lb2": read(t, "big/keepalived.conf", "lb2")}
	got, report, err := Translate(nodes)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "big/report.txt", report)

	priorities := map[string]map[string]int{}
	for _, g := range got.Groups {
		priorities[g.Name] = g.Priorities
	}
	if diff := cmp.Diff(map[string]map[string]int{
		"V4": {"lb1": 150, "lb2": 140}, "V6": {"lb1": 150, "lb2": 140}, "CLOUD": {"lb1": 101, "lb2": 100},
		"VI_70": {"lb1": 110, "lb2": 120}, "VI_71": {"lb1": 110, "lb2": 120}, "VI_80": {"lb1": 110, "lb2": 120},
	}, priorities); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
	v4 := got.Groups[0]
	uses := []Use{{Name: "chk_proxy"}, {Name: "haproxy", Weight: 5}, {Name: "maintenance", Weight: -2}}
	if diff := cmp.Diff(uses, v4.Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if v4.SyncGroup != "FRONT" || v4.AuthPass != "" || !v4.NoPreempt || v4.PreemptDelay != 2500*time.Millisecond || len(v4.Excluded) != 2 {
		t.Errorf("V4: %+v", v4)
	}
	together := []Together{{Name: "FRONT", Groups: []string{"V4", "V6"}, TrackInterfaces: []Use{{Name: "eth1"}},
		Notify: Notify{Any: []string{"/usr/local/bin/notify.sh", "front"}}}}
	if diff := cmp.Diff(together, got.SyncGroups, equal); diff != "" {
		t.Errorf("sync groups (-want +got):\n%s", diff)
	}
	cloud := got.Groups[len(got.Groups)-1]
	if diff := cmp.Diff([]netip.Addr{netip.MustParseAddr("10.1.7.9")}, cloud.Peers, equal); diff != "" {
		t.Errorf("only peers outside the cluster stay (-want +got):\n%s", diff)
	}
	sources := map[string]netip.Addr{"lb1": netip.MustParseAddr("10.1.7.1"), "lb2": netip.MustParseAddr("10.1.7.2")}
	if diff := cmp.Diff(sources, cloud.Sources, equal); diff != "" || !cloud.Unicast || cloud.MinTTL != 64 || !cloud.CheckPeers {
		t.Errorf("%+v\nsources (-want +got):\n%s", cloud, diff)
	}
}

// golden compares a report with a file.
func golden(t *testing.T, name string, report Report) {
	t.Helper()
	var b strings.Builder
	if _, err := report.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s; -rewrite takes the new one (-want +got):\n%s", file, diff)
	}
}

// TestTranslateRefuses: nodes that would not make one virtual router on the segment.
func TestTranslateRefuses(t *testing.T) {
	const base = "vrrp_instance VI {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n  10.0.0.1/24\n  10.0.0.2/24\n }\n authentication {\n  auth_type PASS\n  auth_pass a\n }\n}\n" +
		"vrrp_script chk {\n script /bin/true\n}\n"
	tests := []struct{ name, from, to, want string }{
		{"addresses", "10.0.0.2/24", "10.0.0.3/24", "virtual_ipaddress is [10.0.0.1/24 10.0.0.3/24] here and [10.0.0.1/24 10.0.0.2/24] at /etc/k.conf:1"},
		{"a missing address", "  10.0.0.2/24\n", "", "virtual_ipaddress is [10.0.0.1/24] here"},
		{"mask", "10.0.0.2/24", "10.0.0.2", "virtual_ipaddress is"},
		{"number", "router_id 7", "router_id 8", "vrrp_instance VI is virtual router 8 here and 7 at /etc/k.conf:1"},
		{"interval", " interface eth0", " interface eth0\n advert_int 2", "advert_int is 2s here and 1s at"},
		{"version", " interface eth0", " interface eth0\n version 3", "version is 3 here and 2 at"},
		{"password", "auth_pass a", "auth_pass b", "auth_pass is another here"},
		{"AH", "PASS", "AH", "AH is not spoken"},
		{"check", "/bin/true", "/bin/false", "the check chk is another one"},
		{"unicast", " interface eth0", " interface eth0\n unicast_peer {\n 10.0.0.9\n }", "unicast is true here and false at"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := readText(base)
			if err != nil {
				t.Fatal(err)
			}
			b, err := readText(strings.Replace(base, tt.from, tt.to, 1))
			if err != nil {
				t.Fatal(err)
			}
			_, report, err := Translate(map[string]*Config{"a": a, "b": b})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "auth_pass is a ") || len(report) == 0 {
				t.Errorf("a password in %v, or no report (%d entries)", err, len(report))
			}
		})
	}
}

// TestTranslateDifferences: what may differ between nodes, and what the report says of it.
func TestTranslateDifferences(t *testing.T) {
	text := func(name, iface, lines string) string {
		return "vrrp_instance " + name + " {\n interface " + iface + "\n virtual_router_id 7\n virtual_ipaddress {\n  10.0.0.2/24\n  10.0.0.1/24\n }\n" + lines + "\n}\n"
	}
	a, err := readText(text("VI", "eth0", "nopreempt\nnotify_master /bin/a\nstate BACKUP"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := readText(text("VI", "ens1", "notify_master /bin/b\npreempt_delay 5"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := readText(text("OTHER_NAME", "eth0", ""))
	if err != nil {
		t.Fatal(err)
	}
	got, report, err := Translate(map[string]*Config{"a": a, "b": b, "c": c})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) != 1 {
		t.Fatalf("groups %+v", got.Groups)
	}
	g := got.Groups[0]
	if !g.NoPreempt || g.PreemptDelay != 5*time.Second || g.Interfaces["b"] != "ens1" || len(g.Priorities) != 3 || g.Notify.Master[0] != "/bin/a" {
		t.Errorf("%+v", g)
	}
	var said strings.Builder
	if _, err := report.WriteTo(&said); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"interface ens1: translated: ens1 on this node",
		"nopreempt: translated: the nodes differ",
		"notify_master /bin/b: unsupported: another node says otherwise",
		"preempt_delay 5: unsupported: the nodes differ; the longest counts",
		"vrrp_instance OTHER_NAME: translated: joins the group VI",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in\n%s", want, said.String())
		}
	}
}

// TestTranslateTellsOfAbsence: a group that only one node has, and a global setting that only one node says.
func TestTranslateTellsOfAbsence(t *testing.T) {
	one := "vrrp_instance ONE {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  10.0.0.1/24\n }\n}\n"
	two := "vrrp_instance TWO {\n interface eth0\n virtual_router_id 2\n virtual_ipaddress {\n  10.0.0.2/24\n }\n}\n"
	a, err := readText(one + two)
	if err != nil {
		t.Fatal(err)
	}
	b, err := readText("global_defs {\n vrrp_garp_master_delay 9\n}\n" + one)
	if err != nil {
		t.Fatal(err)
	}
	got, report, err := Translate(map[string]*Config{"a": a, "b": b})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"a": 100}, got.Groups[1].Priorities); diff != "" || got.Groups[0].GARP != defaultGARP {
		t.Errorf("%+v, priorities of TWO (-want +got):\n%s", got.Groups[0].GARP, diff)
	}
	var said strings.Builder
	if _, err := report.WriteTo(&said); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"/etc/k.conf:8: vrrp_instance TWO: translated: becomes a group with a vrrp section; not on b\n",
		"/etc/k.conf:1: vrrp_instance ONE: translated: becomes a group with a vrrp section\n",
		"vrrp_garp_master_delay 9: unsupported: the nodes' settings differ",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in\n%s", want, said.String())
		}
	}
}
