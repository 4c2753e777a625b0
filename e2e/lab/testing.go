package lab

import (
	"context"
	"os"
)

// TB is what the helpers need of a testing.TB.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Failed() bool
	Cleanup(func())
}

// Require skips the test where labs cannot be made, or fails it if CI=true is
// in the environment.
func Require(t TB) {
	t.Helper()
	RequireOK(t, Available())
}

// RequireOK does for any missing precondition what [Require] does for labs:
// a non-nil err skips the test, or fails it if CI=true.
func RequireOK(t TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("cannot run here: %v", err)
	default:
		t.Skipf("cannot run here: %v", err)
	}
}

// New is [Create] for tests: the lab is closed when the test ends, and if the
// test failed the ends of the process logs are shown.
func New(t TB, options Options) *Lab {
	t.Helper()
	Require(t)
	l, err := Create(context.Background(), options)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			l.showLogs(t)
		}
		if err := l.Close(); err != nil {
			t.Logf("close lab: %v", err)
		}
	})
	return l
}

func (l *Lab) showLogs(t TB) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := map[string]bool{}
	for _, p := range l.processes {
		if !shown[p.Spec.LogFile] {
			shown[p.Spec.LogFile] = true
			t.Logf("--- %s: %s\n%s", p.Host, p.Spec.Name, p.Log(tailSize))
		}
	}
}
