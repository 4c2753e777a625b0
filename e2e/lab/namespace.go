package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// netnsDir is where iproute2 keeps the names of namespaces.
const netnsDir = "/run/netns"

// Namespace is one network namespace of a lab.
type Namespace struct {
	// Name is the name under /run/netns.
	Name string

	handle netns.NsHandle
	nl     *netlink.Handle
}

// newNamespace makes a namespace, writes the sysctls (path below
// /proc/sys/net, value) in it and sets its loopback interface up.
func newNamespace(name string, sysctls [][2]string) (*Namespace, error) {
	ns := &Namespace{Name: name, handle: netns.None()}
	err := onFreshThread(func() error {
		var err error
		if ns.handle, err = netns.NewNamed(name); err != nil {
			return err
		}
		return writeSysctls(sysctls)
	})
	if err == nil {
		err = ns.open()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create namespace %s: %w", name, err), ns.remove())
	}
	return ns, nil
}

func (ns *Namespace) open() error {
	var err error
	if ns.nl, err = netlink.NewHandleAt(ns.handle, unix.NETLINK_ROUTE); err != nil {
		return err
	}
	lo, err := ns.nl.LinkByName("lo")
	if err != nil {
		return err
	}
	return ns.nl.LinkSetUp(lo)
}

func writeSysctls(sysctls [][2]string) error {
	for _, s := range sysctls {
		path := filepath.Join("/proc/sys/net", s[0])
		if err := os.WriteFile(path, []byte(s[1]), 0); err != nil {
			return err
		}
	}
	return nil
}

// Do runs fn in the namespace, on an operating system thread of its own that
// ends with fn. Sockets opened by fn stay in the namespace afterwards. fn must
// not call the FailNow family of a test, since it runs on another goroutine,
// and goroutines that it starts are not in the namespace.
func (ns *Namespace) Do(fn func() error) error {
	return onFreshThread(func() error {
		if err := netns.Set(ns.handle); err != nil {
			return fmt.Errorf("enter namespace %s: %w", ns.Name, err)
		}
		return fn()
	})
}

// remove ends the processes in the namespace and takes its name away; the
// kernel then frees the rest. What is gone already is no error.
func (ns *Namespace) remove() error {
	if ns.nl != nil {
		ns.nl.Close()
	}
	if ns.handle.IsOpen() {
		ns.handle.Close()
	}
	return removeNamed(ns.Name)
}

// onFreshThread runs fn on a thread that nothing else uses before or after, so
// that fn may change the thread's namespaces and need not change them back.
// The main thread is never taken: it cannot end, and /proc/self describes it.
func onFreshThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// This goroutine occupies the main thread while it waits, so the next one gets another.
			done <- onFreshThread(fn)
			runtime.UnlockOSThread()
			return
		}
		// Never unlocked: the runtime ends the thread together with this goroutine.
		done <- fn()
	}()
	return <-done
}
