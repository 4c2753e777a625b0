// Package gossip runs memberlist for one node: who is there, a way to tell all of them something soft, and
// beside it, on the same port, the encrypted datagrams that the lease rides on.
package gossip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

// Options are what a Gossip is made of.
type Options struct {
	Node    string
	Listen  netip.Addr // bound, and told to the others
	Port    int
	Key     []byte   // AES key of 32 bytes, shared by the cluster
	Also    [][]byte // keys that others may use; see SetKeys
	Cluster string   // its id; members of another cluster are not listened to
	Meta    Meta
	Logger  *slog.Logger
	// Receive gets datagrams sent to this node, in the order they came: all that were waiting, after a pause. It must
	// not block, and has the data only until it returns.
	Receive func(datagrams [][]byte)
	// Changed is called when a member appears, fails, leaves or changes. It must not block.
	Changed func()
}

// Meta is what each member tells of itself through gossip.
type Meta struct {
	Address  string `json:"a"` // host:port of Raft and node-to-node calls
	Instance string `json:"i"`
	Version  string `json:"v"`
	// Known says that it had something of the cluster's log when it started: it is no stranger that asks to be let in under
	// a member's name.
	Known bool `json:"k,omitempty"`
}

// Member is a node as gossip sees it.
type Member struct {
	Name  string
	Addr  string // host:port of gossip
	State State
	Meta  Meta
}

// State is gossip's opinion of a member. It is a hint: decisions are the lease's.
type State string

// The states. memberlist knows more of them and tells nobody: what it hands out of a node has no state
// filled in. Whether one that is gone left or failed it has to say itself.
const (
	Alive State = "alive"
	Gone  State = "gone"
)

// Gossip is a running memberlist, and the way of the datagrams.
type Gossip struct {
	list    *memberlist.Memberlist
	keyring *memberlist.Keyring
	d       *delegate
	carrier *transport
}

// Start binds the ports and begins to gossip, with nobody yet. Close ends it.
func Start(o Options) (*Gossip, error) {
	d := &delegate{options: o}
	carrier, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	c := config(o, d)
	c.Transport = carrier
	if c.Keyring, err = memberlist.NewKeyring(o.Also, o.Key); err != nil {
		return nil, errors.Join(fmt.Errorf("make the keyring of gossip: %w", err), carrier.Shutdown())
	}
	list, err := memberlist.Create(c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start gossip: %w", err), carrier.Shutdown())
	}
	return &Gossip{list: list, keyring: c.Keyring, d: d, carrier: carrier}, nil
}

func config(o Options, d *delegate) *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.Name = o.Node
	c.BindAddr, c.BindPort = o.Listen.String(), o.Port
	c.AdvertiseAddr, c.AdvertisePort = o.Listen.String(), o.Port
	c.Label = "vipd " + o.Cluster
	c.EnableCompression = false // it would cost more time than it saves on datagrams this small
	c.PushPullInterval = 10 * time.Second
	c.TCPTimeout = 2 * time.Second
	c.SuspicionMaxTimeoutMult = 2       // a long tail of suspicion is of no use: the lease decides
	c.DeadNodeReclaimTime = time.Second // a member may come back with another address
	c.GossipToTheDeadTime = 10 * time.Second
	c.GossipInterval = 500 * time.Millisecond // nothing but membership is gossiped, and nothing waits for it
	c.LogOutput = nil
	c.Logger = slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	c.Delegate, c.Events = d, d
	return c
}

// Join makes contact with members of the cluster, host:port each; it needs one that answers.
func (g *Gossip) Join(addresses []string) error {
	if _, err := g.list.Join(addresses); err != nil {
		return fmt.Errorf("join gossip of %v: %w", addresses, err)
	}
	return nil
}

// Send sends a datagram, best effort, to a member at host:port whether gossip knows of it or not.
func (g *Gossip) Send(address string, data []byte) error { return g.carrier.send(data, address) }

// SetKeys replaces the cluster's key, and the keys that others may use besides. What is under way in a key that is
// dropped is lost; so every member has a key before one uses it, and uses it before one drops another.
func (g *Gossip) SetKeys(key []byte, also ...[]byte) error {
	all := append([][]byte{key}, also...)
	for _, k := range all {
		if err := g.keyring.AddKey(k); err != nil {
			return fmt.Errorf("take up a key of gossip: %w", err)
		}
	}
	if err := errors.Join(g.keyring.UseKey(key), g.carrier.sealer.set(all)); err != nil {
		return fmt.Errorf("use a key of gossip: %w", err)
	}
	for _, k := range g.keyring.GetKeys() {
		if !slices.ContainsFunc(all, func(good []byte) bool { return bytes.Equal(good, k) }) {
			if err := g.keyring.RemoveKey(k); err != nil {
				return fmt.Errorf("drop a key of gossip: %w", err)
			}
		}
	}
	return nil
}

// Members returns everyone gossip knows, this node included.
func (g *Gossip) Members() []Member {
	var members []Member
	for _, n := range g.list.Members() {
		members = append(members, member(n))
	}
	return append(members, g.d.gone()...)
}

// Find returns a member that is alive.
func (g *Gossip) Find(name string) (Member, bool) {
	for _, n := range g.list.Members() {
		if n.Name == name {
			return member(n), true
		}
	}
	return Member{}, false
}

func member(n *memberlist.Node) Member {
	m := Member{Name: n.Name, Addr: net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port))), State: Alive}
	if err := json.Unmarshal(n.Meta, &m.Meta); err != nil {
		m.Meta = Meta{} // a member of a later version may say it differently
	}
	return m
}

// Leave tells the others that this node goes on purpose, within the limit.
func (g *Gossip) Leave(limit time.Duration) error { return g.list.Leave(limit) }

// Close stops gossiping. The others will think that this node failed unless Leave came before.
func (g *Gossip) Close() error { return g.list.Shutdown() }
