package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/spec"
)

func (c *ctl) applyCommand() *cobra.Command {
	var file string
	var dry bool
	cmd := &cobra.Command{
		Use:     "apply -f FILE",
		GroupID: "serve",
		Short:   "Say what the cluster serves",
		Long: `apply replaces all that the cluster serves with what a file says: groups that are not in it are no longer
served, checks that are not in it no longer run. It prints the difference, and returns when the change is replicated and the groups are placed.

The file is YAML, as vipctl get prints it:

  groups:
  - name: web
    interface: eth0
    addresses: [192.0.2.10/24, 2001:db8::10/64]   # or {address: 192.0.2.10/24, interface: eth1, label: eth1:web}: on
                                  # another interface than the group's, with a label for ifconfig. Also, as for ip(8):
                                  # peer: ADDRESS of a point-to-point link; broadcast: ADDRESS, or + for the last one
                                  # of the network (default none); scope: site, link, host or a number (IPv4; default
                                  # global); noprefixroute: true, no connected route; preferred_lft: 0, not chosen as
                                  # a source by the host (default for IPv6), or forever (default for IPv4)
    priority: 100                 # of nodes that are not named below (default 100)
    priorities: {n1: 150, n3: 0}  # higher is preferred, 0 never holds the group
    preempt: true                 # whether a better node takes it back (default true)
    preempt_delay: 10s            # how long that node has to be better first
    together: front               # groups of the same name here are on one node, all or none
    apart: resolvers              # groups of the same name here are kept on different nodes while there are enough,
                                  # whatever their priorities. {set: resolvers, strict: true}: a group that has
                                  # no node to itself has no holder
    nodes: [n1, n2, n3]           # the only nodes that may hold it (default: any)
    selector: {rack: a}           # labels that a node's file has to give it to hold the group (default: any)
    balance: true                 # whether the group moves to a node of equal priority that holds at least two
                                  # groups less, as after that node's return; by preempt and preempt_delay
                                  # (default false: equal nodes take nothing from each other)
    damping: 1m                   # how long a node that lost the group twice within a minute, by its checks or its
                                  # lease, has to be stable before it is preferred again; 0s: not at all
                                  # (default 1m)
    checks:                       # of those below, by name
    - nginx
    - {name: uplink, weight: 30}  # with another weight than the check's own; reverse, too
    link_weight: 20               # what a node's priority loses for each link that is missing of the bonds below
                                  # the addresses; 0: nothing while any link works. Not stated: 10 where a
                                  # holder has to be found, and no reason to move the group from one that has it
    on_quorum_loss: vrrp          # what nodes that lost the majority do: elect a holder among those they reach by
                                  # VRRP, so that two parts of the cluster may each have one (default release: they
                                  # hold nothing). Then run no keepalived with this number on the nodes themselves.
    vrrp:                         # only to share the addresses with VRRP routers outside the cluster
      virtual_router_id: 51       # 1 to 255, that of the peers
      version: 2                  # 2 or 3 (default 2; 3 for IPv6)
      advert_int: 1s              # whole seconds in version 2, multiples of 10ms in version 3 (default 1s)
      auth_pass: secret           # version 2 only, at most 8 bytes
      priority: 120               # that the cluster advertises (default: its best node's)
      unicast_peers: [192.0.2.2]  # instead of multicast
      excluded: ["2001:db8::10"]  # addresses that adverts do not list; those they list are of one family
      v3_checksum_as_v2: true     # RFC 9568's form of version 3's checksum over IPv4, instead of keepalived's
      virtual_mac: true           # the addresses have the MAC address 00:00:5e:00:01:XX of the protocol, which stays
                                  # the same wherever they are, on an interface vrrp.51 (default false)
    routes:                       # that are on the node which carries the addresses, in the words of ` + "`ip route add`" + `:
    - default via 192.0.2.1 dev eth0 table 100 metric 50  # PREFIX or default; via, dev, src, table (default main),
    - 198.51.100.0/24 dev eth0 src 192.0.2.10 scope link  # metric, scope (IPv4: global, site, link, host), onlink,
    - 198.51.100.0/24 dev eth0 table isp mtu lock 1400    # mtu [lock], advmss, hoplimit, initcwnd, initrwnd.
                                  # A node has to know a table's name, from /etc/iproute2/rt_tables or
                                  # rt_tables.d/*.conf; without it, it cannot have the group
    - default table 100 nexthop via 192.0.2.1 weight 2 nexthop via 192.0.2.2  # up to 8 ways: via, dev, weight, onlink
    - blackhole 203.0.113.0/24    # or unreachable, prohibit, throw (back to the rules)
    rules:                        # of policy routing, in the words of ` + "`ip rule add`" + `: not, from, to, iif, oif,
    - from 192.0.2.10 table 100 priority 500  # fwmark N[/MASK], ipproto, sport and dport N[-M], uidrange N-M;
                                  # table [suppress_prefixlength N], goto N, nop, blackhole, unreachable or
                                  # prohibit; priority, 1 to 32765
    notify:                       # scripts that a node runs when what it is to the group changes: for each role
      master: /etc/vipd/scripts/up     # it carries the addresses. A path, or {path: ..., args: [a, b]}
      backup: /etc/vipd/scripts/down   # it does not, and would if the holder went
      fault: /etc/vipd/scripts/down    # it would not: an interface, a check or the kernel is the reason, or it has no
                                       # lease, or is drained
      stop: /etc/vipd/scripts/down     # its daemon stops, or the group is not its to hold any more
      any: /etc/vipd/scripts/notify    # each of these; given INSTANCE, group, role in capitals and priority as arguments
      timeout: 30s                # of each script, 1ms to 1h (default 30s); then it is ended, and all that it started

  checks:                         # what each node that may hold a group looks at on itself
  - name: nginx
    process: nginx                # or {name: nginx, quorum: 1, quorum_max: 9, full_command: true}: so many at least and
                                  # at most (defaults 1, no limit); the whole command line instead of the name
    interval: 2s                  # 100ms to 1h (default 1s)
    timeout: 1s                   # then the run is ended, and counts as a failure (default: the interval)
    rise: 1                       # successes in a row that end a failure (default 1)
    fall: 2                       # failures in a row that make one (default 1)
    weight: -20                   # -253 to 253, a file's -254 to 254. Negative: taken off the priority while it fails;
                                  # positive: added while it does not; 0: a node on which it fails cannot hold the
                                  # group (default 0)
    reverse: true                 # the weight with the other sign; with 0, a node on which it does not fail cannot
                                  # hold the group (default false). keepalived's
    init_fail: true               # take it for failing until it has run (default false: nothing changes until then)
  - {name: port, tcp: "127.0.0.1:443"}
  - {name: page, http: "http://127.0.0.1/health"}  # or {url: ..., status: 200, insecure: true, follow: true}: the
                                  # status that is wanted, certificates not verified, redirects followed
  - {name: own, script: /etc/vipd/scripts/own}     # exit status 0 is well; or {path: ..., args: [a, b]}. Each node's
                                  # script_dirs say from where scripts run
  - {name: uplink, interface: eth1}                # up and running
  - {name: cables, bond: bond0}                    # all its links can be used; or {name: bond0, links: 2}: so many
  - {name: gateway, ping: 192.0.2.1}               # or {address: ..., interface: eth0, count: 3, answers: 1}: of so many
                                  # requests at most, 1 to 20, so many have to be answered (defaults 3 and 1)
  - {name: router, arp: {address: 192.0.2.1, interface: eth0}}  # answers ARP there, or IPv6's neighbour discovery;
                                  # that interface needs no address
  - {name: maintenance, file: /run/maintenance}    # the number in it times the weight (default 1) is added to the
                                  # priority; -254 or less: the node cannot hold the group

Routes and rules come after the addresses and go after them. They have the protocol number 118, by which vipd knows its own:
what others added stays, also where it is in the way of one of them. Then status says so, and the addresses are held.

Notify scripts run under the rules for scripts of checks (the node file's script_dirs and script_user), one after the
other for a group, and nothing waits for them. Of what happens while one runs, only what the node is in the end is told.
They find VIPD_GROUP, VIPD_NODE, VIPD_STATE, VIPD_PREVIOUS, VIPD_PRIORITY, VIPD_ADDRESSES, VIPD_REASON and VIPD_SKIPPED
(roles that were overtaken) in their environment, and in VIPD_SERIAL a number that grows with each move in the cluster:
whoever keeps the highest it saw can refuse what an overtaken holder sends (0: held without a majority).

A mistake in the file is reported with its line, nothing is changed, and the exit code is 1.`,
		Example: "  vipctl apply -f vips.yaml --dry-run\n  vipctl apply -f vips.yaml\n  vipctl get | sed s/eth0/eth1/ | vipctl apply -f -",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			wanted, err := c.readSpec(file)
			if err != nil {
				return err
			}
			send := order[api.ApplyResult]
			if dry {
				send = ask[api.ApplyResult]
			}
			result, err := send(ctx, c, func(ctx context.Context, client *api.Client) (api.ApplyResult, error) {
				return client.Apply(ctx, api.ApplyRequest{Groups: wanted.Groups, Checks: wanted.Checks, DryRun: dry})
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return applyText(result, paintFor(c.stdout)) })
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file; - is standard input")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only print what would change")
	return cmd
}

