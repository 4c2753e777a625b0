// Package crowd bounds how many connections strangers may have before it is known whose they are.
package crowd

import (
	"container/list"
	"net"
	"sync"
)

// Crowd is the connections of one port that have not proved anything yet. When there are too many, one of the host
// that has most of them gives way, its oldest: those of nodes are few and take milliseconds, so it is the one that
// least looks like one of theirs.
type Crowd struct {
	max int

	mu    sync.Mutex
	conns *list.List     // of net.Conn, the oldest first
	from  map[string]int // how many are of a host
}

// New returns a Crowd of at most max connections.
func New(max int) *Crowd { return &Crowd{max: max, conns: list.New(), from: map[string]int{}} }

// Enter counts a connection, and closes another if there are too many. The function returned ends that; it may be
// called more than once. To be in the order of arrival, Enter is called by whoever accepts.
func (c *Crowd) Enter(conn net.Conn) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns.Len() >= c.max {
		c.evict()
	}
	e := c.conns.PushBack(conn)
	c.from[hostOf(conn)]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.remove(e)
	}
}

func (c *Crowd) evict() {
	var oldest *list.Element
	for e := c.conns.Front(); e != nil; e = e.Next() {
		if oldest == nil || c.from[hostOf(e.Value.(net.Conn))] > c.from[hostOf(oldest.Value.(net.Conn))] {
			oldest = e
		}
	}
	c.remove(oldest)
	oldest.Value.(net.Conn).Close()
}

// remove is of no effect on one that had to give way.
func (c *Crowd) remove(e *list.Element) {
	before := c.conns.Len()
	c.conns.Remove(e)
	if c.conns.Len() == before {
		return
	}
	host := hostOf(e.Value.(net.Conn))
	if c.from[host]--; c.from[host] == 0 {
		delete(c.from, host)
	}
}

func hostOf(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().String()
	}
	return host
}
