package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	usage x509.ExtKeyUsage // that the peer's certificate was verified for
	of    *Credentials
	raw   net.Conn
}

// Peer returns the name of the node at the other end.
func (c *Conn) Peer() string { return c.peer }

// ConnectionState returns what the handshake agreed on.
func (c *Conn) ConnectionState() tls.ConnectionState { return c.state }

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// abort ends the connection without a word, since one could be waited for.
func (c *Conn) abort() { c.raw.Close() }

// open keeps a connection whose handshake is over among those that end with the secret they were verified by.
func (c *Credentials) open(conn *tls.Conn, usage x509.ExtKeyUsage) (*Conn, error) {
	state := conn.ConnectionState()
	peer, err := PeerName(state)
	if err != nil {
		return nil, err
	}
	opened := &Conn{Conn: conn, peer: peer, state: state, usage: usage, of: c, raw: conn.NetConn()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.now.Load().verify(state.PeerCertificates, usage); err != nil {
		return nil, err // the secrets changed since the handshake
	}
	c.conns[opened] = struct{}{}
	return opened, nil
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
	conn, err := c.open(client, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}
