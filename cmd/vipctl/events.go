package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

// followedBefore is how many events --follow shows of what was before, if not told otherwise.
const followedBefore = 10

// again is the pause before a daemon that went away is asked again.
const again = time.Second

func (c *ctl) eventsCommand() *cobra.Command {
	var r api.EventsRequest
	var since string
	last := -1
	cmd := &cobra.Command{
		Use:     "events",
		GroupID: "look",
		Short:   "Show what happened, and follow what happens",
		Long: `events shows the history of the cluster, oldest first. It is replicated, so every node tells the same, also after
a restart, and of the time when it was down itself. About the last thousand events are kept.

  holder               a group was given to another node; why, and who wanted it
  carried              the new holder has the addresses on it; how long nobody answered for them, at most: since
                       the old holder was heard last, or was told to let go. Not told where it is not known
  lost, stopped, started   a node's lease was withdrawn by a majority; a node let go by itself; it may hold groups
  failing, recovered   of a check, an interface, a link or a group on a node. What changes again and again is told
                       ever less often, with how many times it changed
  leads, promoted, demoted, joined, leaving, removed, founded    of nodes
  applied, profile, drained, undrained, paused, resumed, role, voters, hold, secret, token, done    commands: a specification, the
                       lease's timing, a drain, a pause, a role, the number of voters, a restart-hold, a rotation of the secret, a token that ends, and those that concern one node alone

A name in brackets is the user who gave the command, and the node where.

With --follow it goes on until Ctrl-C, also while vipd is restarted. -o json then prints an event to a line. SEQ is an
event's "seq" in JSON: it grows with each event, with gaps, and is the same on all nodes; a program that says --after
with the last one that it saw misses nothing, or is told by "missed" that some are forgotten.

The same for programs without vipctl: POST /v1/events to the socket, with {"follow": true, "after": SEQ}; each line of
the answer is {"event": {...}}, with "missed": true where some are missing.`,
		Example: "  vipctl events --since 10m\n  vipctl events --group web --last 5\n  vipctl events --follow -o json | jq -c 'select(.kind == \"holder\")'\n" +
			"  curl -sN --unix-socket /run/vipd/vipd.sock -d '{\"follow\":true}' http://vipd/v1/events",
		Args: operands(),
		RunE: c.action(func(ctx context.Context, _ []string) (err error) {
			if r.Since, err = parseSince(since, time.Now()); err != nil {
				return err
			}
			if last < 0 && r.Follow && since == "" && r.After == 0 {
				last = followedBefore
			}
			return c.events(ctx, r, last)
		}),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&r.Follow, "follow", "f", false, "go on with what happens from now on")
	flags.StringVar(&since, "since", "", "events since a time, as 10m ago or as 2006-01-02T15:04:05Z")
	flags.Uint64Var(&r.After, "after", 0, "events newer than the one with this SEQ")
	flags.IntVar(&last, "last", -1, "at most so many of the newest; -1: all, with --follow alone the last 10")
	flags.StringVar(&r.Group, "group", "", "events of a group")
	flags.StringVar(&r.Node, "node", "", "events of a node")
	return cmd
}

// parseSince reads a time, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(strings.TrimSuffix(strings.TrimSuffix(text, "ago"), " ")); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usagef("--since takes a duration, as 10m, or a time, as 2006-01-02T15:04:05Z")
	}
	return t, nil
}

// told is an event as -o json prints it.
type told struct {
	*state.Event
	Missed bool `json:"missed,omitempty"` // events before this one were forgotten
}

// eventList is what events prints without --follow.
type eventList struct {
	Events []told `json:"events"`
	Last   uint64 `json:"last"` // the newest of all, for --after
}

