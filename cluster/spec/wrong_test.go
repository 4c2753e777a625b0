package spec

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/state"
)

// groupWith puts one line, or several, into a group that is right without it.
func groupWith(lines string) string {
	return "groups:\n- name: web\n  interface: eth0\n  " + strings.ReplaceAll(lines, "\n", "\n  ") + "\n"
}

// vrrpWith puts lines, if any, into the vrrp section of a group that is right without it.
func vrrpWith(lines string) string {
	if lines == "" {
		return groupWith(goodAddress + "vrrp: {}")
	}
	return groupWith(goodAddress + "vrrp:\n  " + strings.ReplaceAll(lines, "\n", "\n  "))
}

const goodAddress = "addresses: [10.0.0.1/24]\n"

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", "f: groups: there are no groups: list them under `groups:`, or write `groups: []` to serve nothing"},
		{"only a comment", "# groups\n", "f: groups: there are no groups: list them under `groups:`, or write `groups: []` to serve nothing"},
		{"no groups key", "{}\n", "f:1: groups: there are no groups: list them under `groups:`, or write `groups: []` to serve nothing"},
		{"groups without a value", "groups:\n", "f:1: groups: has no value: give it one or remove the line"},
		{"groups is a mapping", "groups:\n  web:\n    priority: 1\n", "f:1: groups: a mapping is not a list: begin each element with `- ` on a line of its own, or write [a, b]"},
		{"group is text", "groups:\n- web\n", "f:2: groups[0]: `web` is not a mapping: write it as `key: value`; known keys: name, interface, addresses, priority, priorities, preempt, preempt_delay, link_weight, on_quorum_loss, vrrp, checks, together, apart, nodes, selector, balance, damping, routes, rules, notify"},
		{"unknown key at the top", "group: []\n", "f:1: group: unknown key: did you mean `groups`? known keys: checks, groups"},
		{"unknown key", groupWith(goodAddress + "prempt: false"), "f:5: groups[0].prempt: unknown key: did you mean `preempt`? known keys: name, interface, addresses, priority, priorities, preempt, preempt_delay, link_weight, on_quorum_loss, vrrp, checks, together, apart, nodes, selector, balance, damping, routes, rules, notify"},
		{"key twice", groupWith(goodAddress + "priority: 1\npriority: 2"), "f:6: groups[0].priority: is also on line 5: keep one of them"},

		{"no name", "groups:\n- interface: eth0\n  addresses: [10.0.0.1/24]\n", "f:2: groups[0].name: the group has no name: add `name: web`"},
		{"name is a number", "groups:\n- name: 7\n  interface: eth0\n  addresses: [10.0.0.1/24]\n", "f:2: groups[0].name: `7` is not text: put it in quotes: \"7\""},
		{"name with a space", "groups:\n- name: a b\n  interface: eth0\n  addresses: [10.0.0.1/24]\n", "f:2: groups[0].name: \"a b\" is not a group name: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first"},
		{"name twice", groupWith(goodAddress) + "- name: web\n  interface: eth0\n  addresses: [10.0.0.2/24]\n", "f:6: groups[1].name: group web is also on line 2: give one of them another name"},

		{"route without a way", groupWith(goodAddress + "routes: [10.9.0.0/16]"), "f:5: groups[0].routes[0]: it leads nowhere: add `via ADDRESS` or `dev INTERFACE`, or begin with blackhole, unreachable, prohibit or throw"},
		{"route with host bits", groupWith(goodAddress + "routes: [10.9.0.1/16 dev eth0]"), "f:5: groups[0].routes[0]: 10.9.0.1/16 has bits beyond its length; 10.9.0.0/16 is the network: " + routeForm},
		{"route of two families", groupWith(goodAddress + "routes: ['10.9.0.0/16 via fd00::1']"), "f:5: groups[0].routes[0]: it has addresses of both families: use one family in a route"},
		{"route with an unknown word", groupWith(goodAddress + "routes: [default via 10.0.0.2 weight 5]"), "f:5: groups[0].routes[0]: weight is not a word of a route: " + routeForm},
		{"route without a value", groupWith(goodAddress + "routes: [default via]"), "f:5: groups[0].routes[0]: via lacks a value: " + routeForm},
		{"route of the kernel's table", groupWith(goodAddress + "routes: [10.9.0.0/16 dev eth0 table 255]"), "f:5: groups[0].routes[0]: table 255 is the kernel's own: use another table"},
		{"blackhole with a way", groupWith(goodAddress + "routes: [blackhole 10.9.0.0/16 dev eth0]"), "f:5: groups[0].routes[0]: a blackhole route leads nowhere: remove `via`, `dev`, `nexthop` and `onlink`"},
		{"scope in IPv6", groupWith(goodAddress + "routes: ['fd01::/64 dev eth0 scope link']"), "f:5: groups[0].routes[0]: IPv6 has no scopes of routes: remove `scope`"},
		{"route in two groups", groupWith(goodAddress+"routes: [10.9.0.0/16 dev eth0]") + "- {name: db, interface: eth0, addresses: [10.0.0.2], routes: [10.9.0.0/16 via 10.0.0.9]}\n", "f:6: groups[1].routes[0]: a route to 10.9.0.0/16 in table 0 with metric 0 is also on line 5: keep one, or give one another metric or table"},
		{"rule without a priority", groupWith(goodAddress + "rules: [from 10.0.0.1 table 100]"), "f:5: groups[0].rules[0]: priority 0 is out of range: add `priority N`, 1 to 32765; lower ones are looked at first"},
		{"rule without a table", groupWith(goodAddress + "rules: [from 10.0.0.1 priority 5]"), "f:5: groups[0].rules[0]: it does not say, in one way, what becomes of a packet: add one of `table N`, `goto N`, nop, blackhole, unreachable and prohibit"},
		{"table by a bad name", groupWith(goodAddress + "routes: [default via 10.0.0.2 table 1x]"), "f:5: groups[0].routes[0]: 1x is not a number or a name for table: " + routeForm},
		{"table local", groupWith(goodAddress + "routes: [10.9.0.0/16 dev eth0 table local]"), "f:5: groups[0].routes[0]: table 255 is the kernel's own: use another table"},
		{"one way and several", groupWith(goodAddress + "routes: [default dev eth0 nexthop via 10.0.0.2 nexthop via 10.0.0.3]"), "f:5: groups[0].routes[0]: it has one way and several: move `via`, `dev` and `onlink` behind a `nexthop`"},
		{"a way to nowhere", groupWith(goodAddress + "routes: [default nexthop via 10.0.0.2 nexthop weight 5]"), "f:5: groups[0].routes[0]: a way of it leads nowhere: add `via ADDRESS` or `dev INTERFACE` after `nexthop`"},
		{"a way without a router", groupWith(goodAddress + "routes: ['fd01::/64 nexthop via fd00::2 nexthop dev eth0']"), "f:5: groups[0].routes[0]: a way of it has no router: add `via ADDRESS` after `nexthop`: IPv6 shares only between routers"},
		{"a way of the other family", groupWith(goodAddress + "routes: ['10.9.0.0/16 nexthop via 10.0.0.2 nexthop via fd00::2']"), "f:5: groups[0].routes[0]: it has addresses of both families: use one family in a route"},
		{"weight too large", groupWith(goodAddress + "routes: [default nexthop via 10.0.0.2 weight 257 nexthop via 10.0.0.3]"), "f:5: groups[0].routes[0]: weight 257 is out of range: use 1 to 256"},
		{"MTU too small", groupWith(goodAddress + "routes: ['fd01::/64 dev eth0 mtu 600']"), "f:5: groups[0].routes[0]: mtu 600 is out of range: use 1280 to 65520"},
		{"MTU of nothing", groupWith(goodAddress + "routes: [blackhole 10.9.0.0/16 mtu 1400]"), "f:5: groups[0].routes[0]: no connection goes by a blackhole route: remove `mtu`, `advmss`, `hoplimit`, `initcwnd` and `initrwnd`"},
		{"port 0", groupWith(goodAddress + "rules: [ipproto tcp dport 0 table 100 priority 5]"), "f:5: groups[0].rules[0]: dport 0 is out of range: use 1 to 65534"},
		{"ports backwards", groupWith(goodAddress + "rules: [ipproto tcp dport 90-80 table 100 priority 5]"), "f:5: groups[0].rules[0]: 90-80 is not a range for dport: " + ruleForm},
		{"goto backwards", groupWith(goodAddress + "rules: [from 10.0.0.1 goto 5 priority 5]"), "f:5: groups[0].rules[0]: goto 5 leads back: its own priority is 5: go on at a higher number"},
		{"suppressed without a table", groupWith(goodAddress + "rules: [suppress_prefixlength 0 nop priority 5]"), "f:5: groups[0].rules[0]: suppress_prefixlength is for routes of a table, and there is none: add `table N`, or remove it"},
		{"mark beyond its mask", groupWith(goodAddress + "rules: [fwmark 16/15 table 100 priority 5]"), "f:5: groups[0].rules[0]: fwmark 16/15 is never met: use no bits that are not in the mask"},
		{"table and goto", groupWith(goodAddress + "rules: [table 100 goto 9 priority 5]"), "f:5: groups[0].rules[0]: it does not say, in one way, what becomes of a packet: add one of `table N`, `goto N`, nop, blackhole, unreachable and prohibit"},
		{"notify without a script", groupWith(goodAddress + "notify: {timeout: 5s}"), "f:5: groups[0].notify: it names no script: add one of `master`, `backup`, `fault`, `stop` and `any`, as in `any: /etc/vipd/scripts/notify`"},
		{"notify with a command line", groupWith(goodAddress + "notify:\n  master: /bin/up now"), "f:6: groups[0].notify.master: a script is a path alone, and no shell reads it: write `{path: /bin/up, args: [now]}`"},
		{"notify, not from the root", groupWith(goodAddress + "notify:\n  any: notify.sh"), "f:6: groups[0].notify.any: \"notify.sh\" is not an absolute path: write it from the root, as /etc/vipd/scripts/check-haproxy"},
		{"notify in keepalived's words", groupWith(goodAddress + "notify:\n  notify_master: /bin/up"), "f:6: groups[0].notify.notify_master: unknown key: known keys: master, backup, fault, stop, any, timeout"},
		{"notify for too long", groupWith(goodAddress + "notify: {any: /bin/n, timeout: 2h}"), "f:5: groups[0].notify.timeout: 2h is out of range: use 1ms to 1h; the default is 30s"},
		{"name of a set", groupWith(goodAddress + "together: a b"), "f:5: groups[0].together: \"a b\" is not the name of a set: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first"},
		{"no addresses", groupWith("priority: 7"), "f:2: groups[0].addresses: the group has no addresses: list them under `addresses:`, or remove the group"},
		{"empty addresses", groupWith("addresses: []"), "f:4: groups[0].addresses: the group has no addresses: list them under `addresses:`, or remove the group"},
		{"octet too large", groupWith("addresses:\n- 10.0.0.1/24\n- 192.168.1.300/24"), "f:6: groups[0].addresses[1]: 192.168.1.300/24 is not an address: write it as 192.168.1.100/24 or 2001:db8::100/64"},
		{"address is empty", groupWith(`addresses: [""]`), "f:4: groups[0].addresses[0]: \"\" is not an address: write it as 192.168.1.100/24 or 2001:db8::100/64"},
		{"address without address", groupWith("addresses: [{label: eth0}]"), "f:4: groups[0].addresses[0]: there is no address here: add `address: 192.168.1.100/24`"},
		{"address is a list", groupWith("addresses: [[10.0.0.1]]"), "f:4: groups[0].addresses[0]: a list is not a mapping: write it as `key: value`; known keys: address, interface, label, peer, broadcast, scope, noprefixroute, preferred_lft"},
		{"prefix too long", groupWith("addresses: [10.0.0.1/33]"), "f:4: groups[0].addresses[0]: \"33\" is not a prefix length: write it as 10.0.0.1/24"},
		{"prefix is empty", groupWith("addresses: ['2001:db8::1/']"), "f:4: groups[0].addresses[0]: \"\" is not a prefix length: write it as 2001:db8::1/64"},
		{"prefix of no length", groupWith("addresses: [10.0.0.1/0]"), "f:4: groups[0].addresses[0]: 10.0.0.1/0 has a prefix of no length: write it as 10.0.0.1/24"},
		{"netmask", groupWith("addresses: [10.0.0.1/255.255.240.0]"), "f:4: groups[0].addresses[0]: \"255.255.240.0\" is not a prefix length: write it as 10.0.0.1/20"},
		{"zone", groupWith("addresses: ['fe80::1%eth1/64']"), "f:4: groups[0].addresses[0]: fe80::1%eth1/64 has a zone: write fe80::1/64 and `interface: eth1`"},
		{"mapped", groupWith("addresses: ['::ffff:10.0.0.1']"), "f:4: groups[0].addresses[0]: ::ffff:10.0.0.1 is IPv4 written as IPv6: write it as 10.0.0.1"},
		{"network", groupWith("addresses: [10.0.0.0/24]"), "f:4: groups[0].addresses[0]: 10.0.0.0/24 is the network's own address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"network of IPv6", groupWith("addresses: ['2001:db8::/64']"), "f:4: groups[0].addresses[0]: 2001:db8::/64 is the network's own address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"broadcast", groupWith("addresses: [10.0.0.63/26]"), "f:4: groups[0].addresses[0]: 10.0.0.63/26 is the network's broadcast address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"all ones", groupWith("addresses: [255.255.255.255]"), "f:4: groups[0].addresses[0]: 255.255.255.255/32 is a broadcast address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"multicast", groupWith("addresses: [224.0.0.18]"), "f:4: groups[0].addresses[0]: 224.0.0.18/32 is a multicast address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"multicast of IPv6", groupWith("addresses: ['ff02::12']"), "f:4: groups[0].addresses[0]: ff02::12/128 is a multicast address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"loopback", groupWith("addresses: [127.0.0.1/8]"), "f:4: groups[0].addresses[0]: 127.0.0.1/8 is a loopback address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"unspecified", groupWith("addresses: ['::']"), "f:4: groups[0].addresses[0]: ::/128 stands for any address: choose a unicast address of a host, as 192.168.1.100/24"},
		{"address twice in a group", groupWith("addresses:\n- 10.0.0.1/24\n- {address: 10.0.0.1/32, label: eth0}"), "f:6: groups[0].addresses[1].address: 10.0.0.1 is also on line 5: remove one of them"},
		{"address in two groups", groupWith(goodAddress) + "- name: db\n  interface: eth0\n  addresses:\n  - 10.0.0.1\n", "f:9: groups[1].addresses[0]: 10.0.0.1 is also in group web, on line 4: an address can be in one group only"},

		{"no interface", "groups:\n- name: web\n  addresses: [10.0.0.1/24, 10.0.0.2/24]\n", "f:2: groups[0].interface: no interface is named for 10.0.0.1/24: add `interface: eth0` to the group or to the address"},
		{"interface too long", strings.Replace(groupWith(goodAddress), "eth0", "abcdefghijklmnop", 1), "f:3: groups[0].interface: \"abcdefghijklmnop\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},
		{"interface of an address", groupWith("addresses:\n- address: 10.0.0.1/24\n  interface: eth/0"), "f:6: groups[0].addresses[0].interface: \"eth/0\" is not an interface name: use 1 to 15 characters without space, `/` and `:`, as in eth0 or bond0.100"},

		{"label of another interface", groupWith("addresses: [{address: 10.0.0.1/24, label: 'eth1:0'}]"), "f:4: groups[0].addresses[0].label: eth1:0 does not go with eth0: write eth0 or eth0:x"},
		{"label continues the name", groupWith("addresses: [{address: 10.0.0.1/24, label: eth00}]"), "f:4: groups[0].addresses[0].label: eth00 does not go with eth0: write eth0 or eth0:x"},
		{"label ends with the colon", groupWith("addresses: [{address: 10.0.0.1/24, label: 'eth0:'}]"), "f:4: groups[0].addresses[0].label: eth0: does not go with eth0: write eth0 or eth0:x"},
		{"label too long", groupWith("addresses: [{address: 10.0.0.1/24, label: 'eth0:abcdefghijk'}]"), "f:4: groups[0].addresses[0].label: eth0:abcdefghijk has 16 bytes: shorten it to 15"},
		{"label on IPv6", groupWith("addresses: [{address: '2001:db8::1', label: eth0}]"), "f:4: groups[0].addresses[0].label: IPv6 addresses have no labels: remove it"},

		{"scope of IPv6", groupWith("addresses: [{address: '2001:db8::1', scope: link}]"), "f:4: groups[0].addresses[0].scope: the scope of an IPv6 address is in the address: remove it"},
		{"scope unknown", groupWith("addresses: [{address: 10.0.0.1, scope: lan}]"), "f:4: groups[0].addresses[0].scope: lan is not a scope: use global, site, link, host or a number, 0 to 254"},
		{"scope nowhere", groupWith("addresses: [{address: 10.0.0.1, scope: 255}]"), "f:4: groups[0].addresses[0].scope: 255 is not a scope: use global, site, link, host or a number, 0 to 254"},
		{"broadcast of IPv6", groupWith("addresses: [{address: '2001:db8::1', broadcast: +}]"), "f:4: groups[0].addresses[0].broadcast: IPv6 has no broadcast addresses: remove it"},
		{"broadcast is the address", groupWith("addresses: [{address: 10.0.0.1, broadcast: +}]"), "f:4: groups[0].addresses[0].broadcast: 10.0.0.1 is not a broadcast address for 10.0.0.1/32: write `broadcast: +` for the last address of the network"},
		{"peer of the other family", groupWith("addresses: [{address: 10.0.0.1, peer: 'fd00::1'}]"), "f:4: groups[0].addresses[0].peer: 10.0.0.1 and its peer fd00::1 are of different families: use one family"},
		{"peer with a prefix", groupWith("addresses: [{address: 10.0.0.1, peer: 10.0.0.2/32}]"), "f:4: groups[0].addresses[0].peer: 10.0.0.2/32 is not an address: write it without a prefix length"},
		{"peer is the address", groupWith("addresses: [{address: 10.0.0.1, peer: 10.0.0.1}]"), "f:4: groups[0].addresses[0].peer: 10.0.0.1 is the address itself: write the address of the other end, or remove it"},
		{"preferred for a while", groupWith("addresses: [{address: 10.0.0.1, preferred_lft: 300}]"), "f:4: groups[0].addresses[0].preferred_lft: 300 is not 0 or forever: write `preferred_lft: 0` for an address that is not chosen as a source, or `forever`; vipd renews lifetimes itself"},

		{"priority 0", groupWith(goodAddress + "priority: 0"), "f:5: groups[0].priority: 0 is out of range: use 1 to 254; to keep a node from holding the group, give it 0 under `priorities`"},
		{"priority 255", groupWith(goodAddress + "priority: 255"), "f:5: groups[0].priority: 255 is out of range: use 1 to 254; to keep a node from holding the group, give it 0 under `priorities`"},
		{"priority is text", groupWith(goodAddress + "priority: high"), "f:5: groups[0].priority: `high` is not a whole number: write decimal digits"},
		{"priority in quotes", groupWith(goodAddress + "priority: '100'"), "f:5: groups[0].priority: \"100\" is not a whole number: write decimal digits"},
		{"priority with a point", groupWith(goodAddress + "priority: 1.5"), "f:5: groups[0].priority: `1.5` is not a whole number: write decimal digits"},
		{"priority of a node", groupWith(goodAddress + "priorities:\n  n1: 254\n  n2: -1"), "f:7: groups[0].priorities.n2: -1 is out of range: use 1 to 254, or 0 for a node that never holds the group"},
		{"node name", groupWith(goodAddress + "priorities: {node_1: 5}"), "f:5: groups[0].priorities.node_1: \"node_1\" is not a node name: use at most 63 letters, digits, `-` and `.`, as in node1 or db-2.example"},
		{"node twice", groupWith(goodAddress + "priorities: {n1: 5, n1: 6}"), "f:5: groups[0].priorities.n1: is also on line 5: keep one of them"},
		{"priorities is a list", groupWith(goodAddress + "priorities: [n1]"), "f:5: groups[0].priorities: a list is not a mapping: write it as `key: value`"},

		{"preempt", groupWith(goodAddress + "preempt: yes"), "f:5: groups[0].preempt: `yes` is not true or false: write true or false"},
		{"delay without a unit", groupWith(goodAddress + "preempt_delay: 30"), "f:5: groups[0].preempt_delay: 30 has no unit: write 30s or 30ms"},
		{"delay is text", groupWith(goodAddress + "preempt_delay: soon"), "f:5: groups[0].preempt_delay: \"soon\" is not a duration: write it as 50ms, 3s or 1m30s"},
		{"delay too long", groupWith(goodAddress + "preempt_delay: 1h"), "f:5: groups[0].preempt_delay: 1h is out of range: use 0s to 1000s"},
		{"weight negative", groupWith(goodAddress + "link_weight: -10"), "f:5: groups[0].link_weight: -10 is out of range: use 0 to 253; 0 lets a bond count as long as any of its links works"},
		{"weight too large", groupWith(goodAddress + "link_weight: 254"), "f:5: groups[0].link_weight: 254 is out of range: use 0 to 253; 0 lets a bond count as long as any of its links works"},
		{"apart without a name", groupWith(goodAddress + "apart: {strict: true}"), "f:5: groups[0].apart: \"\" is not the name of a set: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first"},
		{"apart is a list", groupWith(goodAddress + "apart: [db]"), "f:5: groups[0].apart: a list is not a mapping: write it as `key: value`; known keys: set, strict"},
		{"apart, strict in one", groupWith(goodAddress+"apart: s") + "- {name: db, interface: eth0, addresses: [10.0.0.2], apart: {set: s, strict: true}}\n", "f:6: groups[1].apart: set s is strict in one group and not in another, on line 5: write the same in all groups of the set"},
		{"apart and together", groupWith(goodAddress+"apart: s\ntogether: t") + "- {name: db, interface: eth0, addresses: [10.0.0.2], apart: s, together: t}\n", "f:7: groups[1].apart: the group cannot be apart from one that is together with it, on line 5: remove `apart` or `together` of one of them"},
		{"nodes without any", groupWith(goodAddress + "nodes: []"), "f:5: groups[0].nodes: no node is named, so nobody could hold the group: name some, or remove the line"},
		{"nodes with a wrong name", groupWith(goodAddress + "nodes: [n1, n_2]"), "f:5: groups[0].nodes[1]: \"n_2\" is not a node name: use at most 63 letters, digits, `-` and `.`, as in node1 or db-2.example"},
		{"nodes name one twice", groupWith(goodAddress + "nodes: [n1, n1]"), "f:5: groups[0].nodes[1]: n1 is there twice: remove one of them"},
		{"a priority of none of the nodes", groupWith(goodAddress + "nodes: [n1]\npriorities: {n1: 5, n2: 6, n3: 0}"), "f:6: groups[0].priorities.n2: n2 is not under `nodes`, so it never holds the group: add it there, or remove it here"},
		{"selector", groupWith(goodAddress + "selector: {rack: ''}"), "f:5: groups[0].selector.rack: \"\" cannot be in a label: use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first, as in rack: a"},
		{"selector is text", groupWith(goodAddress + "selector: rack=a"), "f:5: groups[0].selector: `rack=a` is not a mapping: write it as `key: value`"},
		{"balance without preemption", groupWith(goodAddress + "balance: true\npreempt: false"), "f:5: groups[0].balance: with `preempt: false` the group leaves no node that can hold it: remove one of the two"},
		{"damping too long", groupWith(goodAddress + "damping: 2h"), "f:5: groups[0].damping: 2h is out of range: use 0s to 1h; 0s prefers a node again as soon as it is well"},
		{"delay negative", groupWith(goodAddress + "preempt_delay: -1s"), "f:5: groups[0].preempt_delay: -1s is out of range: use 0s to 1000s"},

		{"vrrp without a number", vrrpWith(""), "f:5: groups[0].vrrp.virtual_router_id: the section has none: add `virtual_router_id: 51`, the number of the peers"},
		{"number 0", vrrpWith("virtual_router_id: 0"), "f:6: groups[0].vrrp.virtual_router_id: it is out of range: use 1 to 255"},
		{"number 256", vrrpWith("virtual_router_id: 256"), "f:6: groups[0].vrrp.virtual_router_id: it is out of range: use 1 to 255"},
		{"number twice", vrrpWith("virtual_router_id: 51") + "- {name: db, interface: eth0, addresses: [10.0.0.2], vrrp: {virtual_router_id: 51}}\n", "f:7: groups[1].vrrp.virtual_router_id: 51 on eth0 is also on line 6: two groups of one family need two numbers on an interface"},
		{"version 4", vrrpWith("virtual_router_id: 51\nversion: 4"), "f:7: groups[0].vrrp.version: there is no such version: use 2 (RFC 3768) or 3 (RFC 9568)"},
		{"version 2 of IPv6", groupWith("addresses: ['2001:db8::1/64']\nvrrp: {virtual_router_id: 51, version: 2}"), "f:5: groups[0].vrrp.version: version 2 is for IPv4: use 3"},
		{"fraction of a second in version 2", vrrpWith("virtual_router_id: 51\nadvert_int: 1500ms"), "f:7: groups[0].vrrp.advert_int: version 2 cannot advertise every 1.5s: use a multiple of 1s from 1s to 4m15s"},
		{"interval 0", vrrpWith("virtual_router_id: 51\nversion: 3\nadvert_int: 0s"), "f:8: groups[0].vrrp.advert_int: version 3 cannot advertise every 0s: use a multiple of 10ms from 10ms to 40.95s"},
		{"interval beyond version 3", vrrpWith("virtual_router_id: 51\nversion: 3\nadvert_int: 41s"), "f:8: groups[0].vrrp.advert_int: version 3 cannot advertise every 41s: use a multiple of 10ms from 10ms to 40.95s"},
		{"password too long", vrrpWith("virtual_router_id: 51\nauth_pass: secretary"), "f:7: groups[0].vrrp.auth_pass: the password has 9 bytes: shorten it to 8, which is all that keepalived sends"},
		{"password in version 3", vrrpWith("virtual_router_id: 51\nversion: 3\nauth_pass: secret"), "f:8: groups[0].vrrp.auth_pass: version 3 has no authentication: remove it; keepalived ignores its own likewise"},
		{"checksum in version 2", vrrpWith("virtual_router_id: 51\nv3_checksum_as_v2: true"), "f:7: groups[0].vrrp.v3_checksum_as_v2: it is about version 3 over IPv4: remove it"},
		{"vrrp priority 0", vrrpWith("virtual_router_id: 51\npriority: 0"), "f:7: groups[0].vrrp.priority: 0 is out of range: use 1 to 254, or 255 for the owner of the addresses; without it the group's best priority counts"},
		{"label on a virtual MAC", groupWith("addresses: [{address: 10.0.0.1, label: 'eth0:1'}]\nvrrp: {virtual_router_id: 51, virtual_mac: true}"), "f:4: groups[0].addresses[0].label: with virtual_mac the address is on an interface of its own, whose name is not eth0: remove the label, or `virtual_mac`"},
		{"on_quorum_loss without vrrp", groupWith(goodAddress + "on_quorum_loss: vrrp"), "f:5: groups[0].on_quorum_loss: the group has no vrrp section to fall back to: add `vrrp: {virtual_router_id: 51}`, or write `on_quorum_loss: release`"},
		{"on_quorum_loss", groupWith(goodAddress + "on_quorum_loss: keep"), "f:5: groups[0].on_quorum_loss: keep is not a choice: write release or vrrp"},
		{"two families", groupWith("addresses: [10.0.0.1/24, '2001:db8::1/64']\nvrrp: {virtual_router_id: 51}"), "f:5: groups[0].vrrp: the group has both IPv4 and IPv6 addresses (10.0.0.1, 2001:db8::1), and an advert has one family: make a second group for the others, or name them under `excluded`"},
		{"vrrp without an interface", "groups:\n- name: web\n  addresses: [{address: 10.0.0.1, interface: eth0}]\n  vrrp: {virtual_router_id: 51}\n", "f:4: groups[0].vrrp: the group names no interface to send adverts on: add `interface: eth0` to the group"},
		{"excluded is elsewhere", vrrpWith("virtual_router_id: 51\nexcluded: [10.0.0.9]"), "f:7: groups[0].vrrp.excluded[0]: 10.0.0.9 is not an address of the group: list it under the group's `addresses` too"},
		{"all excluded", vrrpWith("virtual_router_id: 51\nexcluded: [10.0.0.1]"), "f:5: groups[0].vrrp: no address is left to advertise: remove one from `excluded`"},
		{"peer with a length", vrrpWith("virtual_router_id: 51\nunicast_peers: [10.0.0.7/24]"), "f:7: groups[0].vrrp.unicast_peers[0]: 10.0.0.7/24 is not an address: write it without a prefix length"},
		{"peer of the other family", vrrpWith("virtual_router_id: 51\nunicast_peers: ['fe80::1']"), "f:7: groups[0].vrrp.unicast_peers[0]: fe80::1 is of another family than the group's addresses: name the peer's address of that family"},
		{"peer is a group of hosts", vrrpWith("virtual_router_id: 51\nunicast_peers: [224.0.0.18]"), "f:7: groups[0].vrrp.unicast_peers[0]: 224.0.0.18 is not a host's address: name the peer's own address on the segment; for multicast leave `unicast_peers` out"},
		{"peer is virtual", vrrpWith("virtual_router_id: 51\nunicast_peers: [10.0.0.7, 10.0.0.1]"), "f:7: groups[0].vrrp.unicast_peers[1]: 10.0.0.1 is an address of the group: name the peer's own address"},

		{"all at once, by line", "groups:\n- interface: eth0\n  priority: 0\n  addresses: [10.0.0.1/99]\n  preempt: 1\n", "" +
			"f:2: groups[0].name: the group has no name: add `name: web`\n" +
			"f:3: groups[0].priority: 0 is out of range: use 1 to 254; to keep a node from holding the group, give it 0 under `priorities`\n" +
			"f:4: groups[0].addresses[0]: \"99\" is not a prefix length: write it as 10.0.0.1/24\n" +
			"f:5: groups[0].preempt: `1` is not true or false: write true or false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse("f", []byte(tt.in))
			if err == nil {
				t.Fatalf("accepted as %+v:\n%s", s, tt.in)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if s.Groups != nil {
				t.Errorf("groups came with the error: %+v", s)
			}
		})
	}
}

