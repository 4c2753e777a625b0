package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

func TestMain(m *testing.M) {
	probe.Main()
	standstillMain()
	code := m.Run()
	if err := harness.RemoveBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A quick run of a cut and a clean stop, of both programs, comes to plausible figures.
func TestQuick(t *testing.T) {
	lab.Require(t)
	_, err := exec.LookPath("keepalived")
	lab.RequireOK(t, err)
	file := filepath.Join(t.TempDir(), "report.json")
	var tables, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "failover", "-json", file}, &tables, &progress); err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	t.Logf("%s\n%s", progress.String(), tables.String())
	var r Report
	read(t, file, &r)
	if r.Machine.Cores < 1 || r.Machine.Keepalived == "" || r.Machine.Kernel == "" {
		t.Errorf("machine %+v", r.Machine)
	}
	seen := map[string]int{}
	for _, s := range r.Series {
		seen[strings.Fields(s.System)[0]+" "+string(s.Fault)] += len(s.Trials)
		checkSeries(t, s)
	}
	for _, want := range []string{"vipd cable cut", "vipd clean stop", "keepalived cable cut", "keepalived clean stop"} {
		if seen[want] < 3 {
			t.Errorf("%s: %d trials; all: %v", want, seen[want], seen)
		}
	}
	checkMerge(t, file, r)
	for _, want := range []string{"### Client's silence: cable cut", "| vipd lan | not leader | 3 |", "| keepalived 0.1 s |"} {
		if !strings.Contains(tables.String(), want) {
			t.Errorf("the tables lack %q", want)
		}
	}
}

// What one run found can be given to the next, which replaces the measured part of a document with all of it.
func checkMerge(t *testing.T, file string, r Report) {
	t.Helper()
	document := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(document, []byte("before\n"+measuredBegin+"old\n"+measuredEnd+"after\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	again := file + ".2"
	if err := run(t.Context(), []string{"-only", "", "-from", file, "-json", again, "-doc", document}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	var merged Report
	read(t, again, &merged)
	if diff := cmp.Diff(r.Series, merged.Series); diff != "" {
		t.Errorf("what an earlier run found (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "after\n") || strings.Contains(got, "old\n") ||
		!strings.Contains(got, "### Client's silence: cable cut") {
		t.Errorf("the document is:\n%s", got)
	}
}

func read(t *testing.T, file string, r *Report) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
}

func checkSeries(t *testing.T, s *Series) {
	t.Helper()
	if len(s.Failed) > 0 {
		t.Errorf("%s %s, %s: %q", s.System, s.Role, s.Fault, s.Failed)
	}
	if s.Summary.Median <= 0 || s.Summary.Worst < s.Summary.Median {
		t.Errorf("%s %s, %s: %+v", s.System, s.Role, s.Fault, s.Summary)
	}
	// A lease of 250 ms, of which at most a renewal's 50 ms are spent; three adverts of 100 ms.
	if s.Fault == cutFault && (s.Summary.Median < 100 || s.Summary.Worst > 10000) {
		t.Errorf("%s %s: a cut was silent for %+v", s.System, s.Role, s.Summary)
	}
	for _, trial := range s.Trials {
		if strings.HasPrefix(s.System, "vipd") && trial.Double+trial.DoubleAfter > 0 {
			t.Errorf("two answered: %s %s, %s: %+v", s.System, s.Role, s.Fault, trial)
		}
	}
}
