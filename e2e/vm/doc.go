// Package vm runs a package's Go tests inside a small virtual machine, for
// kernel drivers that the host lacks (bonding, team, dummy, netem, ...).
//
// The machine is Debian's stock cloud kernel under qemu's own emulation, so it
// needs neither KVM nor the network. Its only program is the test binary: an
// initramfs holds that binary, the kernel modules it asked for and a tiny init,
// nothing else. Boot, tests and power-off take seconds. prepare.sh in this
// directory gets qemu and the kernel once.
//
// Timings inside are usable but not sharp: every instruction is emulated.
package vm
