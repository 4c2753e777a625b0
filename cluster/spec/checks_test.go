package spec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

const checksExample = `checks:
- name: web
  http: {url: "https://127.0.0.1/health", status: 204, insecure: true}
  interval: 500ms
- {name: nginx, process: nginx, interval: 2s, weight: -20, fall: 2}
- {name: custom, script: /etc/vipd/scripts/custom, timeout: 300ms, init_fail: true}
- {name: args, script: {path: /etc/vipd/scripts/custom, args: [a, b c]}}
- {name: workers, process: {name: "worker --queue 7", full_command: true, quorum: 2, quorum_max: 9}}
- {name: db, tcp: "[::1]:5432", rise: 3}
- {name: maintenance, file: /run/maintenance}
- {name: uplink, interface: eth1, weight: 30}
- {name: gateway, ping: 192.0.2.1}
- {name: far, ping: {address: "fe80::1", interface: eth1, count: 5, answers: 2}, reverse: true}
- {name: router, arp: {address: 192.0.2.1, interface: eth1}}
- {name: cables, bond: bond0, weight: -10, reverse: true}
- {name: cable, bond: {name: bond1, links: 2}}
groups:
- name: web
  interface: eth0
  addresses: [10.0.0.1/24]
  checks: [nginx, {name: db, weight: -5}, {name: uplink, weight: 30}, maintenance, cables, {name: cable, reverse: true}, {name: far, weight: 3, reverse: false}]
`