// events prints what was, and follows what comes.
func (c *ctl) events(ctx context.Context, r api.EventsRequest, last int) error {
	if r.Follow && c.format == asYAML {
		return usagef("--follow prints a table or JSON lines; leave -o yaml out")
	}
	list, err := c.pastEvents(ctx, r, last)
	if err != nil {
		return err
	}
	p := paintFor(c.stdout)
	if !r.Follow {
		return c.print(list, func() string { return historyText(list, p) })
	}
	show := func(e told) error {
		text := eventLine(e, p)
		if c.format == asJSON {
			line, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("write an event as JSON: %w", err)
			}
			text = string(line) + "\n"
		}
		_, err := fmt.Fprint(c.stdout, text)
		return err
	}
	for _, e := range list.Events {
		if err := show(e); err != nil {
			return err
		}
	}
	r.After = list.Last
	return c.follow(ctx, r, show)
}

// pastEvents asks for what was.
func (c *ctl) pastEvents(ctx context.Context, r api.EventsRequest, last int) (eventList, error) {
	r.Follow = false
	return ask(ctx, c, func(ctx context.Context, client *api.Client) (eventList, error) {
		list := eventList{Events: []told{}}
		result, err := client.Events(ctx, r, func(e *state.Event, missed bool) error {
			list.Events = append(list.Events, told{e, missed})
			if last >= 0 && len(list.Events) > last {
				list.Events = list.Events[1:]
			}
			return nil
		})
		list.Last = result.Last
		return list, err
	})
}

// follow shows events from r.After on until ctx ends, also over restarts of the daemon.
func (c *ctl) follow(ctx context.Context, r api.EventsRequest, show func(told) error) error {
	r.Follow, r.Since = true, time.Time{}
	client := api.NewClient(c.path(), func(string) {})
	for away := false; ; away = true {
		_, err := client.Events(ctx, r, func(e *state.Event, missed bool) error {
			r.After, away = e.Seq, false
			return show(told{e, missed})
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, api.ErrUnreachable) {
			return err
		}
		if !away {
			fmt.Fprintln(c.stderr, "vipctl: vipd went away; waiting for it to come back")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again):
		}
	}
}

func historyText(list eventList, p paint) string {
	if len(list.Events) == 0 {
		return "No such events.\n"
	}
	var b strings.Builder
	for _, e := range list.Events {
		b.WriteString(eventLine(e, p))
	}
	return b.String()
}

// eventLine is an event in a line.
func eventLine(e told, p paint) string {
	line := fmt.Sprintf("%s  %-9s  %s", e.At.Local().Format("2006-01-02 15:04:05.000"), e.Kind, eventText(*e.Event))
	switch {
	case e.Kind == state.Lost, e.Kind == state.Failing, e.Kind == state.Held && e.Node == "":
		line = p.bad(line)
	case e.Kind == state.Held, e.Kind == state.Carried:
		line = p.head(line)
	}
	if e.Missed {
		line = p.warn("(events before this one are forgotten)") + "\n" + line
	}
	return line + "\n"
}

func eventText(e state.Event) string {
	text := e.Node
	switch e.Kind {
	case state.Held:
		text = fmt.Sprintf("%s: %s → %s", e.Group, orNobody(e.From), orNobody(e.Node))
	case state.Carried:
		text = fmt.Sprintf("%s is on %s", e.Group, e.Node)
		if e.Duration > 0 {
			text += fmt.Sprintf(", after at most %v without an answer", e.Duration.Round(time.Millisecond))
		}
	case state.Failing:
		text = fmt.Sprintf("%s: %s fails", e.Node, e.Subject)
	case state.Recovered:
		text = fmt.Sprintf("%s: %s is well again", e.Node, e.Subject)
	case state.PausedAll:
		text = "all groups stay where they are"
		if e.Duration > 0 {
			text += fmt.Sprintf(", for %v", e.Duration)
		}
	case state.Resumed:
		text = "groups move again"
	case state.Extended:
		text = fmt.Sprintf("%s, for %v", e.Node, e.Duration)
	}
	switch {
	case text == "":
		text = e.Reason
	case e.Reason != "":
		text += ": " + e.Reason
	}
	if e.By != nil {
		text += " (" + e.By.String() + ")"
	}
	return text
}

func orNobody(node string) string {
	if node == "" {
		return "NOBODY"
	}
	return node
}
