package fence

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A feature is something of the kernel that the fence needs.
type feature struct {
	name   string
	config string // the kernel option, which is also the module in lower case where there is one
	queue  func(c *nftables.Conn, name string) error
}

var features = []feature{
	{"nftables", "CONFIG_NF_TABLES", func(*nftables.Conn, string) error { return nil }},
	{"nftables tables of family arp", "CONFIG_NF_TABLES_ARP", func(c *nftables.Conn, name string) error {
		probeHook(c, name, nftables.TableFamilyARP, arpIn)
		return nil
	}},
	{"nftables tables of family inet", "CONFIG_NF_TABLES_INET", func(c *nftables.Conn, name string) error {
		probeHook(c, name, nftables.TableFamilyINet, *nftables.ChainHookPostrouting)
		return nil
	}},
	{"nftables sets with timeouts", "CONFIG_NF_TABLES", func(c *nftables.Conn, name string) error {
		t := newTable(name, nftables.TableFamilyINet, unix.NFPROTO_IPV4)
		c.AddTable(t.nft)
		defer c.DelTable(t.nft)
		return c.AddSet(t.lease[0], nil)
	}},
	{"nftables named counters", "CONFIG_NF_TABLES (before Linux 6.2 also CONFIG_NFT_OBJREF, CONFIG_NFT_COUNTER)",
		func(c *nftables.Conn, name string) error {
			t := c.AddTable(&nftables.Table{Name: name, Family: nftables.TableFamilyINet})
			defer c.DelTable(t)
			c.AddObj(&nftables.NamedObj{Table: t, Name: "probe", Type: nftables.ObjTypeCounter, Obj: &expr.Counter{}})
			return nil
		}},
}

func probeHook(c *nftables.Conn, name string, family nftables.TableFamily, num nftables.ChainHook) {
	t := c.AddTable(&nftables.Table{Name: name, Family: family})
	c.AddChain(&nftables.Chain{
		Table: t, Name: "probe", Type: nftables.ChainTypeFilter,
		Hooknum: &num, Priority: nftables.ChainPriorityFilter,
	})
	c.DelTable(t)
}

// explain turns the error of a failed Open into one an operator can act on.
func explain(netns int, name string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w (%w)", ErrPermission, err)
	}
	if lacking := missing(netns, name+"-probe", features); lacking != nil {
		return lacking
	}
	return err
}

// missing names the first feature that the kernel refuses. It tries each by itself, in a transaction that leaves
// nothing behind.
func missing(netns int, name string, features []feature) error {
	for _, feature := range features {
		probe := &conn{netns: netns}
		failed := probe.do(func(c *nftables.Conn) error {
			if _, err := c.ListTables(); err != nil {
				return err
			}
			if err := feature.queue(c, name); err != nil {
				return err
			}
			return c.Flush()
		})
		probe.close()
		if unsupported(failed) {
			return fmt.Errorf("%w: no %s (%w); it needs a kernel with %s, or \"fence: none\" in the configuration, "+
				"which gives up that a hung daemon cannot answer", ErrUnsupported, feature.name, failed, feature.config)
		}
	}
	return nil
}

// unsupported tells the errors of a missing feature from those of a bad moment.
func unsupported(err error) bool {
	for _, e := range []error{unix.EOPNOTSUPP, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ENOENT, unix.EINVAL,
		unix.ENOPROTOOPT, unix.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
