package vm

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	Run(t, Options{
		Package:  "vipd/e2e/vm/selftest",
		Pattern:  "^TestInside(Drivers|Program|Testdata|Skips)$",
		Programs: []string{"ip"},
		Timeout:  2 * time.Minute,
	})
}

// A failure inside must not look like a success outside, nor may a machine that
// does not come up.
func TestFailureIsSeen(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a virtual machine")
	}
	k, err := findKernel()
	if err != nil {
		cannotRun(t, err)
	}
	o := withDefaults(Options{
		Package: "vipd/e2e/vm/selftest",
		Pattern: "^TestInside(Fails|Skips)$",
		Env:     []string{"SELFTEST_FAIL=1"},
		Modules: []string{},
	})
	dir := t.TempDir()
	image := filepath.Join(dir, "initrd")
	if err := buildImage(t.Context(), k, o, dir, image); err != nil {
		t.Fatal(err)
	}
	var got results
	if err := (machine{k, image, dir, o}).run(t.Context(), got.add); err != nil {
		t.Fatal(err)
	}
	if !got.exited || got.code != 1 {
		t.Errorf("exited %v with status %d, want true with 1", got.exited, got.code)
	}
	want := map[string]outcome{"TestInsideFails": failed, "TestInsideSkips": skipped}
	for _, test := range got.tests {
		if test.outcome != want[test.name] || !strings.Contains(test.output(), "as asked") {
			t.Errorf("%s: outcome %d, want %d; output:\n%s", test.name, test.outcome, want[test.name], test.output())
		}
	}
	if len(got.tests) != len(want) {
		t.Errorf("%d tests, want %d", len(got.tests), len(want))
	}

	empty := filepath.Join(dir, "empty")
	dead := machine{k, empty, dir, o}
	if err := dead.run(t.Context(), func(string) {}); err == nil {
		t.Error("a machine without its files: no error")
	}
}
