package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

func TestMain(m *testing.M) {
	probe.Main()
	os.Exit(m.Run())
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
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
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
	for _, want := range []string{"### Client's silence: cable cut", "| vipd lan | not leader | 3 |", "| keepalived 0.1 s |"} {
		if !strings.Contains(tables.String(), want) {
			t.Errorf("the tables lack %q", want)
		}
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
