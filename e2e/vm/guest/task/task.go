// Package task is what the host tells the machine's init to do.
package task

// Places inside the machine.
const (
	File   = "/task.json" // the Task, as JSON
	Binary = "/test"      // the test binary
	Dir    = "/package"   // working directory of the test binary, with its testdata
)

// Device is where the test binary's output goes, one line of text each.
const Device = "/dev/ttyS1"

// ExitPrefix starts the last line on Device: the prefix and the test binary's
// exit status.
const ExitPrefix = "machine: tests ended with status "

// Task is the work of one machine.
type Task struct {
	Modules []string // files to load, in this order
	Args    []string // arguments of the test binary
	Env     []string // its environment
}
