package keepalived

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equal = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.IgnoreTypes(Pos{}),
	cmpopts.IgnoreUnexported(Instance{}),
	cmpopts.EquateEmpty(),
}

func read(t *testing.T, name, id string) *Config {
	t.Helper()
	c, err := Read(filepath.Join("testdata", name), Options{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readText reads one file's text.
func readText(text string) (*Config, error) {
	return Read("/etc/k.conf", Options{ID: "n1", Files: mapFiles{"/etc/k.conf": text}})
}

var defaultGARP = GARP{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1, LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5}

func TestReadTutorial(t *testing.T) {
	c := read(t, "tutorial/web1.conf", "web1")
	want := &Instance{
		Name: "VI_1", Interface: "bond0", StateMaster: true, VRID: 51, Priority: 100, AdvertInt: time.Second, Version: 2,
		AuthType: "PASS", AuthPass: "1111", DownTimerAdverts: 3, GARP: defaultGARP,
		Addresses: []Address{{Prefix: netip.MustParsePrefix("192.168.1.100/24"), Dev: "bond0", Label: "bond0:0"}},
		Track:     Tracking{Scripts: []Track{{Name: "chk_nginx"}}},
	}
	if diff := cmp.Diff([]*Instance{want}, c.Instances, equal); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	script := &Script{Name: "chk_nginx", Command: []string{"/usr/bin/killall", "-0", "nginx"}, Interval: 2 * time.Second,
		Timeout: 2 * time.Second, Weight: -20, Rise: 1, Fall: 2}
	if diff := cmp.Diff([]*Script{script}, c.Scripts, equal); diff != "" {
		t.Errorf("scripts (-want +got):\n%s", diff)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, "defined below") || c.Warnings[0].Line != 27 {
		t.Errorf("warnings: %v; want the one about the script below its use", c.Warnings)
	}
}

func TestReadBig(t *testing.T) {
	c := read(t, "big/keepalived.conf", "lb1")
	var names []string
	for _, in := range c.Instances {
		names = append(names, in.Name)
	}
	if diff := cmp.Diff([]string{"V4", "V6", "VI_70", "VI_71", "VI_80", "CLOUD"}, names); diff != "" {
		t.Fatalf("instances (-want +got):\n%s", diff)
	}
	garp := defaultGARP
	garp.MasterDelay, garp.MasterRepeat, garp.MasterRefresh = time.Second, 3, time.Minute
	v4 := &Instance{
		Name: "V4", Interface: "eth0", VRID: 61, Priority: 150, AdvertInt: time.Second, Version: 3, AuthPass: "secret",
		NoPreempt: true, PreemptDelay: 2500 * time.Millisecond, DownTimerAdverts: 3, GARP: garp,
		UseVMAC: true, VMACName: "vrrp61", VMACXmitBase: true,
		Addresses: []Address{
			{Prefix: netip.MustParsePrefix("10.1.7.100/24"), Dev: "eth0", Label: "eth0:vip"},
			{Prefix: netip.MustParsePrefix("10.1.7.101/32"), Dev: "eth0"},
			{Prefix: netip.MustParsePrefix("10.1.7.102/32"), Dev: "eth0"},
			{Prefix: netip.MustParsePrefix("10.1.7.103/32"), Dev: "eth0"},
		},
		Excluded: []Address{
			{Prefix: netip.MustParsePrefix("2001:db8::100/64")},
			{Prefix: netip.MustParsePrefix("10.1.7.200/24"), Broadcast: "10.1.7.255", Scope: "global", Options: []string{"no_track"}},
		},
		Routes: []Rule{{Words: strings.Fields("default via 10.1.7.254 dev eth0 table 100")}},
		Rules:  []Rule{{Words: strings.Fields("from 10.1.7.100 table 100 priority 500")}},
		Track: Tracking{
			Scripts:    []Track{{Name: "chk_proxy"}},
			Processes:  []Track{{Name: "haproxy"}},
			Files:      []Track{{Name: "maintenance", Weight: -2, HasWeight: true}},
			Interfaces: []Track{{Name: "eth1", Weight: -30, HasWeight: true}},
		},
		Notify: Notify{Master: []string{"/usr/local/bin/master.sh", "two words", "three"}, Backup: []string{"/usr/local/bin/backup.sh"}},
	}
	if diff := cmp.Diff(v4, c.Instances[0], equal); diff != "" {
		t.Errorf("V4 (-want +got):\n%s", diff)
	}
	if v6 := c.Instances[1]; !v6.IPv6 || v6.Version != 3 || len(v6.Addresses) != 2 {
		t.Errorf("V6: %+v", v6)
	}
	cloud := c.Instances[5]
	if diff := cmp.Diff([]Peer{{Address: netip.MustParseAddr("10.1.7.2")}, {Address: netip.MustParseAddr("10.1.7.9"), MinTTL: 64}}, cloud.UnicastPeers, equal); diff != "" {
		t.Errorf("peers (-want +got):\n%s", diff)
	}
	if cloud.AuthPass != "k#y!long" || cloud.UnicastSource != netip.MustParseAddr("10.1.7.1") || cloud.Version != 2 {
		t.Errorf("CLOUD: %+v", cloud)
	}
}

// trapInstance is an instance with some more lines.
func trapInstance(lines string) string {
	return "vrrp_instance VI {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n  10.0.0.1\n }\n" + lines + "\n}\n"
}

// traps are the places where keepalived does something else than the words suggest.
var traps = []struct {
	name, text string
	ok         func(*Instance) bool
	warning    string // a part of the only warning; empty for none
}{
	{"no priority", trapInstance(""), func(i *Instance) bool { return i.Priority == 100 }, ""},
	{"state MASTER alone is an owner", trapInstance("state MASTER"), func(i *Instance) bool { return i.Priority == 255 }, ""},
	{"a priority out of range", trapInstance("state MASTER\npriority 300"), func(i *Instance) bool { return i.Priority == 100 }, "1 to 255"},
	{"an unknown state", trapInstance("state SLAVE"), func(i *Instance) bool { return !i.StateMaster }, "neither MASTER nor BACKUP"},
	{"nopreempt with MASTER", trapInstance("state MASTER\npriority 9\nnopreempt"), func(i *Instance) bool { return !i.NoPreempt }, "does nothing with state MASTER"},
	{"preempt_delay with MASTER", trapInstance("state MASTER\npriority 9\npreempt_delay 5"), func(i *Instance) bool { return i.PreemptDelay == 0 }, "does nothing with state MASTER"},
	{"fraction in version 2", trapInstance("advert_int 1.5"), func(i *Instance) bool { return i.AdvertInt == 2*time.Second }, "cannot advertise every 1.5s"},
	{"small fraction in version 2", trapInstance("advert_int 0.2"), func(i *Instance) bool { return i.AdvertInt == time.Second }, "cannot advertise"},
	{"fraction in version 3", trapInstance("version 3\nadvert_int 0.015"), func(i *Instance) bool { return i.AdvertInt == 20*time.Millisecond }, "cannot advertise"},
	{"too long for version 3", trapInstance("version 3\nadvert_int 60"), func(i *Instance) bool { return i.AdvertInt == 40950*time.Millisecond }, "cannot advertise"},
	{"an interval of 0", trapInstance("advert_int 0"), func(i *Instance) bool { return i.AdvertInt == time.Second }, "ignored"},
	{"password in version 3", trapInstance("version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}"), func(i *Instance) bool { return i.AuthType == "" }, "no authentication"},
	{"type without password", trapInstance("authentication {\nauth_type PASS\n}"), func(i *Instance) bool { return i.AuthType == "" }, "without a password"},
	{"no peers", trapInstance("unicast_peer {\n}"), func(i *Instance) bool { return len(i.UnicastPeers) == 0 }, "uses multicast"},
	{"source with a mask", trapInstance("unicast_src_ip 10.0.0.2/24\nunicast_peer {\n10.0.0.3\n}"), func(i *Instance) bool { return i.UnicastSource == netip.MustParseAddr("10.0.0.2") }, ""},
	{"explicit interval 0", "global_defs {\nvrrp_garp_interval 0\nvrrp_gna_interval 0\n}\n" + trapInstance(""), func(i *Instance) bool { return true }, ""},
	{"global version below", trapInstance("") + "global_defs {\nvrrp_version 3\n}\n", func(i *Instance) bool { return i.Version == 3 }, ""},
	{"an undefined script", trapInstance("track_script {\nchk\n}"), func(i *Instance) bool { return len(i.Track.Scripts) == 0 }, "there is no vrrp_script chk"},
	{"one line", "vrrp_instance VI { interface eth0\n virtual_router_id 7\n virtual_ipaddress { 10.0.0.1 }\n}", func(i *Instance) bool { return len(i.Addresses) == 1 }, ""},
	{"braces alone and glued", "vrrp_instance VI\n{\n interface eth0\n virtual_router_id 7\n virtual_ipaddress{\n 10.0.0.1\n }\n}", func(i *Instance) bool { return len(i.Addresses) == 1 }, ""},
	{"an unknown word of an address", trapInstance("virtual_ipaddress_excluded {\n10.0.0.2 foo\n}"), func(i *Instance) bool { return len(i.Excluded) == 1 }, `unknown word "foo"`},
	{"an unknown keyword", trapInstance("bogus 1"), func(*Instance) bool { return true }, `unknown keyword "bogus"`},
	{"no addresses", "vrrp_instance VI {\n interface eth0\n virtual_router_id 7\n}\n", func(i *Instance) bool { return len(i.Addresses) == 0 }, "no virtual_ipaddress"},
	{"a weight out of range", "global_defs {\nscript_user root\nenable_script_security\n}\n" + trapInstance("") + "vrrp_script a {\nscript /bin/true\nweight 300\n}\n", func(*Instance) bool { return true }, "from -253 to 253"},
	{"empty blocks", trapInstance("virtual_routes {\n}\ntrack_script {\n}"), func(*Instance) bool { return true }, ""},
	{"minimal announcements", "global_defs {\nvrrp_min_garp\n}\n" + trapInstance(""), func(i *Instance) bool {
		return i.GARP == GARP{MasterRepeat: 1, MasterRefreshRepeat: 1, LowerPrioRepeat: 1}
	}, ""},
}

func TestTraps(t *testing.T) {
	for _, tt := range traps {
		t.Run(tt.name, func(t *testing.T) {
			c, err := readText(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.ok(c.Instances[0]) {
				t.Errorf("%+v", *c.Instances[0])
			}
			switch {
			case tt.warning == "" && len(c.Warnings) > 0:
				t.Errorf("warnings %v", c.Warnings)
			case tt.warning != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, tt.warning)):
				t.Errorf("warnings %v, want one with %q", c.Warnings, tt.warning)
			}
		})
	}
}

// refusals are testdata/refused and what is said about each.
var refusals = map[string]string{
	"badip":    `6: 10.0.0.300: "10.0.0.300" is not an address; keepalived would leave it out`,
	"block":    `7: priority 100: has no block`,
	"brace":    `1: vrrp_instance A: the block is not closed`,
	"extra":    `8: extra }`,
	"families": `6: fe80::1: addresses of both families in one virtual_ipaddress; keepalived would leave it out (virtual_ipaddress_excluded may mix)`,
	"label":    `5: 10.0.0.1 label muchtoolonglabel:1: a label has at most 15 characters; keepalived would leave the address out`,
	"noblock":  `4: virtual_ipaddress: lacks its block`,
	"noif":     `1: vrrp_instance A has no interface`,
	"noname":   `1: vrrp_instance lacks a parameter`,
	"novrid":   `1: vrrp_instance A has no valid virtual_router_id`,
	"param":    `4: advert_int lacks a parameter`,
	"quote":    `4: unterminated quote: notify "/bin/true a`,
	"samename": `8: vrrp_instance A is defined at line 1 already`,
	"samevrid": `8: vrrp_instance B has virtual_router_id 1 on eth0 like A at line 1`,
	"vrid256":  `1: vrrp_instance A has no valid virtual_router_id`,
}

func TestRefusals(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.conf")
	if err != nil || len(files) != len(refusals) {
		t.Fatalf("%d files for %d refusals: %v", len(files), len(refusals), err)
	}
	for _, name := range files {
		want := name + ":" + refusals[strings.TrimSuffix(filepath.Base(name), ".conf")]
		c, err := Read(name, Options{})
		var refused Refused
		if c != nil || !errors.As(err, &refused) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// directives counts what the text has, on whatever level.
func directives(t *testing.T, text string) int {
	t.Helper()
	p := newPreprocessor(Options{ID: "n1", Files: mapFiles{"/etc/k.conf": text}})
	if err := p.file("/etc/k.conf", 0); err != nil {
		t.Fatal(err)
	}
	root, _ := buildTree(p.out, p.problems)
	var count func(*node) int
	count = func(n *node) int {
		sum := len(n.children)
		for _, child := range n.children {
			sum += count(child)
		}
		return sum
	}
	return count(root)
}

// FuzzRead: no text makes the reader panic or run away, nothing that it accepts is missing in the list of
// directives, and it can be translated or is refused.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"testdata/tutorial/web1.conf", "testdata/big/keepalived.conf", "testdata/big/conf.d/10-unicast.conf"} {
		text, err := osFiles{}.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readText(text)
		if err != nil {
			return
		}
		if want := directives(t, text); len(c.Directives) != want {
			t.Fatalf("%d of %d directives are in the list", len(c.Directives), want)
		}
		_, report, _ := Translate(map[string]*Config{"n1": c, "n2": c})
		if len(report) > len(c.Directives) {
			t.Fatalf("%d entries for %d directives", len(report), len(c.Directives))
		}
	})
}

// TestSecretsStayHidden: neither reports nor errors repeat passwords and keys.
func TestSecretsStayHidden(t *testing.T) {
	c, err := readText(trapInstance("authentication {\nauth_type PASS\nauth_pass 's3 cret'\n}\nauth_hmac {\nkey 1 s3cret\n}"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if _, err := c.Directives.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"auth_pass \"s3cret", "auth_pass s3cret \\"} {
		_, err := readText(trapInstance("authentication {\n" + text + "\n}"))
		if err == nil {
			t.Fatalf("%q was accepted", text)
		}
		b.WriteString(err.Error())
	}
	if strings.Contains(b.String(), "s3") || strings.Count(b.String(), "***") != 4 {
		t.Error(b.String())
	}
}
