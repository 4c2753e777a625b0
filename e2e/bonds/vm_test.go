// Package bonds plays whole clusters on hosts with bonded uplinks. The tests run inside a virtual machine, whose
// kernel has the bonding driver whatever this one has.
package bonds

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
	"vipd/e2e/vm"
)

func TestMain(m *testing.M) {
	probe.Main()
	code := m.Run()
	if err := harness.RemoveBinaries(); err != nil {
		code = 1
	}
	os.Exit(code)
}

func TestInMachine(t *testing.T) {
	if vm.Inside() {
		t.Skip("inside already")
	}
	bin, err := harness.Binaries(t.Context())
	lab.RequireOK(t, err)
	vm.Run(t, vm.Options{
		Package:   "vipd/e2e/bonds",
		Pattern:   "^TestHosts",
		Programs:  []string{"ip", filepath.Join(bin, "vipd"), filepath.Join(bin, "vipctl")},
		Env:       []string{"VIPD_BIN=" + bin},
		Timeout:   6 * time.Minute,
		CPUs:      2,
		MemoryMiB: 1024,
	})
}

// inside skips what only the machine's kernel can do.
func inside(t *testing.T) {
	t.Helper()
	if !vm.Inside() {
		t.Skip("the virtual machine runs it")
	}
}
