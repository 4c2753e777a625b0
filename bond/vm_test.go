package bond

import (
	"testing"
	"time"

	"vipd/e2e/vm"
)

// TestInMachine runs the TestKernel tests in a virtual machine, whose kernel has
// the bonding driver whatever this one has.
func TestInMachine(t *testing.T) {
	if vm.Inside() {
		t.Skip("inside already")
	}
	vm.Run(t, vm.Options{
		Package:  "vipd/bond",
		Pattern:  "^TestKernel",
		Modules:  []string{"bonding", "veth", "bridge", "8021q", "macvlan", "team", "team_mode_activebackup"},
		Programs: []string{"ip"},
		Timeout:  5 * time.Minute,
	})
}
