package fence

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/google/nftables"

	"vipd/vip/boottime"
)

var (
	// ErrUnsupported says that the kernel lacks something the fence is made of; the text names it and the remedy.
	ErrUnsupported = errors.New("kernel cannot enforce the lease")
	// ErrPermission says that the process may not change the packet filter.
	ErrPermission = errors.New("changing nftables needs CAP_NET_ADMIN: run as root or grant it, with " +
		"AmbientCapabilities=CAP_NET_ADMIN in a systemd unit")
	// ErrShut says that the gate is shut and was not opened: the lease lapsed, and everything must be taken anew.
	ErrShut = errors.New("gate is shut")
	// ErrStalled says that the process was held up in each attempt to write, so that the time left was never certain.
	// A gate that was open stays so until the end that was set before.
	ErrStalled = errors.New("held up while writing the lease")
	// ErrHeld says that a gate is raised while addresses are held, which were allowed under an older lease.
	ErrHeld = errors.New("addresses are held")
	// ErrGuarded says that tables stay in place because addresses are still guarded.
	ErrGuarded = errors.New("addresses are still guarded")
	// ErrGone says that the tables are not as they were made: another program removed or changed them, and nothing is
	// enforced. Let go of all addresses, then [Open] again.
	ErrGone = errors.New("fence was removed or changed by another program")
)

// Options of [Open].
type Options struct {
	// Instance tells daemons of one network namespace apart. Characters that nftables does not allow are replaced.
	Instance string
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
	// Now reads the clock, in nanoseconds, in which ends of leases are given. Nil means CLOCK_BOOTTIME.
	Now func() int64
	// NetNS is a file descriptor of the network namespace to fence; 0 means that of the calling thread.
	NetNS int
}

// A Fence is one instance's pair of tables. Its methods may be called from several goroutines.
type Fence struct {
	log    *slog.Logger
	now    func() int64
	name   string
	tables []*table

	mu      sync.Mutex // guards what follows
	writer  *batchConn
	slot    int                 // which lease set is in use; noSlot if the gate is shut
	addrs   map[netip.Addr]bool // the guarded addresses; true for those held
	shape   shape
	stalled uint64

	readerMu sync.Mutex // guards reader; taken after mu
	reader   *conn
}

const noSlot = -1

// Open creates the instance's tables, or takes over those of a predecessor. Either way the gate is shut and nothing is
// held. Addresses that the predecessor guarded stay guarded, see [Fence.Guarded], and counters start at zero.
// See [Adopt] for a predecessor that handed over.
func Open(opts Options) (*Fence, error) {
	f := newFence(opts)
	if err := f.takeOver(opts.NetNS); err != nil {
		f.disconnect()
		return nil, explain(opts.NetNS, f.name, err)
	}
	return f, nil
}

func newFence(opts Options) *Fence {
	f := &Fence{
		log:    opts.Logger,
		now:    opts.Now,
		name:   tableName(opts.Instance),
		slot:   noSlot,
		addrs:  map[netip.Addr]bool{},
		writer: &batchConn{netns: opts.NetNS}, reader: &conn{netns: opts.NetNS},
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.now == nil {
		f.now = boottime.Now
	}
	f.tables = newTables(f.name)
	return f
}

// takeOver replaces both tables in one transaction, so that no packet slips through in between. It uses a connection
// of its own because the kernel echoes rules, which must not be mistaken for later answers.
func (f *Fence) takeOver(netns int) error {
	left, err := f.leftovers()
	if err != nil {
		return fmt.Errorf("read tables %s: %w", f.name, err)
	}
	once := &conn{netns: netns}
	defer once.close()
	err = once.commit(func(c *nftables.Conn) error {
		for _, t := range f.tables {
			t.drop(c)
			if err := t.create(c, left); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create tables %s: %w", f.name, err)
	}
	for _, a := range left {
		f.addrs[a] = false
	}
	if f.shape, err = f.readShape(); err != nil {
		return fmt.Errorf("read back tables %s: %w", f.name, err)
	}
	if len(left) > 0 {
		f.log.Info("fence taken over", "table", f.name, "guarded", len(left))
	}
	return nil
}

// Close removes both tables. If an address is still guarded it shuts the gate instead and returns ErrGuarded: the
// address may be on this host, and only the tables keep it from answering. The Fence is unusable either way.
func (f *Fence) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.disconnect()
	if n := len(f.addrs); n > 0 {
		if err := f.shut(); err != nil {
			return err
		}
		return fmt.Errorf("remove tables %s: %d %w", f.name, n, ErrGuarded)
	}
	if err := f.drop(f.tables); err != nil {
		return fmt.Errorf("remove tables %s: %w", f.name, err)
	}
	return nil
}

// drop removes tables, whether they are there or not.
func (f *Fence) drop(tables []*table) error {
	once := &conn{netns: f.writer.netns}
	defer once.close()
	return once.commit(func(c *nftables.Conn) error {
		for _, t := range tables {
			t.drop(c)
		}
		return nil
	})
}

// read asks the kernel on a connection of its own, so that long answers do not hold up a renewal.
func (f *Fence) read(ask func(*nftables.Conn) error) error {
	f.readerMu.Lock()
	defer f.readerMu.Unlock()
	return f.reader.do(ask)
}

func (f *Fence) disconnect() {
	f.writer.close()
	f.readerMu.Lock()
	defer f.readerMu.Unlock()
	f.reader.close()
}
