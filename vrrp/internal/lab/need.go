// Package lab is what the tests of vrrp need from the machine: tools, privilege, and small networks of
// namespaces that disappear with the test.
package lab

import (
	"os"
	"os/exec"
	"testing"
)

// Need skips the test when the machine lacks a tool, or fails it where a test must not be skipped: when
// the environment says CI=true.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			lacking(t, "needs %s: %v", tool, err)
		}
	}
}

// NeedRoot is Need for root, which making namespaces takes.
func NeedRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "needs root")
	}
}

func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
