package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

func (c *ctl) statusCommand() *cobra.Command {
	var wide bool
	cmd := &cobra.Command{
		Use:     "status",
		GroupID: "look",
		Short:   "Show who holds what, and why",
		Long: `status shows the cluster as this host's node sees it: whether a majority can be reached, what weakens
its promises, the nodes, and the groups of addresses with who holds each, for how long, and why.

The cluster writes down nothing that a node cannot read: "commands of version" is what all nodes read, and may be used.
While nodes of several versions are in one cluster, those to be upgraded before the rest may be used are named.

For a group that nobody holds it says of each node why not. SINCE is the time since the group was given to
its holder. EPOCH numbers the start of a node's daemon; "-" is a node that may hold nothing now.

A group with a vrrp section has a line of its own: its holder speaks for the cluster, and carries the addresses
while it is MASTER. While it is BACKUP, a router outside the cluster has them. Adverts that do not count are
counted by the reason. "without a majority" means that on_quorum_loss is vrrp and this node speaks for itself: that
there is one holder is not promised until the majority is back.

The counters of the fence are packets that this host's kernel dropped because the lease had run out, or
because another node is responsible; some are normal while a group moves.`,
		Example: "  vipctl status\n  vipctl status --wide\n  vipctl status -o json | jq -r '.groups[] | select(.holder == \"\").name'",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			status, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Status, error) { return client.Status(ctx) })
			if err != nil {
				return err
			}
			return c.print(status, func() string {
				return statusView{Status: status, paint: paintFor(c.stdout), wide: wide, now: time.Now()}.String()
			})
		}),
	}
	cmd.Flags().BoolVar(&wide, "wide", false, "show all addresses and groups, and full times")
	return cmd
}

// statusView is a status as people read it.
type statusView struct {
	api.Status
	paint paint
	wide  bool
	now   time.Time
}

// shown is how many names a cell has, unless all are asked for.
const shown = 3

func (v statusView) String() string {
	if v.Cluster == "" {
		return fmt.Sprintf("%s belongs to no cluster yet.\n"+
			"Found one with `vipctl init`, or join one: run `vipctl token` on a member of it, and here\n"+
			"`vipctl join -`, which reads the token.\n", v.Node) + v.warnings()
	}
	parts := []string{v.sentence() + "\n" + v.warnings(), v.nodes(), v.groups()}
	if v.Fence != nil {
		parts = append(parts, v.fence())
	}
	return strings.Join(parts, "\n")
}

func (v statusView) sentence() string {
	leader := "no leader is known"
	if v.Leader != "" {
		leader = v.Leader + " leads"
	}
	text := fmt.Sprintf("cluster %s: %s", v.Cluster, leader)
	if v.Quorum {
		text += ", quorum"
	}
	if v.Profile != nil {
		text += ", profile " + profileText(*v.Profile)
	}
	if v.Commands != nil {
		text += fmt.Sprintf(", commands of version %d", v.Commands.Version)
		if len(v.Commands.Behind) > 0 {
			text += "\n" + v.paint.warn(fmt.Sprintf("SEVERAL VERSIONS: what is new (up to version %d) is refused until these are upgraded: %s",
				v.Commands.Reads, strings.Join(v.Commands.Behind, ", ")))
		}
	}
	if !v.Quorum {
		serves := "nothing"
		if slices.ContainsFunc(v.Groups, func(g api.GroupStatus) bool { return g.VRRP != nil && g.VRRP.Alone }) {
			serves = "only what falls back to VRRP"
		}
		text = v.paint.bad(text + "\nNO QUORUM: " + v.Node + " has no lease from a majority of the voters, so it serves " + serves)
	}
	if v.Paused != nil {
		text += "\n" + v.paint.bad("PAUSED: "+pauseText(*v.Paused))
	}
	if v.Secret != nil && v.Secret.Rotation != nil {
		text += "\n" + rotationText(*v.Secret.Rotation)
	}
	return text
}

func profileText(p state.Profile) string {
	return fmt.Sprintf("%s (renew %v, lease %v, margin %v)", p.Name, p.Renew, p.Lease, p.Margin)
}

func (v statusView) warnings() string {
	var b strings.Builder
	for _, w := range v.Warnings {
		fmt.Fprintln(&b, v.paint.warn("warning: "+w))
	}
	return b.String()
}

func (v statusView) limit() int {
	if v.wide {
		return 0
	}
	return shown
}