func TestValidateNamesGroupsWithoutLines(t *testing.T) {
	address := func(s string) state.Address {
		return state.Address{Prefix: netip.MustParsePrefix(s), Interface: "eth0"}
	}
	s := Spec{Groups: []state.Group{
		{Name: "web", Priority: 100, Addresses: []state.Address{address("10.0.0.1/24"), {Prefix: netip.MustParsePrefix("::ffff:10.0.0.2/128")}}},
		{Name: "db", Priority: 100, Addresses: []state.Address{address("10.0.0.1/32")}},
		{Name: "db", Priority: 300, Addresses: []state.Address{{Interface: "eth0"}}},
	}}
	want := strings.Join([]string{
		"groups[web].addresses[1]: ::ffff:10.0.0.2/128 is IPv4 written as IPv6: choose a unicast address of a host, as 192.168.1.100/24",
		"groups[web].interface: no interface is named for ::ffff:10.0.0.2/128: add `interface: eth0` to the group or to the address",
		"groups[db].addresses[0]: 10.0.0.1 is also in group web, at groups[web].addresses[0]: an address can be in one group only",
		"groups[db].name: group db is also at groups[db].name: give one of them another name",
		"groups[db].priority: 300 is out of range: use 1 to 254; to keep a node from holding the group, give it 0 under `priorities`",
	}, "\n")
	err := Validate(s)
	if err == nil {
		t.Fatal("accepted")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestValidateBoundsCounts(t *testing.T) {
	group := func(i, addresses int) state.Group {
		g := state.Group{Name: fmt.Sprintf("g%d", i), Priority: 1, Interface: "eth0"}
		for j := range addresses {
			ip := netip.AddrFrom4([4]byte{10, byte(i), byte(j >> 8), byte(j)})
			g.Addresses = append(g.Addresses, state.Address{Prefix: netip.PrefixFrom(ip, 32), Interface: "eth0"})
		}
		return g
	}
	full := Spec{Groups: []state.Group{group(0, maxAddresses-1), group(1, 1)}}
	if err := Validate(full); err != nil {
		t.Errorf("%d addresses: %v", maxAddresses, err)
	}
	full.Groups = append(full.Groups, group(2, 1))
	want := "groups[g2].addresses: here the number of addresses exceeds 16384: use fewer"
	if err := Validate(full); err == nil || err.Error() != want {
		t.Errorf("one address more: %v, want %s", err, want)
	}
	want = "groups: there are 4097 groups: use at most 4096; addresses that move together fit into one"
	if err := Validate(Spec{Groups: make([]state.Group, maxGroups+1)}); err == nil || err.Error() != want {
		t.Errorf("too many groups: %v, want %s", err, want)
	}
}