func TestParseChecks(t *testing.T) {
	got, err := Parse("f", []byte(checksExample))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, c state.Check) state.Check {
		c.Name, c.Rise, c.Fall = name, max(c.Rise, 1), max(c.Fall, 1)
		if c.Interval == 0 {
			c.Interval = time.Second
		}
		if c.Timeout == 0 {
			c.Timeout = c.Interval
		}
		return c
	}
	want := []state.Check{
		check("args", state.Check{Script: &state.ScriptCheck{Path: "/etc/vipd/scripts/custom", Args: []string{"a", "b c"}}}),
		check("cable", state.Check{Bond: &state.BondCheck{Name: "bond1", Links: 2}}),
		check("cables", state.Check{Bond: &state.BondCheck{Name: "bond0"}, Weight: -10, Reverse: true}),
		check("custom", state.Check{Script: &state.ScriptCheck{Path: "/etc/vipd/scripts/custom"}, Timeout: 300 * time.Millisecond, InitFail: true}),
		check("db", state.Check{TCP: "[::1]:5432", Rise: 3}),
		check("far", state.Check{Ping: &state.PingCheck{Address: "fe80::1", Interface: "eth1", Count: 5, Answers: 2}, Reverse: true}),
		check("gateway", state.Check{Ping: &state.PingCheck{Address: "192.0.2.1", Count: 3, Answers: 1}}),
		check("maintenance", state.Check{File: "/run/maintenance", Weight: 1}),
		check("nginx", state.Check{Process: &state.ProcessCheck{Name: "nginx", Quorum: 1}, Interval: 2 * time.Second, Weight: -20, Fall: 2}),
		check("router", state.Check{ARP: &state.ARPCheck{Address: "192.0.2.1", Interface: "eth1"}}),
		check("uplink", state.Check{Interface: "eth1", Weight: 30}),
		check("web", state.Check{HTTP: &state.HTTPCheck{URL: "https://127.0.0.1/health", Status: 204, Insecure: true}, Interval: 500 * time.Millisecond}),
		check("workers", state.Check{Process: &state.ProcessCheck{Name: "worker --queue 7", FullCommand: true, Quorum: 2, QuorumMax: 9}}),
	}
	if diff := cmp.Diff(want, got.Checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	uses := []state.CheckUse{{Name: "cable", Reverse: true}, {Name: "cables", Weight: -10, Reverse: true}, {Name: "db", Weight: -5}, {Name: "far", Weight: 3}, {Name: "maintenance", Weight: 1}, {Name: "nginx", Weight: -20}, {Name: "uplink", Weight: 30}}
	if diff := cmp.Diff(uses, got.Groups[0].Checks); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

func TestMarshalChecks(t *testing.T) {
	got, err := Marshal(mustParse(t, checksExample))
	if err != nil {
		t.Fatal(err)
	}
	const want = `checks:
- name: args
  script: {path: /etc/vipd/scripts/custom, args: [a, b c]}
- name: cable
  bond: {name: bond1, links: 2}
- name: cables
  bond: bond0
  weight: -10
  reverse: true
- name: custom
  script: /etc/vipd/scripts/custom
  timeout: 300ms
  init_fail: true
- name: db
  tcp: '[::1]:5432'
  rise: 3
- name: far
  ping: {address: 'fe80::1', interface: eth1, count: 5, answers: 2}
  reverse: true
- name: gateway
  ping: 192.0.2.1
- name: maintenance
  file: /run/maintenance
- name: nginx
  process: nginx
  interval: 2s
  fall: 2
  weight: -20
- name: router
  arp: {address: 192.0.2.1, interface: eth1}
- name: uplink
  interface: eth1
  weight: 30
- name: web
  http: {url: 'https://127.0.0.1/health', status: 204, insecure: true}
  interval: 500ms
- name: workers
  process: {name: worker --queue 7, full_command: true, quorum: 2, quorum_max: 9}
groups:
- name: web
  interface: eth0
  addresses:
  - 10.0.0.1/24
  checks: [{name: cable, reverse: true}, cables, {name: db, weight: -5}, {name: far, weight: 3, reverse: false}, maintenance, nginx, uplink]
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// checkWith is a specification of one check, its group and one more line of the check.
func checkWith(lines string) string {
	return "checks:\n- name: c\n  " + strings.ReplaceAll(lines, "\n", "\n  ") + "\n" + groupWith(goodAddress+"checks: [c]")
}

func TestParseRefusesChecks(t *testing.T) {
	const kinds = "add one of `script`, `tcp`, `http`, `process`, `file`, `interface`, `ping`, `arp` and `bond`"
	for _, tt := range []struct{ name, in, want string }{
		{"no kind", checkWith("rise: 2"), "f:2: checks[0]: the check does not say what to look at: " + kinds},
		{"two kinds", checkWith("process: a\ntcp: h:1"), "f:3: checks[0].process: the check has both `tcp` and `process`: make two checks of it"},
		{"no name", "checks: [{process: a}]\ngroups: []", "f:1: checks[0].name: the check has no name: add `name: haproxy`"},
		{"name twice", "checks: [{name: a, process: a}, {name: a, process: b}]\ngroups: []", "f:1: checks[1].name: check a is also on line 1: give one of them another name"},
		{"unknown check", groupWith(goodAddress + "checks: [x]"), "f:5: groups[0].checks[0]: there is no check x: define it under `checks:` at the top"},
		{"check of another case", "checks: [{name: Nginx, process: a}]\n" + groupWith(goodAddress+"checks: [nginx]"), "f:6: groups[0].checks[0]: there is no check nginx: define it under `checks:` at the top; did you mean `Nginx`?"},
		{"check twice in a group", "checks: [{name: a, process: a}]\n" + groupWith(goodAddress+"checks: [a, {name: a, weight: 2}]"), "f:6: groups[0].checks[1]: a is there twice: remove one of them"},
		{"weight of the check", checkWith("process: a\nweight: -254"), "f:4: checks[0].weight: -254 is out of range: use -253 to 253; with 0 a node on which the check fails cannot hold the group"},
		{"weight in the group", "checks: [{name: a, process: a}]\n" + groupWith(goodAddress+"checks: [{name: a, weight: 254}]"), "f:6: groups[0].checks[0].weight: 254 is out of range: use -253 to 253; with 0 a node on which the check fails cannot hold the group"},
		{"weight of a file", checkWith("file: /f\nweight: 255"), "f:4: checks[0].weight: 255 is out of range: use -254 to 254; with 0 a node on which the check fails cannot hold the group"},
		{"interval", checkWith("process: a\ninterval: 50ms"), "f:4: checks[0].interval: 50ms is out of range: use 100ms to 1h"},
		{"interval without a unit", checkWith("process: a\ninterval: 2"), "f:4: checks[0].interval: 2 has no unit: write 2s or 2ms"},
		{"timeout", checkWith("process: a\ntimeout: 1ms"), "f:4: checks[0].timeout: 1ms is out of range: use 10ms to 1h"},
		{"rise", checkWith("process: a\nrise: 0"), "f:4: checks[0].rise: 0 is out of range: use 1 to 1000, the results in a row that it takes"},
		{"fall", checkWith("process: a\nfall: 1001"), "f:4: checks[0].fall: 1001 is out of range: use 1 to 1000, the results in a row that it takes"},
		{"relative script", checkWith("script: check.sh"), "f:3: checks[0].script: \"check.sh\" is not an absolute path: write it from the root, as /etc/vipd/scripts/check-haproxy"},
		{"script with arguments", checkWith("script: /bin/test -e /run/x"), "f:3: checks[0].script: a script is a path alone, and no shell reads it: write `{path: /bin/test, args: [-e, /run/x]}`"},
		{"roundabout script", checkWith("script: /etc/vipd/../x"), "f:3: checks[0].script: /etc/vipd/../x is a roundabout path: write it as /etc/x"},
		{"port too high", checkWith("tcp: 127.0.0.1:65536"), "f:3: checks[0].tcp: \"65536\" is not a port: use 1 to 65535"},
		{"port by name", checkWith("tcp: 127.0.0.1:https"), "f:3: checks[0].tcp: \"https\" is not a port: use 1 to 65535"},
		{"no port", checkWith("tcp: 127.0.0.1"), "f:3: checks[0].tcp: \"127.0.0.1\" is not a host and a port: write it as 127.0.0.1:443 or \"[::1]:443\""},
		{"no URL", checkWith("http: 127.0.0.1/health"), "f:3: checks[0].http: \"127.0.0.1/health\" is not a URL of HTTP: write it as http://127.0.0.1:8080/health"},
		{"URL with a password", checkWith("http: http://a:b@h/"), "f:3: checks[0].http: the URL has a password, which every node and log would see: let the service answer the check without one"},
		{"status", checkWith("http: {url: http://h/, status: 99}"), "f:3: checks[0].http.status: 99 is no status of HTTP: use 100 to 599"},
		{"insecure without TLS", checkWith("http: {url: http://h/, insecure: true}"), "f:3: checks[0].http.insecure: it is about https: remove it"},
		{"process by path", checkWith("process: /usr/sbin/nginx"), "f:3: checks[0].process: \"/usr/sbin/nginx\" is more than a process's name: write the name alone, or the whole command line with `full_command: true`"},
		{"no quorum", checkWith("process: {name: a, quorum: 0}"), "f:3: checks[0].process.quorum: with 0 the check never fails: use 1 or more"},
		{"quorum_max", checkWith("process: {name: a, quorum: 3, quorum_max: 2}"), "f:3: checks[0].process.quorum_max: 2 is less than the quorum: use no less than `quorum`, or leave it out for no limit"},
		{"relative file", checkWith("file: x"), "f:3: checks[0].file: \"x\" is not an absolute path: write it from the root, as /run/vipd/maintenance"},
		{"ping of a name", checkWith("ping: gateway"), "f:3: checks[0].ping: \"gateway\" is not an address: write it as 192.0.2.1 or \"2001:db8::1\"; a name is no address, and looking it up would be a check of DNS"},
		{"ping of a prefix", checkWith("ping: 10.0.0.1/24"), "f:3: checks[0].ping: \"10.0.0.1/24\" is not an address: write it as 192.0.2.1 or \"2001:db8::1\"; a name is no address, and looking it up would be a check of DNS"},
		{"ping with a zone", checkWith("ping: fe80::1%eth1"), "f:3: checks[0].ping: fe80::1%eth1 has a zone: write fe80::1 and `interface: eth1`"},
		{"ping of a link-local address", checkWith("ping: fe80::1"), "f:3: checks[0].ping: fe80::1 is on every link: add `interface: eth0`"},
		{"ping of many", checkWith("ping: 224.0.0.1"), "f:3: checks[0].ping: 224.0.0.1 is no address of one host: write the gateway's, or another host's"},
		{"ping mapped", checkWith("ping: ::ffff:10.0.0.1"), "f:3: checks[0].ping: ::ffff:10.0.0.1 is IPv4 written as IPv6: write it as 10.0.0.1"},
		{"ping never", checkWith("ping: {address: 10.0.0.1, count: 0}"), "f:3: checks[0].ping.count: 0 is out of range: use 1 to 20, the requests of a run at most"},
		{"more answers than pings", checkWith("ping: {address: 10.0.0.1, answers: 4}"), "f:3: checks[0].ping.answers: 4 is out of range: use 1 to `count`, which is 3"},
		{"ping by no interface", checkWith("ping: {address: 10.0.0.1, interface: a/b}"), "f:3: checks[0].ping.interface: \"a/b\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},
		{"arp anywhere", checkWith("arp: 10.0.0.1"), "f:3: checks[0].arp: it does not say on which interface: write `{address: 10.0.0.1, interface: eth0}`"},
		{"arp without an interface", checkWith("arp: {address: 10.0.0.1}"), "f:3: checks[0].arp.interface: \"\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},
		{"arp for nobody", checkWith("arp: {interface: eth0}"), "f:3: checks[0].arp.address: \"\" is not an address: write it as 192.0.2.1 or \"2001:db8::1\"; a name is no address, and looking it up would be a check of DNS"},
		{"bond by path", checkWith("bond: /sys/class/net/bond0"), "f:3: checks[0].bond: \"/sys/class/net/bond0\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},
		{"bond of no links", checkWith("bond: {name: bond0, links: 0}"), "f:3: checks[0].bond.links: 0 is out of range: use 1 to 255, or leave it out for all links of the bond"},
		{"bond of many links", checkWith("bond: {name: bond0, links: 256}"), "f:3: checks[0].bond.links: 256 is out of range: use 1 to 255, or leave it out for all links of the bond"},
		{"reverse is no word", checkWith("process: a\nreverse: reverse"), "f:4: checks[0].reverse: `reverse` is not true or false: write true or false"},
		{"interface", checkWith("interface: a/b"), "f:3: checks[0].interface: \"a/b\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("f", []byte(tt.in))
			if err == nil {
				t.Fatalf("accepted as %+v", s)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseBoundsChecks(t *testing.T) {
	var b strings.Builder
	b.WriteString("groups: []\nchecks:\n")
	for i := range maxChecks + 1 {
		fmt.Fprintf(&b, "- {name: c%d, process: a}\n", i)
	}
	if _, err := Parse("f", []byte(b.String())); err == nil || !strings.Contains(err.Error(), "there are 129 checks") {
		t.Errorf("%v", err)
	}
}

func TestCompareChecks(t *testing.T) {
	const group = "groups: [{name: web, interface: e, addresses: [10.0.0.1], checks: [%s]}]\n"
	old := "checks: [{name: a, process: nginx}, {name: b, file: /f}, {name: d, tcp: 'h:1'}, {name: p, ping: 10.0.0.1}]\n" + fmt.Sprintf(group, "a, {name: d, weight: 5}, {name: p, reverse: true}")
	new := "checks: [{name: a, process: {name: httpd, quorum: 2}, weight: -20, interval: 2s}, {name: c, script: /s}, {name: d, tcp: 'h:1'}, {name: p, ping: {address: 10.0.0.1, interface: e, answers: 2}, reverse: true}, {name: r, bond: b}]\n" + fmt.Sprintf(group, "c, {name: d, weight: 6}, {name: p, reverse: false}, {name: r, reverse: true}")
	const want = "~ check a: process nginx → process httpd, quorum 1 → 2, interval 1s → 2s, timeout 1s → 2s, weight 0 → -20\n" +
		"- check b (file /f)\n" +
		"+ check c (script /s)\n" +
		"~ check p: interface none → e, answers 1 → 2, reverse false → true\n" +
		"+ check r (bond b)\n" +
		"~ group web: + check c (weight 0), weight of check d 5 → 6, reverse of check p true → false, + check r (weight 0, reversed), - check a\n"
	d := Compare(mustParse(t, old), mustParse(t, new))
	if diff := cmp.Diff(want, d.String()); diff != "" || !d.Changed {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := Compare(mustParse(t, old), mustParse(t, strings.Replace(old, "nginx", "httpd", 1))); !d.Changed {
		t.Error("a check alone that changes is no change")
	}
}

// drawChecks draws valid checks.
func drawChecks(t *rapid.T) []state.Check {
	var checks []state.Check
	for i := range rapid.IntRange(0, 4).Draw(t, "checks") {
		c := state.Check{
			Name:     fmt.Sprintf("c%d", i),
			Interval: time.Duration(rapid.Int64Range(int64(minInterval), int64(maxInterval)).Draw(t, "interval")),
			Rise:     rapid.IntRange(1, 3).Draw(t, "rise"), Fall: rapid.IntRange(1, 3).Draw(t, "fall"),
			Weight: rapid.IntRange(-state.MaxWeight, state.MaxWeight).Draw(t, "weight"), InitFail: rapid.Bool().Draw(t, "init_fail"), Reverse: rapid.Bool().Draw(t, "reverse"),
		}
		c.Timeout = rapid.SampledFrom([]time.Duration{c.Interval, time.Minute}).Draw(t, "timeout")
		switch rapid.IntRange(0, 8).Draw(t, "kind") {
		case 0:
			c.Script = &state.ScriptCheck{Path: "/s" + rapid.StringMatching(`[a-z ]?x`).Draw(t, "path")}
			if rapid.Bool().Draw(t, "args") {
				c.Script.Args = rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,6}`), 1, 3).Draw(t, "args")
			}
		case 1:
			c.TCP = "[::1]:1"
		case 2:
			c.HTTP = &state.HTTPCheck{URL: "https://h/", Status: rapid.IntRange(200, 201).Draw(t, "status"), Insecure: rapid.Bool().Draw(t, "insecure"), Follow: rapid.Bool().Draw(t, "follow")}
		case 3:
			c.Process = &state.ProcessCheck{Name: "a b", FullCommand: true, Quorum: rapid.IntRange(1, 2).Draw(t, "quorum"), QuorumMax: rapid.SampledFrom([]int{0, 7}).Draw(t, "quorum_max")}
		case 4:
			c.File = "/f"
		case 5:
			c.Ping = &state.PingCheck{Address: "10.0.0.1", Interface: rapid.SampledFrom([]string{"", "eth0"}).Draw(t, "interface"), Count: rapid.IntRange(3, 4).Draw(t, "count"), Answers: rapid.IntRange(1, 2).Draw(t, "answers")}
		case 6:
			c.ARP = &state.ARPCheck{Address: "fe80::1", Interface: "eth0"}
		case 7:
			c.Bond = &state.BondCheck{Name: "bond0", Links: rapid.IntRange(0, 1).Draw(t, "links")}
		default:
			c.Interface = "eth0"
		}
		checks = append(checks, c)
	}
	return checks
}

func drawUses(t *rapid.T, checks []state.Check) []state.CheckUse {
	var uses []state.CheckUse
	for _, c := range checks {
		if rapid.Bool().Draw(t, "used") {
			weight := rapid.SampledFrom([]int{c.Weight, 0, -20}).Draw(t, "use weight")
			uses = append(uses, state.CheckUse{Name: c.Name, Weight: weight, Reverse: rapid.Bool().Draw(t, "use reverse")})
		}
	}
	return uses
}