func (v statusView) nodes() string {
	rows := make([]row, len(v.Nodes))
	for i, n := range v.Nodes {
		leader, epoch := "-", "-"
		if n.Leader {
			leader = "yes"
		}
		if n.Epoch != 0 {
			epoch = fmt.Sprint(n.Epoch)
		}
		rows[i].cells = []string{n.Name, n.Role, n.State, leader, epoch, n.Address, orDash(n.Version), list(n.Groups, v.limit())}
		rows[i].bad = n.State == "failed" || n.State == "no lease"
		if n.Drained {
			rows[i].notes = append(rows[i].notes, v.paint.warn("drained: it gets nothing until `vipctl undrain "+n.Name+"`"))
		}
		if v.wide && len(n.Labels) > 0 {
			rows[i].notes = append(rows[i].notes, "labels: "+labelText(n.Labels))
		}
		if n.Unfit != "" {
			rows[i].notes = append(rows[i].notes, "should hold nothing: "+n.Unfit)
		}
		for _, check := range n.Failing {
			rows[i].notes = append(rows[i].notes, v.paint.bad("check fails: "+check))
		}
	}
	return table(v.paint, []string{"NAME", "ROLE", "STATE", "LEADER", "EPOCH", "ADDRESS", "VERSION", "GROUPS"}, rows)
}

func labelText(labels map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, key+": "+labels[key])
	}
	return strings.Join(list, ", ")
}

func (v statusView) groups() string {
	if len(v.Groups) == 0 {
		return "No groups yet: `vipctl apply -f FILE` says what to serve.\n"
	}
	rows := make([]row, len(v.Groups))
	for i, g := range v.Groups {
		rows[i] = v.group(g)
	}
	return table(v.paint, []string{"NAME", "HOLDER", "SINCE", "ADDRESSES", "REASON"}, rows)
}

func (v statusView) group(g api.GroupStatus) row {
	since := ago(g.Since, v.now)
	if v.wide && !g.Since.IsZero() {
		since = g.Since.Format(time.RFC3339)
	}
	holder := g.Holder
	if g.Pinned {
		holder += " (pinned)"
	}
	r := row{bad: g.Holder == ""}
	if r.bad {
		holder = "NOBODY"
		for _, n := range g.Nodes {
			r.notes = append(r.notes, standing(n))
		}
	}
	for _, n := range g.Nodes {
		if n.Adjusted != "" {
			r.notes = append(r.notes, fmt.Sprintf("%s: priority %d (%s)", n.Node, n.Priority, n.Adjusted))
		}
		if n.Damped != "" {
			r.notes = append(r.notes, v.paint.warn(n.Node+": "+n.Damped))
		}
	}
	if g.VRRP != nil {
		r.notes = append(r.notes, v.vrrp(*g.VRRP))
	}
	r.notes = append(r.notes, asides(g, v.paint)...)
	if g.Waiting != "" {
		r.notes = append(r.notes, "waits for "+g.Waiting+" to let go")
	}
	r.cells = []string{g.Name, holder, since, list(g.Addresses, v.limit()), orDash(g.Reason)}
	return r
}

// asides says what is wrong with a group on a node and decides nothing: routes, notify scripts.
func asides(g api.GroupStatus, p paint) []string {
	var notes []string
	for _, node := range slices.Sorted(maps.Keys(g.Lacking)) {
		notes = append(notes, p.bad(fmt.Sprintf("not all routes on %s: %s", node, g.Lacking[node])))
	}
	for _, node := range slices.Sorted(maps.Keys(g.Scripts)) {
		notes = append(notes, p.bad(fmt.Sprintf("notify script failed on %s: %s", node, g.Scripts[node])))
	}
	return notes
}

// vrrp says in a line what a group's virtual router is doing.
func (v statusView) vrrp(r api.VRRPStatus) string {
	text := fmt.Sprintf("vrrp %d on %s: ", r.RouterID, r.Interface)
	switch {
	case r.State == "":
		text += "nobody speaks"
	case r.State == "BACKUP" && r.Master != "":
		text += "BACKUP; the master is " + r.Master
	default:
		text += r.State
	}
	if r.Alone {
		text += ", without a majority: others may hold it as well"
	}
	text += fmt.Sprintf("; priority %d; adverts sent %d, received %d", r.Priority, r.Sent, r.Received)
	if r.Unsent > 0 {
		text += fmt.Sprintf(", not sent %d", r.Unsent)
	}
	for i, reason := range slices.Sorted(maps.Keys(r.Dropped)) {
		if i == 0 {
			text += "; dropped:"
		} else {
			text += ","
		}
		text += fmt.Sprintf(" %s %d", reason, r.Dropped[reason])
	}
	return text
}

// standing says why a node does not hold a group that nobody holds.
func standing(n api.Candidate) string {
	switch {
	case n.Eligible:
		return fmt.Sprintf("%s: could hold it (priority %d)", n.Node, n.Priority)
	case n.Why == "":
		return n.Node + ": not eligible"
	}
	return n.Node + ": " + n.Why
}

func (v statusView) fence() string {
	if !v.Fence.Enforced {
		return v.paint.warn("fence of "+v.Node+": none, so a daemon that hangs may answer for what others took over") + "\n"
	}
	door := "shut"
	if v.Fence.Open {
		door = "open"
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(v.Fence.Dropped)) {
		if n := v.Fence.Dropped[name]; n > 0 {
			counts = append(counts, fmt.Sprintf("%s %d", name, n))
		}
	}
	if len(counts) == 0 {
		counts = []string{"nothing"}
	}
	return fmt.Sprintf("fence of %s: %s; packets dropped: %s\n", v.Node, door, strings.Join(counts, ", "))
}
