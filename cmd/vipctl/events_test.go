package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // events are shown in local time
	os.Exit(m.Run())
}

func someEvents() []state.Event {
	at := time.Date(2026, 1, 2, 12, 0, 0, 123_000_000, time.UTC)
	eve := &state.Who{User: "eve", UID: 1000, Node: "n1"}
	list := []state.Event{
		{Seq: 300000, Kind: state.Founded, Node: "n1", Reason: "cluster c1", By: eve},
		{Seq: 400000, Kind: state.Applied, Reason: "group web added", By: eve},
		{Seq: 500000, Kind: state.Held, Group: "web", Node: "n1", Serial: 1, Reason: "new group"},
		{Seq: 600000, Kind: state.Lost, Node: "n1", Reason: "a majority withdrew the lease of epoch 1"},
		{Seq: 600001, Kind: state.Held, Group: "web", From: "n1", Node: "n2", Serial: 2, Reason: "n1: lease ended"},
		{Seq: 700000, Kind: state.Carried, Group: "web", From: "n1", Node: "n2", Serial: 2, Duration: 412_345_678},
		{Seq: 800000, Kind: state.Failing, Node: "n2", Subject: "check nginx", Reason: "no such process"},
		{Seq: 900000, Kind: state.Held, Group: "web", From: "n2", Serial: 3, Reason: "nobody can hold it"},
		{Seq: 1000000, Kind: state.Recovered, Node: "n2", Subject: "check nginx"},
		{Seq: 1100000, Kind: state.Extended, Node: "n2", Duration: 20 * time.Second, By: eve},
		{Seq: 1200000, Kind: state.Drained, Node: "n2", By: eve},
	}
	for i := range list {
		list[i].At = at.Add(time.Duration(i) * 10 * time.Second)
	}
	return list
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                          {},
		"10m":                       now.Add(-10 * time.Minute),
		"1h30m ago":                 now.Add(-90 * time.Minute),
		"2026-01-01T00:00:00+01:00": time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC),
	} {
		got, err := parseSince(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	if _, err := parseSince("-10m", now); err == nil {
		t.Error("the future is taken")
	}
}

// Whoever follows sees each event once and in order, also when the daemon was restarted meanwhile.
func TestFollowOverARestart(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "vipd.sock")
	events := someEvents()
	d := &daemon{events: events[:2], happens: make(chan state.Event, 1)}
	stop := serveAt(t, socket, d)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.happens <- events[2]
	out := trigger{on: `"seq":500000`, do: func() {
		go func() {
			stop()
			d.events = events[:5]
			serveAt(t, socket, d)
			d.happens <- events[5]
		}()
	}}
	seen := trigger{on: `"seq":700000`, do: cancel}
	var stderr strings.Builder
	code := run(ctx, []string{"events", "-f", "-o", "json", "--socket", socket}, strings.NewReader(""), both{&out, &seen}, &stderr)
	if code != exitDone || stderr.String() != "vipctl: vipd went away; waiting for it to come back\n" {
		t.Errorf("exit %d, stderr:\n%s", code, &stderr)
	}
	var got []state.Event
	for line := range strings.Lines(seen.text.String()) {
		var e state.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(events[:6], got); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
}

// both writes to two triggers.
type both [2]*trigger

func (b both) Write(p []byte) (int, error) {
	if n, err := b[0].Write(p); err != nil {
		return n, err
	}
	return b[1].Write(p)
}

func TestWatchWithoutATerminal(t *testing.T) {
	d := &daemon{status: api.Status{Node: "n1", Cluster: "c1", Leader: "n1", Quorum: true}, events: someEvents(), happens: make(chan state.Event, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := someEvents()[4]
	next.Seq, next.Node = 9900000, "n3"
	d.happens <- next
	out := trigger{on: "n1 → n3", do: cancel}
	code := run(ctx, []string{"watch", "--socket", serve(t, d)}, strings.NewReader(""), &out, &strings.Builder{})
	text := out.text.String()
	if code != exitDone || !strings.HasPrefix(text, "cluster c1: n1 leads, quorum\n") || strings.Contains(text, "\x1b") {
		t.Errorf("exit %d, output:\n%s", code, text)
	}
	if n := strings.Count(text, "2026-01-02"); n != followedBefore+1 {
		t.Errorf("%d events:\n%s", n, text)
	}
}

func TestFrameKeepsTheNewestEvents(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		text.WriteString(strings.Repeat("x", i) + "\n")
	}
	got := strings.Split(frame(text.String(), 80, 24), "\r\n")
	if len(got) != 24 || got[23] != strings.Repeat("x", 39)+"\x1b[K\x1b[J" || got[0] != "\x1b[H\x1b[K" || got[13] != "···\x1b[K" {
		t.Errorf("%d lines: %q", len(got), got)
	}
	if got := strings.Split(frame(text.String(), 80, 3), "\r\n"); len(got) != 3 {
		t.Errorf("%d lines on a screen of 3", len(got))
	}
}
