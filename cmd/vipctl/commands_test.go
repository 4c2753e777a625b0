package main

import (
	"cmp"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

const webYAML = `groups:
- name: web
  interface: eth0
  addresses:
  - 192.0.2.10/24
`

func web() state.Group {
	return state.Group{
		Name: "web", Interface: "eth0", Priority: 100, Preempt: true, PreemptDelay: 10 * time.Second, Priorities: map[string]int{"n1": 150},
		Addresses: []state.Address{{Prefix: netip.MustParsePrefix("192.0.2.10/24"), Interface: "eth0"}},
	}
}

var difference = spec.Diff{Changed: true, Groups: []spec.GroupDiff{
	{Name: "db", Action: spec.Remove, Addresses: 1},
	{Name: "mail", Action: spec.Change, Addresses: 2, Changes: []string{"priority 100 → 120", "+ 192.0.2.7/24"}},
	{Name: "web", Action: spec.Add, Addresses: 1},
}}

const checksYAML = `checks:
- name: nginx
  process: nginx
  interval: 2s
  fall: 2
  weight: -20
groups:
- name: web
  interface: eth0
  addresses: [192.0.2.10/24]
  checks:
  - nginx
`

func nginx() state.Check {
	return state.Check{Name: "nginx", Process: &state.ProcessCheck{Name: "nginx", Quorum: 1}, Interval: 2 * time.Second, Timeout: 2 * time.Second, Rise: 1, Fall: 2, Weight: -20}
}

func checkedWeb() state.Group {
	g := web()
	g.Checks = []state.CheckUse{{Name: "nginx", Weight: -20}}
	return g
}

var checkList = api.CheckList{Checks: []api.CheckStatus{
	{Name: "nginx", What: "process nginx", Interval: 2 * time.Second, Groups: []api.CheckUse{{Group: "api", Weight: 0}, {Group: "web", Weight: -20}}, Nodes: []api.CheckResult{
		{Node: "n1", State: "failing", Text: "no such process"}, {Node: "n2", State: "ok", Text: "3 running"}, {Node: "n3", State: "waiting"},
	}},
	{Name: "maintenance", What: "file /run/maintenance", Interval: time.Second, Groups: []api.CheckUse{{Group: "web", Weight: 1}}, Nodes: []api.CheckResult{
		{Node: "n1", State: "ok", Value: -5, Text: "it says -5"},
	}},
	{Name: "gateway", What: "ping 192.0.2.1", Interval: time.Second, Groups: []api.CheckUse{{Group: "api", Weight: 10, Reverse: true}}, Nodes: []api.CheckResult{
		{Node: "n1", State: "ok", Text: "it answers"},
	}},
	{Name: "spare", What: "tcp h:1", Interval: time.Second, Groups: []api.CheckUse{}, Nodes: []api.CheckResult{}},
}}

var standings = api.Status{Groups: []api.GroupStatus{
	{Name: "web", Holder: "n2", Reason: "preempt: priority 90 is better than 80 of n1 (check nginx fails: -20)", Nodes: []api.Candidate{
		{Node: "n2", Eligible: true, Priority: 80, Holding: 90, Terms: []api.Term{{By: 90, What: "the group's `priorities` name it"}, {By: 0, What: "check nginx is ok"}, {By: -10, What: "bond0 has 1 of 2 links usable"}}},
		{Node: "n4", Eligible: true, Priority: 90, Crowd: 2, Terms: []api.Term{{By: 90, What: "the group's `priority`"}}},
		{Node: "n1", Eligible: true, Priority: 80, Adjusted: "check nginx fails: -20", Damped: "it lost web twice within 1m, and is not preferred until it has been stable for 1m"},
		{Node: "n6", Eligible: true, Priority: 1, Adjusted: "check nginx fails: -120", Terms: []api.Term{{By: 100, What: "the group's `priority`"}, {By: -120, What: "check nginx fails"}}},
		{Node: "n3", Priority: 70, Why: "it is silent", Adjusted: "check uplink is ok: +10"}, {Node: "n5", Why: "check port fails: connection refused"},
	}},
	{Name: "db", Reason: "n1: lease ended", Nodes: []api.Candidate{{Node: "n1", Why: "it has no lease"}}},
}}

var simulated = api.SimulateResult{Unchanged: 3, Assumed: []string{"automatic moves are paused"}, Groups: []api.SimulatedMove{
	{Group: "db", From: "n1", Reason: "n1: lease ended; no other node is eligible"},
	{Group: "web", From: "n1", To: "n2", After: 10 * time.Second, Reason: "preempt: priority 110 is better than 90 of n1"},
}}

var paused = &state.Pause{
	Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Until: time.Date(2026, 1, 2, 5, 4, 5, 0, time.UTC), By: "n1", Reason: "switch",
}

var rotated = api.SecretStatus{
	Fingerprint: "0123", Rotated: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Stragglers: []string{"n4"},
	Rotation: &api.RotationStatus{
		Phase: "offer", Next: "4567", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), By: "eve@n1", Without: []string{"n4"}, Ready: []string{"n1", "n2"}, Waiting: []string{"n3"},
	},
}

