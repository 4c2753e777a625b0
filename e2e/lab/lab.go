package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Options says what [Create] builds.
type Options struct {
	// Hosts is the number of hosts, named node1, node2, ...
	Hosts int
	// SecondNetwork gives every host a second interface, eth1, on a second
	// bridge. The client has none.
	SecondNetwork bool
	// Dir is where logs and the hosts' directories go. Empty means a
	// temporary directory that Close removes.
	Dir string
	// Keep leaves namespaces and directory behind when the lab is closed, for
	// people to look at. The next Create of a later process removes the namespaces.
	Keep bool
}

// Lab is a running network. Its methods may be called from several goroutines.
type Lab struct {
	// ID tells the labs of one process apart.
	ID string
	// Dir holds the logs and one directory for each host.
	Dir string
	// Switch is the namespace of the bridges br0 and br1. Its ports are named
	// after the hosts.
	Switch *Namespace
	// Hosts are node1, node2, ... and those added later.
	Hosts []*Host
	// Client is a machine on the same segment as the hosts that belongs to no cluster.
	Client *Host

	options   Options
	removeDir bool

	mu        sync.Mutex // guards what follows, and Hosts while one is added
	blocked   map[hostPair]bool
	split     map[hostPair]bool
	oneWay    map[*Port]direction
	processes []*Process
	closed    bool
}

// Available returns nil if this process may make labs, or an error that says
// what is missing.
func Available() error {
	err := onFreshThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) })
	if err != nil {
		return fmt.Errorf("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN): %w", err)
	}
	return nil
}

// Create sweeps stale labs and builds a new one. The caller closes it; if
// Create fails, or ctx ends meanwhile, nothing remains.
func Create(ctx context.Context, options Options) (*Lab, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if _, err := Sweep(); err != nil {
		return nil, err
	}
	l := &Lab{
		options: options,
		blocked: map[hostPair]bool{},
		split:   map[hostPair]bool{},
		oneWay:  map[*Port]direction{},
	}
	if err := l.build(ctx); err != nil {
		l.options.Keep = false
		return nil, errors.Join(fmt.Errorf("create lab: %w", err), l.Close())
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context) error {
	var id [3]byte
	rand.Read(id[:])
	l.ID = hex.EncodeToString(id[:])
	if err := l.makeDir(); err != nil {
		return err
	}
	if err := l.makeSwitch(); err != nil {
		return err
	}
	client, err := l.newHost("client", clientNumber, l.networks())
	if err != nil {
		return err
	}
	l.Client = client
	for n := 1; n <= l.options.Hosts; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := l.AddHost(fmt.Sprintf("node%d", n)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) makeDir() error {
	if l.options.Dir != "" {
		dir, err := filepath.Abs(l.options.Dir)
		if err != nil {
			return err
		}
		l.Dir = dir
		return os.MkdirAll(dir, 0o755)
	}
	dir, err := os.MkdirTemp("", "vipd-lab-")
	l.Dir, l.removeDir = dir, true
	return err
}

// AddHost joins one more host to the network. A partition in force does not
// concern it.
func (l *Lab) AddHost(name string) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.Hosts)+1 >= clientNumber {
		return nil, fmt.Errorf("add host %s: the network is full", name)
	}
	h, err := l.newHost(name, len(l.Hosts)+1, l.networks())
	if err != nil {
		return nil, fmt.Errorf("add host %s: %w", name, err)
	}
	l.Hosts = append(l.Hosts, h)
	return h, nil
}

// networks is how many networks each host is on.
func (l *Lab) networks() int {
	if l.options.SecondNetwork {
		return 2
	}
	return 1
}

// Host returns the named host, or nil.
func (l *Lab) Host(name string) *Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range append(l.Hosts[:len(l.Hosts):len(l.Hosts)], l.Client) {
		if h != nil && h.Name == name {
			return h
		}
	}
	return nil
}

// Close kills the processes, waits for those that the lab started, and removes
// the namespaces and the temporary directory. Closing twice is allowed.
func (l *Lab) Close() error {
	l.mu.Lock()
	closed, processes := l.closed, l.processes
	l.closed = true
	hosts := append(l.Hosts[:len(l.Hosts):len(l.Hosts)], l.Client)
	l.mu.Unlock()
	if closed {
		return nil
	}
	for _, p := range processes {
		p.kill()
	}
	for _, p := range processes {
		<-p.done
	}
	relays := endRelays(hosts)
	if l.options.Keep {
		return relays
	}
	return errors.Join(relays, l.removeAll(hosts))
}

func (l *Lab) removeAll(hosts []*Host) error {
	var errs []error
	for _, h := range hosts {
		if h != nil {
			errs = append(errs, h.remove())
		}
	}
	if l.Switch != nil {
		errs = append(errs, l.Switch.remove())
	}
	if l.removeDir && l.Dir != "" {
		errs = append(errs, os.RemoveAll(l.Dir))
	}
	return errors.Join(errs...)
}

func (l *Lab) hostDir(name string) (string, error) {
	dir := filepath.Join(l.Dir, name)
	return dir, os.MkdirAll(dir, 0o755)
}
