// Package harness runs whole clusters: real daemons on the hosts of a [lab.Lab], each commanded through its
// own socket. Tests, benchmarks and the demonstration share it, so the core knows nothing of package testing;
// [New] is the form for tests.
//
// Times are never slept through: [Await] looks at a condition until it is true or the context ends.
package harness