// Each case is a file in testdata: what the user sees, and what the daemon is asked.
func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   string
		stdin  string
		daemon *daemon
	}{
		{name: "init", args: "init", daemon: &daemon{says: []string{"founding cluster c1"}}},
		{name: "init with profile", args: "init --profile wan -o json"},
		{name: "init again", args: "init", daemon: &daemon{already: true}},
		{name: "init with unknown profile", args: "init --profile moon"},
		{name: "token", args: "token"},
		{name: "token for one node", args: "token --ttl 10m --once"},
		{name: "token for less than nothing", args: "token --ttl -1h"},
		{name: "token list", args: "token list", daemon: &daemon{tokens: api.TokenList{Tokens: []api.TokenStatus{
			{ID: "1f0a9b3c", State: "good", Made: paused.Since, By: "eve@n1", Expires: paused.Until, Once: true},
			{ID: "2f0a9b3c", State: "expired", Made: paused.Since, Expires: paused.Until, Used: 3},
		}}}},
		{name: "token list of nothing", args: "token list"},
		{name: "token revoke", args: "token revoke 1f0a9b3c"},
		{name: "token revoke refused", args: "token revoke 1", daemon: &daemon{refuse: "1: no such token; `vipctl token list` lists them"}},
		{name: "token in no cluster", args: "token", daemon: &daemon{refuse: "this node belongs to no cluster"}},
		{name: "join from standard input", args: "join -", stdin: "  vipd1-c2VjcmV0\n", daemon: &daemon{says: []string{"asking the cluster to let this node in", "a member now; waiting for a lease"}}},
		{name: "join from a file", args: "join --file testdata/token"},
		{name: "join from a missing file", args: "join --file testdata/none"},
		{name: "join with the token in sight", args: "join vipd1-c2VjcmV0"},
		{name: "join again", args: "join -", stdin: "vipd1-c2VjcmV0", daemon: &daemon{already: true}},
		{name: "join with an empty token", args: "join -", stdin: "\n"},
		{name: "join without a token", args: "join"},
		{name: "reload", args: "reload", daemon: &daemon{reloaded: api.Reloaded{File: "/etc/vipd/vipd.yaml", Changes: []api.FileChange{
			{Key: "listen", Before: "", After: "10.9.0.2"}, {Key: "bonds", Before: "[]", After: "[bond0]", Live: true, Note: "bond0: create it"},
		}}}},
		{name: "reload of the same file", args: "reload", daemon: &daemon{reloaded: api.Reloaded{File: "/etc/vipd/vipd.yaml"}}},
		{name: "reload refused", args: "reload", daemon: &daemon{refuse: "/etc/vipd/vipd.yaml:2: fence: \"of\" is not a choice: write nftables or none"}},
		{name: "join with two tokens", args: "join - --file testdata/token"},
		{name: "join as a witness", args: "join - --role witness", stdin: "vipd1-c2VjcmV0"},
		{name: "join in no such role", args: "join - --role king", stdin: "vipd1-c2VjcmV0"},
		{name: "remove", args: "remove n3", daemon: &daemon{says: []string{"taking n3 out of the cluster"}}},
		{name: "remove by force", args: "remove n3 --force -o json"},
		{name: "remove a stranger", args: "remove n9", daemon: &daemon{already: true}},
		{name: "remove refused", args: "remove n3", daemon: &daemon{refuse: "n3 is alive: run `vipctl leave` there, or say --force to take it out from here"}},
		{name: "role", args: "role n3 witness"},
		{name: "role of no such name", args: "role n3 king"},
		{name: "voters", args: "voters"},
		{name: "voters in a number", args: "voters 3 --replace-after 30s -o json"},
		{name: "voters in an even number", args: "voters 4"},
		{name: "leave", args: "leave"},
		{name: "leave by force", args: "leave --force -o yaml"},
		{name: "leave refused", args: "leave", daemon: &daemon{refuse: "n1 is the last node of cluster c1"}},
		{name: "apply", args: "apply -f testdata/web.yaml", daemon: &daemon{applied: api.ApplyResult{Diff: difference, Unheld: []string{"mail: n1 has no interface eth9"}}}},
		{name: "apply from standard input", args: "apply -f - --dry-run", stdin: webYAML, daemon: &daemon{applied: api.ApplyResult{Diff: difference}}},
		{name: "apply without changes", args: "apply -f -", stdin: webYAML},
		{name: "apply in JSON", args: "apply -f - -o json", stdin: webYAML, daemon: &daemon{applied: api.ApplyResult{Diff: difference}}},
		{name: "apply a wrong file", args: "apply -f testdata/wrong.yaml"},
		{name: "apply a missing file", args: "apply -f testdata/none.yaml"},
		{name: "apply nothing", args: "apply"},
		{name: "get", args: "get", daemon: &daemon{spec: api.Specification{Groups: []state.Group{web()}}}},
		{name: "get in YAML", args: "get -o yaml", daemon: &daemon{spec: api.Specification{Groups: []state.Group{web()}}}},
		{name: "get in JSON", args: "get -o json", daemon: &daemon{spec: api.Specification{Groups: []state.Group{web()}}}},
		{name: "get what is newest", args: "get --consistent", daemon: &daemon{spec: api.Specification{Groups: []state.Group{web()}}}},
		{name: "get nothing", args: "get"},
		{name: "get checks", args: "get", daemon: &daemon{spec: api.Specification{Groups: []state.Group{checkedWeb()}, Checks: []state.Check{nginx()}}}},
		{name: "apply checks", args: "apply -f - --dry-run", stdin: checksYAML, daemon: &daemon{applied: api.ApplyResult{Diff: spec.Diff{Changed: true,
			Checks: []spec.CheckDiff{{Name: "nginx", Action: spec.Change, What: "process nginx", Changes: []string{"fall 1 → 2"}}, {Name: "old", Action: spec.Remove, What: "tcp h:1"}}}}}},
		{name: "apply a wrong check", args: "apply -f -", stdin: strings.Replace(checksYAML, "- nginx", "- apache", 1)},
		{name: "checks", args: "checks", daemon: &daemon{checks: checkList}},
		{name: "checks in JSON", args: "checks -o json", daemon: &daemon{checks: api.CheckList{Checks: checkList.Checks[1:2]}}},
		{name: "checks of nothing", args: "checks", daemon: &daemon{checks: api.CheckList{Checks: []api.CheckStatus{}}}},
		{name: "why", args: "why web", daemon: &daemon{status: standings}},
		{name: "why nobody", args: "why db", daemon: &daemon{status: standings}},
		{name: "why in YAML", args: "why db -o yaml", daemon: &daemon{status: standings}},
		{name: "why of no such group", args: "why mail", daemon: &daemon{status: standings}},
		{name: "import", args: "import --node web1=testdata/keepalived.conf --node web2=testdata/keepalived.conf"},
		{name: "import in JSON", args: "import testdata/keepalived.conf -o json"},
		{name: "import what keepalived refuses", args: "import testdata/keepalived-wrong.conf"},
		{name: "import a missing file", args: "import testdata/none.conf"},
		{name: "import nothing", args: "import"},
		{name: "import without a name", args: "import --node testdata/keepalived.conf"},
		{name: "profile", args: "profile", daemon: &daemon{profile: state.LAN}},
		{name: "profile in YAML", args: "profile -o yaml", daemon: &daemon{profile: state.LAN}},
		{name: "profile by name", args: "profile wan", daemon: &daemon{profile: state.LAN}},
		{name: "profile with one value", args: "profile --lease 400ms", daemon: &daemon{profile: state.LAN}},
		{name: "profile with all values", args: "profile fast --renew 10ms --lease 60ms --margin 6ms", daemon: &daemon{profile: state.LAN}},
		{name: "profile that makes no sense", args: "profile lan --renew 200ms"},
		{name: "profile of no such name", args: "profile moon"},
		{name: "move", args: "move web n2", daemon: &daemon{moved: api.GroupStatus{Name: "web", Holder: "n2", Reason: "moved by an operator"}, says: []string{"moving web to n2"}}},
		{name: "move that waits", args: "move web n2", daemon: &daemon{moved: api.GroupStatus{Name: "web", Holder: "n2", Waiting: "n1"}}},
		{name: "move refused", args: "move web n9", daemon: &daemon{refuse: "n9 is no member"}},
		{name: "move with one argument", args: "move web"},
		{name: "drain", args: "drain n1", daemon: &daemon{says: []string{"n1 still holds 3 groups", "n1 still holds 3 groups", "n1 still holds 1 groups"}}},
		{name: "drain by force", args: "drain n1 --force -o json"},
		{name: "undrain", args: "undrain n1"},
		{name: "simulate", args: "simulate --node-down n1 --node-down n4 --drain n2 --check-fail nginx@n3", daemon: &daemon{simulated: simulated}},
		{name: "simulate in JSON", args: "simulate -o json", daemon: &daemon{simulated: simulated}},
		{name: "simulate a file", args: "simulate -f testdata/web.yaml", daemon: &daemon{simulated: api.SimulateResult{Unchanged: 1}}},
		{name: "simulate a wrong file", args: "simulate -f testdata/wrong.yaml"},
		{name: "simulate a check of nobody", args: "simulate --check-fail nginx"},
		{name: "simulate refused", args: "simulate --node-down n9", daemon: &daemon{refuse: "n9: no such node; `vipctl status` lists them"}},
		{name: "secret rotate", args: "secret rotate", daemon: &daemon{secret: api.SecretStatus{Fingerprint: "0123"}, says: []string{"each node stores the next secret; waiting for n3"}}},
		{name: "secret rotate without two", args: "secret rotate --without n2 --without n3", daemon: &daemon{secret: api.SecretStatus{Fingerprint: "0123"}}},
		{name: "secret status", args: "secret status", daemon: &daemon{secret: api.SecretStatus{Fingerprint: "0123"}}},
		{name: "secret status while it is rotated", args: "secret status", daemon: &daemon{secret: rotated}},
		{name: "secret status in JSON", args: "secret status -o json", daemon: &daemon{secret: rotated}},
		{name: "secret status of one that missed it", args: "secret status", daemon: &daemon{secret: api.SecretStatus{Fingerprint: "0123", Outdated: true}}},
		{name: "status while the secret is rotated", args: "status", daemon: &daemon{status: api.Status{Cluster: "c1", Leader: "n1", Quorum: true, Secret: &rotated}}},
		{name: "pause", args: "pause --reason switch --for 2h", daemon: &daemon{status: api.Status{Paused: paused}}},
		{name: "pause for ever in JSON", args: "pause -o json", daemon: &daemon{status: api.Status{Paused: &state.Pause{Since: paused.Since, By: "n1"}}}},
		{name: "pause for less than nothing", args: "pause --for -2h"},
		{name: "resume", args: "resume"},
		{name: "why while paused", args: "why web", daemon: &daemon{status: api.Status{Groups: []api.GroupStatus{{Name: "web", Reason: "n1: lease ended", Paused: true}}}}},
		{name: "status while paused", args: "status", daemon: &daemon{status: api.Status{Cluster: "c1", Leader: "n1", Quorum: true, Paused: paused}}},
		{name: "restart-hold", args: "restart-hold 20s", daemon: &daemon{hold: api.HoldResult{Left: 19987 * time.Millisecond, Groups: []string{"db", "web"}}, says: []string{"asking the voters for a lease of 20s"}}},
		{name: "restart-hold of nothing", args: "restart-hold 20s", daemon: &daemon{hold: api.HoldResult{Left: 20 * time.Second, Groups: []string{}}}},
		{name: "restart-hold in JSON", args: "restart-hold 20s -o json", daemon: &daemon{hold: api.HoldResult{Left: 20 * time.Second, Groups: []string{"web"}}}},
		{name: "restart-hold refused", args: "restart-hold 20s", daemon: &daemon{refuse: "this node runs with `fence: none`"}},
		{name: "restart-hold for too long", args: "restart-hold 2m"},
		{name: "restart-hold without a unit", args: "restart-hold 20"},
		{name: "bond", args: "bond", daemon: &daemon{bonds: someBonds()}},
		{name: "bond in JSON", args: "bond -o json", daemon: &daemon{bonds: someBonds()}},
		{name: "bond without bonds", args: "bond", daemon: &daemon{bonds: api.Bonds{Node: "n1"}}},
		{name: "bond show", args: "bond show bond0", daemon: &daemon{bonds: oneBond("bond0")}},
		{name: "bond show with LACP", args: "bond show bond1", daemon: &daemon{bonds: oneBond("bond1")}},
		{name: "bond show in JSON", args: "bond show bond1 -o json", daemon: &daemon{bonds: oneBond("bond1")}},
		{name: "bond show unknown", args: "bond show bond7", daemon: &daemon{refuse: "bond7 is no bond or team of this host, and no group uses it; `vipctl bond` lists those that are"}},
		{name: "bond plan", args: "bond plan", daemon: &daemon{plan: somePlan()}},
		{name: "bond plan in JSON", args: "bond plan -o json", daemon: &daemon{plan: somePlan()}},
		{name: "bond plan of nothing", args: "bond plan"},
		{name: "bond plan of a wrong file", args: "bond plan", daemon: &daemon{refuse: "/etc/vipd/vipd.yaml:4: bonds[0].mode: \"lacp\" is no bonding mode: use one of balance-rr, active-backup"}},
		{name: "bond apply", args: "bond apply", daemon: &daemon{plan: somePlan(), says: []string{"bond0: set miimon of bond0 from 100 to 50", "waiting at most 30s for the cluster to be in touch"}}},
		{name: "bond apply without confirmation", args: "bond apply --confirm-within 0"},
		{name: "bond apply taken back", args: "bond apply --confirm-within 5s", daemon: &daemon{refuse: "the cluster was in touch before the change and is not within 5s after it, so the change was taken back"}},
		{name: "bond failover", args: "bond failover bond0 eth1"},
		{name: "bond failover refused", args: "bond failover bond0 eth7", daemon: &daemon{refuse: "make eth7 the active member of bond0: eth7 is not a member"}},
		{name: "bond failover without a member", args: "bond failover bond0"},
		{name: "events", args: "events", daemon: &daemon{events: someEvents()}},
		{name: "events in JSON", args: "events --after 300003 -o json", daemon: &daemon{events: someEvents()[3:5]}},
		{name: "events of a group", args: "events --group web --last 1", daemon: &daemon{events: someEvents()}},
		{name: "events after forgotten ones", args: "events --after 7", daemon: &daemon{events: someEvents()[:1]}},
		{name: "events of nothing", args: "events --node n9", daemon: &daemon{events: someEvents()}},
		{name: "events since nonsense", args: "events --since yesterday"},
		{name: "events followed in YAML", args: "events --follow -o yaml"},
		{name: "events of no cluster", args: "events", daemon: &daemon{refuse: "this node belongs to no cluster yet"}},
		{name: "watch in JSON", args: "watch -o json"},
		{name: "recover", args: "recover"},
		{name: "recover with all confirmed", args: "recover --lost n1 --lost n2 --down-for 40s"},
		{name: "recover at once", args: "recover --lost n1,n2 --yes"},
		{name: "recover in JSON", args: "recover -o json"},
		{name: "recover what is well", args: "recover", daemon: &daemon{refuse: "nothing to recover: this node has a lease, which takes a majority"}},
		{name: "version", args: "version", daemon: &daemon{status: api.Status{Version: "v1.2.3"}}},
		{name: "version in JSON", args: "version -o json", daemon: &daemon{status: api.Status{Version: "v1.2.3"}}},
		{name: "unknown command", args: "mov"},
		{name: "unknown flag", args: "status --long"},
		{name: "unknown format", args: "status -o xml"},
		{name: "too many arguments", args: "status now"},
		{name: "help", args: "--help"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := cmp.Or(tt.daemon, &daemon{})
			t.Setenv("VIPD_SOCKET", serve(t, d))
			args := strings.Fields(tt.args)
			got := vipctl(t.Context(), tt.stdin, args...)
			golden(t, tt.name, transcript(args, got, d))
		})
	}
}

func TestEveryCommandTeaches(t *testing.T) {
	for _, cmd := range new(ctl).root().Commands() {
		if cmd.Short == "" || len(cmd.Long) < 80 || !strings.Contains(cmd.Example, "vipctl "+cmd.Name()) {
			t.Errorf("%s lacks a short text, a long one, or an example of itself", cmd.Name())
		}
	}
}
