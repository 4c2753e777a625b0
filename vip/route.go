package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// RouteMark is the protocol (rtm_protocol, FRA_PROTOCOL) of every route and rule that this package adds, the letter v as
// Mark. Whatever has it is vipd's, and whatever has not is never changed.
const RouteMark = 0x76

// MaxHops bounds the ways of a Route.
const MaxHops = 8

// Route is one route as this host should have it.
type Route struct {
	Type      string // empty: unicast; or blackhole, unreachable, prohibit, throw
	To        netip.Prefix
	Via       netip.Addr // zero: To is on the link
	Interface string     // empty: that on which Via is
	Source    netip.Addr // zero: the kernel chooses
	Table     uint32     // 0: main
	Metric    uint32     // 0: the kernel's default
	Scope     string     // IPv4 only; empty: link without Via, else global
	OnLink    bool       // Via is on Interface, whatever the addresses there say
	Hops      []Hop      // several ways, instead of Via, Interface and OnLink; at most MaxHops

	// What connections are told; 0: nothing.
	MTU, AdvMSS, HopLimit, InitCwnd, InitRwnd uint32
	MTULock                                   bool // path MTU discovery does not lower MTU
}

// Hop is one of several ways.
type Hop struct {
	Via       netip.Addr // zero, for IPv4: what is sent is on the link
	Interface string     // empty: that on which Via is
	Weight    uint32     // 0: 1
	OnLink    bool
}

// Rule is one rule of policy routing.
type Rule struct {
	IPv6      bool
	From, To  netip.Prefix // zero: all
	Interface string       // that the packet came in on; empty: any
	Mark      uint32       // 0: any
	Mask      uint32       // of Mark; 0: all of it counts
	Table     uint32       // to look in; 0 with Type or Goto
	Type      string       // empty: look in Table; or blackhole, unreachable, prohibit, nop
	Goto      uint32       // the priority to go on at; 0: by Type and Table
	Priority  uint32       // lower is earlier

	Not                bool   // for the packets that are not so
	Out                string // the interface that the packet's socket is bound to; empty: any
	Protocol           uint8  // 0: any
	SourcePorts, Ports *Span  // nil: any
	UIDs               *Span
	SuppressPrefix     *uint32 // routes of no longer a prefix do not count; nil: all count
}

// Span is a range of numbers, both of which are in it.
type Span struct{ First, Last uint32 }

// Router is the routes and rules of vipd in a network namespace, of which there may be one. What it knows of them is
// what the kernel says: so those of a daemon that was killed are this one's, to keep or to remove. Its methods take turns.
type Router struct {
	mu     sync.Mutex
	socket *socket
}

// OpenRouter opens a socket in the network namespace of the calling thread. It changes nothing.
func OpenRouter() (*Router, error) {
	s, err := newSocket()
	if err != nil {
		return nil, err
	}
	// With it the kernel lists our routes alone, be there a million others. Linux before 4.20 lists all.
	_ = s.raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	})
	return &Router{socket: s}, nil
}

// Close closes the socket. The routes and rules stay.
func (r *Router) Close() error { return r.socket.close() }

// Routing is what a SetRouting did, read back from the kernel.
type Routing struct {
	Added, Removed int
	// Routes and Rules say why wanted ones are not there, by their positions in what was wanted; Stuck why an unwanted one
	// still is.
	Routes, Rules map[int]error
	Stuck         error
}

// Set makes the marked routes and rules of this host exactly the wanted ones: it removes what is not wanted, then adds
// what is missing, routes first, in the order given, and reads back. One that cannot be had does not hinder the others.
func (r *Router) Set(routes []Route, rules []Rule) (Routing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	links, err := r.socket.links()
	if err != nil {
		return Routing{}, err
	}
	have, err := r.socket.paths()
	if err != nil {
		return Routing{}, err
	}
	p := planPaths(routes, rules, links, have)
	said := r.socket.batch(p.requests())
	if len(said) > 0 {
		if have, err = r.socket.paths(); err != nil {
			return Routing{}, fmt.Errorf("read back: %w", err)
		}
	}
	return p.conclude(said, have), nil
}

// conclude compares a plan with what is there after it.
func (p *pathPlan) conclude(said []error, have []path) Routing {
	out := Routing{Routes: map[int]error{}, Rules: map[int]error{}}
	for i, gone := range p.remove {
		if !among(have, gone) {
			out.Removed++
		} else if out.Stuck == nil {
			out.Stuck = fmt.Errorf("remove %s: %w", gone, explain(said[i], errStillThere))
		}
	}
	for i, w := range p.add {
		if among(have, w.path) {
			out.Added++
			continue
		}
		err := explain(said[len(p.remove)+i], errNotThere)
		if errors.Is(err, unix.EEXIST) {
			err = ErrForeign
		}
		p.fail(w, err)
	}
	for _, w := range p.failed {
		if w.isRule {
			out.Rules[w.position] = w.err
		} else {
			out.Routes[w.position] = w.err
		}
	}
	return out
}
