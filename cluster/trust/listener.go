package trust

import (
	"net"
	"sync"
)

// backlog is how many verified connections of one protocol may wait for Accept.
const backlog = 128

// listener hands out the connections of one application protocol.
type listener struct {
	addr   net.Addr
	conns  chan *Conn
	closed chan struct{}

	mu   sync.Mutex
	done bool // closed is closed; nothing enters conns
}

func newListener(addr net.Addr) *listener {
	return &listener{addr: addr, conns: make(chan *Conn, backlog), closed: make(chan struct{})}
}

// Accept implements net.Listener. The connection is a *Conn.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }

// Close implements net.Listener. It may be called more than once. Connections that nobody accepted are
// closed; the other protocols go on.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return nil
	}
	l.done = true
	close(l.closed)
	for {
		select {
		case c := <-l.conns:
			c.Close()
		default:
			return nil
		}
	}
}

// deliver never blocks; false if nobody is going to accept the connection.
func (l *listener) deliver(c *Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return false
	}
	select {
	case l.conns <- c:
		return true
	default:
		return false
	}
}
