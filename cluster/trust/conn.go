package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"vipd/cluster/quiet"
)

// Conn is a connection between two verified nodes. It is not a *tls.Conn on purpose: net/http closes
// connections of that type whose application protocol it does not know.
type Conn struct {
	net.Conn
	peer  string
	state tls.ConnectionState
	usage x509.ExtKeyUsage // that the peer's certificate was verified for
	by    string           // fingerprint of the secret that the peer has
	own   bool             // its certificate does not follow from that
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

// open ends the handshake of a connection: each side that showed a certificate of its own says who it is. The connection
// is kept among those that end with what they were verified by.
func (c *Credentials) open(ctx context.Context, conn *tls.Conn, node string, usage x509.ExtKeyUsage) (*Conn, error) {
	ours, theirs := byServer, byClient
	if usage == x509.ExtKeyUsageServerAuth {
		ours, theirs = byClient, byServer
	}
	now := c.now.Load()
	opened := &Conn{Conn: conn, state: conn.ConnectionState(), usage: usage, of: c, raw: conn.NetConn()}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
		defer func() { _ = conn.SetDeadline(time.Time{}) }()
	}
	if now.showsOwn() {
		if err := now.introduce(conn, c.id, ours); err != nil {
			return nil, err
		}
	}
	id, err := certifiedID(opened.state.PeerCertificates[0])
	if opened.own = err != nil || now.own != nil && !now.own.Derived; opened.own {
		opened.peer, opened.by, err = now.meet(conn, c.id, theirs)
		if opened.peer != "" {
			c.sight(opened.peer, opened.by, err)
		}
		if err == nil && node != "" && opened.peer != node {
			err = fmt.Errorf("%w: %s, not %s", ErrWrongNode, opened.peer, node)
		}
	} else {
		opened.peer = id.node
		opened.by, err = now.verify(opened.state.PeerCertificates, usage)
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.now.Load().keeps(opened); !ok {
		return nil, ErrWrongSecret // the secrets changed since the handshake
	}
	c.conns[opened] = struct{}{}
	if opened.own {
		c.sift()
	}
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
	conn, err := c.open(ctx, client, node, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, fmt.Errorf("TLS handshake with %s: %w", addr, errors.Join(err, raw.Close()))
	}
	return conn, nil
}
