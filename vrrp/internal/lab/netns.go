package lab

import (
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"os"
)

// Namespace is a network namespace that disappears with the test.
type Namespace struct {
	Name string
}

var serial atomic.Int32

// NewNamespace makes a namespace with the loopback interface up. Its name says what it is for.
func NewNamespace(t testing.TB, purpose string) *Namespace {
	t.Helper()
	NeedRoot(t)
	Need(t, "ip")
	n := &Namespace{Name: fmt.Sprintf("vrrp-%d-%d-%s", os.Getpid(), serial.Add(1), purpose)}
	Run(t, "ip", "netns", "add", n.Name)
	t.Cleanup(func() { Run(t, "ip", "netns", "del", n.Name) })
	n.IP(t, "link", "set", "lo", "up")
	return n
}

// IP runs ip(8) inside.
func (n *Namespace) IP(t testing.TB, args ...string) string {
	t.Helper()
	return Run(t, "ip", append([]string{"-n", n.Name}, args...)...)
}

// Command is a command to run inside.
func (n *Namespace) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", n.Name, name}, args...)...)
}

// Run runs a command and returns what it printed. Its failure ends the test.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
