package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

// Intervals of watch. What no event tells of (a lease that ran out, a warning) shows at the next look.
const (
	watchLook   = 5 * time.Second        // even if nothing happened
	watchGather = 150 * time.Millisecond // for what happens together to be drawn once
	watchDraw   = time.Second            // the time goes on
)

// Of the terminal (ECMA-48, and xterm's private modes): a screen of its own without cursor and without lines that wrap.
const (
	screenBegin = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	screenEnd   = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

func (c *ctl) watchCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "watch",
		GroupID: "look",
		Short:   "Show who holds what, and keep it up to date",
		Long: `watch shows what vipctl status shows, with the newest events below, and draws it anew when something happens.
Ctrl-C ends it. While vipd is restarted it shows what was known last, and says so.

Where standard output is no terminal, or TERM is dumb, it prints the status once, and then an event to a line.`,
		Example: "  vipctl watch\n  vipctl watch >> /var/log/vipd-events",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			if c.format != "" {
				return usagef("watch is for people; programs take vipctl events --follow -o json")
			}
			if _, rows := terminalSize(c.stdout); rows == 0 {
				return c.watchLines(ctx)
			}
			return c.watchScreen(ctx)
		}),
	}
}

func (c *ctl) look(ctx context.Context) (api.Status, error) {
	return ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Status, error) { return client.Status(ctx) })
}

func (c *ctl) watchLines(ctx context.Context) error {
	status, err := c.look(ctx)
	if err != nil {
		return err
	}
	p := paintFor(c.stdout)
	if _, err := fmt.Fprintln(c.stdout, statusView{Status: status, paint: p, now: time.Now()}.String()); err != nil {
		return err
	}
	return c.events(ctx, api.EventsRequest{Follow: true}, followedBefore)
}

// board is what watch shows.
type board struct {
	status api.Status
	events []told
	gone   bool // vipd does not answer; what is shown is old
	paint  paint
}

// watchScreen draws until ctx ends.
func (c *ctl) watchScreen(ctx context.Context) error {
	b := board{paint: paintFor(c.stdout)}
	var err error
	if b.status, err = c.look(ctx); err != nil {
		return err
	}
	list := eventList{}
	if b.status.Cluster != "" {
		if list, err = c.pastEvents(ctx, api.EventsRequest{}, followedBefore); err != nil {
			return err
		}
	}
	b.events = list.Events
	fmt.Fprint(c.stdout, screenBegin)
	defer fmt.Fprint(c.stdout, screenEnd)
	quiet := *c // nothing is said beside the screen
	quiet.stderr = io.Discard
	happened := make(chan told, 64)
	ctx, end := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		failed <- quiet.follow(ctx, api.EventsRequest{After: list.Last}, func(e told) error {
			select {
			case happened <- e:
			case <-ctx.Done():
			}
			return nil
		})
	}()
	err = quiet.redraw(ctx, &b, happened, failed)
	end()
	return err
}

// redraw keeps the board up to date until ctx ends, or the events do.
func (c *ctl) redraw(ctx context.Context, b *board, happened <-chan told, failed <-chan error) error {
	looked := time.Now()
	draw := time.NewTicker(watchDraw)
	defer draw.Stop()
	for {
		columns, rows := terminalSize(c.stdout)
		fmt.Fprint(c.stdout, frame(b.text(time.Now()), columns, rows))
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case e := <-happened:
			b.add(e)
			b.gather(ctx, happened)
			looked = time.Time{}
		case <-draw.C:
		}
		if time.Since(looked) < watchLook {
			continue
		}
		looked = time.Now()
		status, err := c.look(ctx)
		switch {
		case err == nil:
			b.status, b.gone = status, false
		case errors.Is(err, api.ErrUnreachable):
			b.gone = true
		case ctx.Err() == nil:
			return err
		}
	}
}

// gather takes in what happens at the same time.
func (b *board) gather(ctx context.Context, happened <-chan told) {
	late := time.NewTimer(watchGather)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-late.C:
			return
		case e := <-happened:
			b.add(e)
		}
	}
}

func (b *board) add(e told) {
	b.events = append(b.events, e)
	b.events = b.events[max(0, len(b.events)-followedBefore):]
}

func (b *board) text(now time.Time) string {
	var text strings.Builder
	if b.gone {
		text.WriteString(b.paint.bad("vipd does not answer; this is what it said last") + "\n")
	}
	text.WriteString(statusView{Status: b.status, paint: b.paint, now: now}.String())
	if len(b.events) > 0 {
		text.WriteString("\n" + historyText(eventList{Events: b.events}, b.paint))
	}
	return text.String()
}

// frame is a text as it is drawn over the one before. What does not fit the screen's rows is left out at the end of the
// status, since the newest events are at the end of the text.
func frame(text string, columns, rows int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if over := len(lines) - rows; over > 0 && rows > followedBefore {
		head := rows - followedBefore - 1
		lines = append(append(lines[:head:head], strings.Repeat("·", min(columns, 3))), lines[head+1+over:]...)
	} else if over > 0 {
		lines = lines[:max(rows, 1)]
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}