func (c *ctl) readSpec(file string) (spec.Spec, error) {
	switch file {
	case "":
		return spec.Spec{}, usagef("apply needs -f FILE, or -f - for standard input")
	case "-":
		text, err := io.ReadAll(c.stdin)
		if err != nil {
			return spec.Spec{}, fmt.Errorf("read standard input: %w", err)
		}
		return spec.Parse("standard input", text)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return spec.Spec{}, err // it names what was done, and to which file
	}
	return spec.Parse(file, text)
}

func applyText(r api.ApplyResult, p paint) string {
	var b strings.Builder
	b.WriteString(r.Diff.String())
	fmt.Fprintln(&b, applySummary(r))
	for _, unheld := range r.Unheld {
		fmt.Fprintln(&b, p.warn("warning: nobody can hold "+unheld))
	}
	return b.String()
}

func applySummary(r api.ApplyResult) string {
	if !r.Diff.Changed {
		return "no changes"
	}
	count := map[spec.Action]int{}
	for _, g := range r.Diff.Groups {
		count[g.Action]++
	}
	text := fmt.Sprintf("groups: %d added, %d changed, %d removed", count[spec.Add], count[spec.Change], count[spec.Remove])
	if len(r.Diff.Checks) > 0 {
		clear(count)
		for _, c := range r.Diff.Checks {
			count[c.Action]++
		}
		text += fmt.Sprintf("; checks: %d added, %d changed, %d removed", count[spec.Add], count[spec.Change], count[spec.Remove])
	}
	if r.DryRun {
		return text + " if it were applied; nothing was changed"
	}
	return text
}

