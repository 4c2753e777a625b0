package vm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResults(t *testing.T) {
	for name, tt := range map[string]struct {
		lines  []string
		want   map[string]outcome
		exited bool
		code   int
	}{
		"pass and fail": {
			lines: []string{
				"=== RUN   TestA", "    a_test.go:1: note", "--- PASS: TestA (0.00s)",
				"=== RUN   TestB", "=== RUN   TestB/sub", "--- FAIL: TestB (0.10s)", "    --- FAIL: TestB/sub (0.00s)",
				"FAIL", "machine: tests ended with status 1",
			},
			want:   map[string]outcome{"TestA": passed, "TestB": failed},
			exited: true, code: 1,
		},
		"a panic ends the binary": {
			lines:  []string{"=== RUN   TestA", "panic: oh", "machine: tests ended with status 2"},
			want:   map[string]outcome{"TestA": unfinished},
			exited: true, code: 2,
		},
		"the machine dies": {
			lines: []string{"=== RUN   TestA", "--- SKIP: TestA (0.00s)"},
			want:  map[string]outcome{"TestA": skipped},
		},
		"parallel": {
			lines: []string{
				"=== RUN   TestA", "=== PAUSE TestA", "=== RUN   TestB", "=== PAUSE TestB",
				"=== CONT  TestB", "--- PASS: TestB (0.00s)", "=== CONT  TestA", "--- FAIL: TestA (0.00s)",
			},
			want: map[string]outcome{"TestA": failed, "TestB": passed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got results
			for _, line := range tt.lines {
				got.add(line)
			}
			outcomes := make(map[string]outcome)
			for _, test := range got.tests {
				outcomes[test.name] = test.outcome
			}
			if diff := cmp.Diff(tt.want, outcomes); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if got.exited != tt.exited || got.code != tt.code {
				t.Errorf("exited %v with %d, want %v with %d", got.exited, got.code, tt.exited, tt.code)
			}
		})
	}
}
