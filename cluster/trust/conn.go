package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"vipd/cluster/quiet"
)

// Conn is a connection between two verified nodes. It is not a *tls.Conn on purpose: net/http closes
// connections of that type whose application protocol it does not know.
type Conn struct {
	net.Conn
	peer  string
	state tls.ConnectionState
}

// Peer returns the name of the node at the other end.
func (c *Conn) Peer() string { return c.peer }

// ConnectionState returns what the handshake agreed on.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.state }

func newConn(c *tls.Conn) (*Conn, error) {
	state := c.ConnectionState()
	peer, err := PeerName(state)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: c, peer: peer, state: state}, nil
}

// Dial connects to a node, or to whichever node answers at addr if the name is empty, to speak one
// application protocol. In TLS 1.3 the client is done first, so if the server refuses this node's
// certificate, the first Read fails and not Dial.
func (c *Credentials) Dial(ctx context.Context, addr, node, proto string) (*Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	client := tls.Client(quiet.Conn(raw), c.ClientConfig(node, proto))
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake with %s: %w", addr, errors.Join(err, raw.Close()))
	}
	conn, err := newConn(client)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}
