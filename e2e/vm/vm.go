package vm

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Env is set in the environment of a test binary that runs inside a machine.
const Env = "VIPD_VM"

// Inside reports whether this process runs inside a machine that Run started.
func Inside() bool { return os.Getenv(Env) != "" }

// Options say what to run and in what machine.
type Options struct {
	// Package is the import path whose tests are run.
	Package string
	// Pattern is given to the test binary as -test.run.
	Pattern string
	// Args are further arguments of the test binary, such as "-test.short".
	Args []string
	// Env are further variables of the test binary, as NAME=value.
	Env []string
	// Modules are the kernel modules to load, in this order and after what they
	// depend on. A name may end in * ("nft_*"). Nil means DefaultModules.
	Modules []string
	// Programs are programs of the host ("ip") to have inside, with the shared
	// libraries they need, at the path they have here.
	Programs []string
	// Timeout limits boot and tests together. Zero means three minutes.
	Timeout time.Duration
	// CPUs is the number of emulated processors. Zero means one.
	CPUs int
	// MemoryMiB is the machine's memory. Zero means 512.
	MemoryMiB int
}

// DefaultModules are loaded when Options.Modules is nil.
var DefaultModules = []string{
	"bonding", "veth", "bridge", "team", "team_mode_*", "dummy", "8021q", "macvlan",
	"ifb", "vrf", "vxlan", "nf_tables", "nft_*", "sch_netem",
}

// Run builds the test binary of a package, boots a machine that runs it, and
// makes each of its tests a subtest of t with the same name, output and
// outcome. A machine that dies, hangs or runs no test at all fails t.
//
// Where qemu or the kernel is missing the test is skipped, or fails if the
// environment says CI=true. With -short it is skipped.
func Run(t *testing.T, o Options) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a virtual machine")
	}
	o = withDefaults(o)
	kernel, err := findKernel()
	if err != nil {
		cannotRun(t, err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), o.Timeout)
	defer cancel()

	dir := t.TempDir()
	image := filepath.Join(dir, "initrd")
	if err := buildImage(ctx, kernel, o, dir, image); err != nil {
		t.Fatal(err)
	}
	m := machine{kernel: kernel, image: image, dir: dir, options: o}
	var got results
	began := time.Now()
	err = m.run(ctx, func(line string) {
		got.add(line)
		t.Log(line)
	})
	t.Logf("machine ran for %s", time.Since(began).Round(10*time.Millisecond))
	report(t, got)
	if err != nil {
		t.Errorf("%v\nlast lines of the machine's console:\n%s", err, m.console())
	}
}

// report turns what the machine's tests said into subtests of t.
func report(t *testing.T, got results) {
	t.Helper()
	for _, test := range got.tests {
		t.Run(test.name, func(t *testing.T) {
			switch test.outcome {
			case passed:
			case skipped:
				t.Skip(test.output())
			case failed:
				t.Error(test.output())
			default:
				t.Errorf("never finished\n%s", test.output())
			}
		})
	}
	if len(got.tests) == 0 {
		t.Error("no test ran inside the machine")
	}
	if !got.exited {
		t.Error("the machine ended before its tests did")
	} else if got.code != 0 {
		t.Errorf("the test binary ended with status %d", got.code)
	}
}

func withDefaults(o Options) Options {
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Minute
	}
	if o.CPUs == 0 {
		o.CPUs = 1
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = 512
	}
	if o.Modules == nil {
		o.Modules = DefaultModules
	}
	return o
}

// cannotRun ends a test that this host has no means to run.
func cannotRun(t testing.TB, why error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
