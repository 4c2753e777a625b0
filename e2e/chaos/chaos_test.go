package main

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// The slice that is part of `make test`; `make chaos` plays for longer and with other seeds.
var (
	forFlag  = flag.Duration("chaos.for", 25*time.Second, "play faults for so long")
	seedFlag = flag.Uint64("chaos.seed", 1, "the schedule's seed")
	// Nothing is upgraded by default, which would take another build: TestRollingUpgrade does that.
	earlierFlag = flag.String("chaos.earlier", "", "the commit whose vipd all nodes begin with, as "+earlierCommit)
)

func TestMain(m *testing.M) {
	probe.Main()
	code := m.Run()
	if err := harness.RemoveBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A short run finds nothing, and leaves a report that can be looked at.
func TestSlice(t *testing.T) {
	lab.Require(t)
	_, err := os.Stat(keepalivedProgram)
	lab.RequireOK(t, err)
	dir := t.TempDir()
	r, err := run(t.Context(), options{length: *forFlag, seed: *seedFlag, earlier: *earlierFlag, dir: dir}, testWriter{t})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Faults) < int(forFlag.Seconds()/5) || len(r.Commands) < int(forFlag.Seconds()) {
		t.Errorf("only %d faults and %d commands", len(r.Faults), len(r.Commands))
	}
	for _, a := range r.Addresses {
		if len(a.Holders) == 0 {
			t.Errorf("nobody ever answered for %s", a.Address)
		}
	}
	for _, name := range []string{"report.json", "report.html", "logs/node1-vipd.log", "logs/legacy1-keepalived.log"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// The drawing is well formed, and shows faults, holders, silences and, above all, two that answer.
func TestDrawing(t *testing.T) {
	r := &Report{
		Took:  time.Minute,
		Nodes: []Lane{{Node: "node1", Up: []Span{{To: time.Minute}}, Led: []Span{{To: time.Second}}}},
		Faults: []Deed{{Fault: Fault{Kind: "kill -9", Target: "node1"}, Text: "node1: kill -9 <&>", On: "node1", Struck: time.Second, Mended: 3 * time.Second},
			{Fault: Fault{Kind: "partition", Sides: [][]string{{"node1"}, {"node2"}}}, Text: "partition", Mended: time.Second, Error: "no \"room\""}},
		Addresses: []Address{{Address: web4, Holders: []Span{{To: time.Second, Who: "node1"}}, Silences: []Span{{From: time.Second, To: 2 * time.Second}}}},
		Doubles:   []Double{{Address: web4, Hosts: [2]string{"node1", "node2"}, Violation: true}},
		Commands:  []Op{{Kind: Write, Value: 1, Node: "node1", Error: "<timeout>"}},
	}
	names, svg := r.draw()
	for _, picture := range []string{names, svg} {
		for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in\n%s", err, picture)
			}
		}
	}
	if page, err := r.html(); err != nil || !strings.Contains(string(page), svg) {
		t.Errorf("the page: %v, or without the drawing", err)
	}
	for _, want := range []string{"kill -9 &lt;&amp;&gt;", `class="violation"`, `class="silence"`, `class="leads"`, `class="fault vain"`, "&lt;timeout&gt;", "node1 and node2 both answer"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the drawing lacks %s", want)
		}
	}
}

// What a silence lasted while somebody led is the longest overlap.
func TestWhileLed(t *testing.T) {
	lanes := []Lane{{Led: []Span{{From: 0, To: 10}, {From: 30, To: 40}}}, {Led: []Span{{From: 12, To: 20}}}}
	for _, tt := range []struct {
		silence Span
		want    time.Duration
	}{
		{Span{From: 2, To: 5}, 3}, {Span{From: 8, To: 17}, 5}, {Span{From: 20, To: 30}, 0}, {Span{From: 5, To: 35}, 8},
	} {
		if got := whileLed([]Span{tt.silence}, lanes); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.silence, got, tt.want)
		}
	}
}

// Commands are counted while a node has a lease; one that catches up is not busy.
func TestBusiest(t *testing.T) {
	l := &Lane{Held: []Span{{From: 0}}}
	for _, m := range []mark{{0, 100}, {5 * second, 150}, {11 * second, 210}, {21 * second, 3210}} {
		l.learnt(m.index, m.at)
	}
	if l.Busiest != 300 || l.BusiestAt != 21*second {
		t.Errorf("%.0f a second until %v, want 300 until 21s", l.Busiest, l.BusiestAt)
	}
	l = &Lane{Held: []Span{{From: 0}}}
	l.learnt(100, 0)
	l.Held = append(l.Held, Span{From: 30 * second})
	l.learnt(9000, 31*second)
	if l.Busiest != 0 {
		t.Errorf("one that caught up was busy: %.0f", l.Busiest)
	}
}