func (c *ctl) getCommand() *cobra.Command {
	var r api.SpecRequest
	cmd := &cobra.Command{
		Use:     "get",
		GroupID: "serve",
		Short:   "Print what the cluster serves, as apply takes it",
		Long: `get prints the specification that is in force as YAML. Given to vipctl apply it changes nothing, so it can
be edited, compared, or kept. What is a default is left out. With -o json it is in the form of the API, with
defaults filled in and durations in nanoseconds.

It prints what this node knows, and so works without a majority too; a node that is cut off, or catching up, may
know an older one than the others. With --consistent it has a majority agree first, and then prints nothing older
than any apply that succeeded before; that takes one entry of the log, and fails where there is no majority.`,
		Example: "  vipctl get > vips.yaml\n  vipctl get -o json | jq '.groups | length'\n  vipctl get --consistent --timeout 5s",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			served, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Specification, error) {
				return client.Spec(ctx, r)
			})
			if err != nil {
				return err
			}
			text, err := spec.Marshal(spec.Spec{Groups: served.Groups, Checks: served.Checks})
			if err != nil {
				return err
			}
			if c.format == asYAML {
				c.format = "" // there is one YAML form, the one that apply takes
			}
			return c.print(served, func() string { return string(text) })
		}),
	}
	cmd.Flags().BoolVar(&r.Consistent, "consistent", false, "have a majority agree first that nothing newer is in force")
	return cmd
}
