// Package bond manages this host's bonds: several network interfaces (members)
// that act as one, so that the loss of a cable, port or switch is not the loss
// of the host.
//
// A Config, one bond of the node file, is turned into kernel state in three
// steps: Observe reads what is there, Plan compares and lists the differences,
// Execute carries them out and can take them back. Watch, Status and Diagnose
// tell how a bond is doing; Health turns that into an adjustment of the node's
// priority.
//
// Options keep the kernel's names (Documentation/networking/bonding.rst).
// Everything that touches the kernel acts on the network namespace of the
// calling thread, with rtnetlink; a caller that changes namespaces locks its
// goroutine to its thread.
package bond
