package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/e2e/lab"
)

// startupLog is how much of a log explains why a daemon did not start, in bytes.
const startupLog = 2 << 10

// NodeOptions says how one daemon differs from the others.
type NodeOptions struct {
	// Name is the node's name; empty means the host's.
	Name string
	// DataDir is absolute; empty means one below the host's directory.
	DataDir string
	// Config is added to the node file, as YAML.
	Config string
	// Backbone has it listen on the second network.
	Backbone bool
}

// Node is one daemon, on one host. Its data directory survives the end of its process.
type Node struct {
	Name string
	Host *lab.Host
	// Client talks to the daemon, whichever process that is at the time.
	Client *api.Client
	// Socket, DataDir and NodeFile are absolute paths.
	Socket, DataDir, NodeFile string

	wrapper []string

	mu      sync.Mutex
	bin     string // has the vipd of the next start
	process *lab.Process
}

// newNode writes the node file and starts nothing.
func newNode(bin string, host *lab.Host, o NodeOptions) (*Node, error) {
	n := &Node{
		Name: host.Name, Host: host, bin: bin,
		Socket:   filepath.Join(host.Dir, "vipd.sock"),
		DataDir:  filepath.Join(host.Dir, "data"),
		NodeFile: filepath.Join(host.Dir, "vipd.yaml"),
	}
	if o.Name != "" {
		n.Name = o.Name
	}
	if o.DataDir != "" {
		n.DataDir = o.DataDir
	}
	n.Client = api.NewClient(n.Socket, func(string) {})
	listen := host.IPv4.Addr()
	if o.Backbone {
		listen = host.Second.IPv4.Addr()
	}
	text := fmt.Sprintf("node: %s\nlisten: %s\ndata_dir: %s\nsocket: %s\n%s",
		n.Name, listen, n.DataDir, n.Socket, o.Config)
	if err := os.WriteFile(n.NodeFile, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write the node file of %s: %w", n.Name, err)
	}
	return n, nil
}

// Start starts the daemon and returns when it answers at its socket, or with the end of its log when it has
// ended instead.
func (n *Node) Start(ctx context.Context) error {
	command := append(slices.Clone(n.wrapper), filepath.Join(n.installed(), "vipd"), "--config", n.NodeFile)
	p, err := n.Host.Start(lab.Spec{Name: "vipd", Path: command[0], Args: command[1:]})
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.process = p
	n.mu.Unlock()
	return Await(ctx, "vipd on "+n.Name+" answers", func(ctx context.Context) error {
		select {
		case <-p.Done():
			return final{fmt.Errorf("vipd on %s ended: %w\n%s", n.Name, p.Wait(ctx), p.Log(startupLog))}
		default:
		}
		_, err := n.Client.Status(ctx)
		return err
	})
}

// Process is the daemon's newest process, nil before the first start.
func (n *Node) Process() *lab.Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// Running reports whether the daemon's process is there; a suspended one is.
func (n *Node) Running() bool {
	p := n.Process()
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return false
	default:
		return true
	}
}

// Kill ends the daemon as kill -9 does.
func (n *Node) Kill() error { return n.Process().Kill() }

// Stop suspends the daemon (SIGSTOP).
func (n *Node) Stop() error { return n.Process().Stop() }

// Cont resumes a suspended daemon.
func (n *Node) Cont() error { return n.Process().Cont() }

// Terminate stops the daemon cleanly, with SIGTERM, and waits until it has ended. An exit status other than 0
// is an error. A daemon that does not end before ctx does is made to write its stacks to its log.
func (n *Node) Terminate(ctx context.Context) error {
	p := n.Process()
	err := p.Terminate(ctx)
	if ctx.Err() != nil && unix.Kill(p.Pid, unix.SIGQUIT) == nil {
		<-p.Done()
	}
	return err
}

// Restart starts the daemon anew, which must have ended, and waits until it has a lease.
func (n *Node) Restart(ctx context.Context) error {
	if n.Running() {
		return errors.New("restart " + n.Name + ": it is still running")
	}
	if err := n.Start(ctx); err != nil {
		return err
	}
	return n.AwaitLease(ctx)
}

// Upgrade has the next start run the present daemon, where the cluster began with one of an earlier commit.
func (n *Node) Upgrade(ctx context.Context) error {
	bin, err := Binaries(ctx)
	return n.install(bin, err)
}

// Downgrade has the next start run the daemon of an earlier commit.
func (n *Node) Downgrade(ctx context.Context, commit string) error {
	bin, err := BinariesOf(ctx, commit)
	return n.install(bin, err)
}

func (n *Node) install(bin string, err error) error {
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bin = bin
	return nil
}

func (n *Node) installed() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bin
}

// AwaitLease waits until the node may hold addresses.
func (n *Node) AwaitLease(ctx context.Context) error {
	return Await(ctx, n.Name+" has a lease", func(ctx context.Context) error {
		s, err := n.Client.Status(ctx)
		if err == nil && !s.Quorum {
			err = fmt.Errorf("it says %q", s.Warnings)
		}
		return err
	})
}

// Status asks the daemon.
func (n *Node) Status(ctx context.Context) (api.Status, error) { return n.Client.Status(ctx) }

// Log returns the last bytes of what all processes of this node wrote.
func (n *Node) Log(bytes int64) string {
	if p := n.Process(); p != nil {
		return p.Log(bytes)
	}
	return ""
}

// String returns the node's name.
func (n *Node) String() string { return n.Name }
