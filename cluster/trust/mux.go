package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"vipd/cluster/crowd"
	"vipd/cluster/quiet"
)

const (
	handshakeTimeout = 5 * time.Second
	maxHandshakes    = 64
	// A failing accept, as for lack of file descriptors, is tried again after this long.
	acceptPause = 50 * time.Millisecond
)

// Mux shares one TCP port among application protocols: it does the TLS handshakes and hands each
// connection to the listener of the protocol agreed on.
//
// Strangers can connect, so handshakes are bounded in time and number.
type Mux struct {
	inner     net.Listener
	of        *Credentials
	config    *tls.Config
	log       *slog.Logger
	listeners map[string]*listener

	take func(context.Context, net.Conn) // what those with tickets bring; nil: nobody does

	handshakes sync.WaitGroup
	pending    *crowd.Crowd
}

// NewMux makes a Mux for the given protocols. It owns inner from then on; Run serves it.
func NewMux(inner net.Listener, c *Credentials, log *slog.Logger, protos ...string) *Mux {
	m := &Mux{
		inner:     inner,
		of:        c,
		config:    c.ServerConfig(slices.Clone(protos)...),
		log:       log,
		listeners: map[string]*listener{},
		pending:   crowd.New(maxHandshakes),
	}
	for _, p := range protos {
		m.listeners[p] = newListener(inner.Addr())
	}
	return m
}

// Listener returns the listener of a protocol that NewMux was told of; it panics for others. Its
// connections are of type *Conn. Closing it leaves the other protocols alone.
func (m *Mux) Listener(proto string) net.Listener {
	l, ok := m.listeners[proto]
	if !ok {
		panic("trust: no listener for protocol " + proto)
	}
	return l
}

// Run accepts connections until ctx ends, which is no error, or the port fails. Then the port and all
// listeners are closed; connections that were accepted stay.
func (m *Mux) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer m.handshakes.Wait()
	defer cancel()
	defer m.Close()
	stop := context.AfterFunc(ctx, func() { m.inner.Close() })
	defer stop()
	for {
		raw, err := m.inner.Accept()
		switch {
		case err == nil:
			leave := m.pending.Enter(raw)
			m.handshakes.Go(func() { m.serve(ctx, raw, leave) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connections of nodes: %w", err)
		default:
			m.log.Warn("accept connection", "addr", m.inner.Addr(), "error", err)
			pause(ctx, acceptPause)
		}
	}
}

// Close closes the port and all listeners, for a Mux that is never run. It may be called more than once.
func (m *Mux) Close() error {
	for _, l := range m.listeners {
		l.Close()
	}
	if err := m.inner.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (m *Mux) serve(ctx context.Context, raw net.Conn, leave func()) {
	limited, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	server, err := m.handshake(limited, raw)
	if err == nil && server.ConnectionState().NegotiatedProtocol == TicketProto {
		m.take(ctx, server) // it stays among those who have proved nothing
		leave()
		server.Close()
		return
	}
	var conn *Conn
	if err == nil {
		conn, err = m.of.open(limited, server, "", x509.ExtKeyUsageClientAuth)
	}
	leave()
	if err == nil && !m.listeners[conn.state.NegotiatedProtocol].deliver(conn) {
		conn.Close()
		err = fmt.Errorf("nobody accepts %s", conn.state.NegotiatedProtocol)
	}
	if err != nil {
		raw.Close()
		m.log.Debug("refuse connection", "from", raw.RemoteAddr(), "error", err)
	}
}

func (m *Mux) handshake(ctx context.Context, raw net.Conn) (*tls.Conn, error) {
	server := tls.Server(quiet.Conn(raw), m.config)
	if err := server.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return server, nil
}
