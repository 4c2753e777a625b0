package model

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryState checks every reachable state of the model: nobody holds together with another.
func TestEveryState(t *testing.T) {
	out := check(t)
	if !strings.Contains(out, "errors: 0") || strings.Contains(out, "max search depth too small") {
		t.Fatalf("the search was not complete or found an error:\n%s", out)
	}
	t.Log(regexp.MustCompile(`\d+ states, stored`).FindString(out))
}

// TestEveryRuleIsNeeded leaves out one rule at a time: each time two members can hold at once.
func TestEveryRuleIsNeeded(t *testing.T) {
	for _, rule := range []string{
		"NOT_DURABLE", "NO_RESTART_WAIT", "FROM_ARRIVAL", "ONE_WITHDRAWAL", "NO_SLACK", "GRANT_WITHDRAWN",
	} {
		t.Run(rule, func(t *testing.T) {
			if out := check(t, rule); !strings.Contains(out, "assertion violated") {
				t.Fatalf("without the rule nothing was found:\n%s", out)
			}
		})
	}
}

// check builds the model with some macros defined, runs its search and returns what it said.
func check(t *testing.T, defines ...string) string {
	t.Helper()
	need(t, "spin", "gcc")
	model, err := filepath.Abs("lease.pml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := []string{"-a"}
	for _, d := range defines {
		args = append(args, "-D"+d)
	}
	run(t, dir, "spin", append(args, model)...)
	// With one process there is nothing to reduce by partial order, and the whole of its choices matters.
	run(t, dir, "gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=1024", "-o", "pan", "pan.c")
	return run(t, dir, filepath.Join(dir, "pan"), "-m500000", "-w22")
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// need skips the test where a tool is missing, except where everything must run.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", tool)
		}
		t.Skipf("%s is not installed", tool)
	}
}
