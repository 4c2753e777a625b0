// Package vm runs a package's Go tests inside a small virtual machine, for
// kernel drivers that the host lacks (bonding, team, dummy, netem, ...).
//
// The machine is Debian's stock cloud kernel under qemu's own emulation, so it
// needs neither KVM nor the network. Its only program is the test binary: an
// initramfs holds that binary, the kernel modules it asked for and a tiny init,
// nothing else. Boot, tests and power-off take seconds. prepare.sh in this
// directory gets qemu and the kernel once.
//
// A package uses it with a test that names the others to run inside:
//
//	func TestInMachine(t *testing.T) {
//		vm.Run(t, vm.Options{Package: "vipd/bond", Pattern: "^TestKernel"})
//	}
//
// Inside, the test binary is root in an otherwise empty system, has its testdata
// below the working directory, and finds the variable VIPD_VM set; loopback is
// down. Several hosts are network namespaces joined by veth pairs.
//
// Timings inside are usable but not sharp: every instruction is emulated.
package vm
