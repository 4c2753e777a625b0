package trust

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"

	"vipd/cluster/quiet"
)

// TicketProto is the application protocol of those who have a ticket and no certificate. On a connection of it nothing
// happens but that a ticket is taken.
const TicketProto = "vipd-ticket/1"

// NewTicket makes a ticket of the cluster whose secret this is.
func NewTicket(of Secret) *Ticket {
	t := &Ticket{Authority: of.Public()}
	rand.Read(t.Key[:])
	return t
}

// Hash is what members keep of a ticket: it is recognised by it, and cannot be made from it.
func (t *Ticket) Hash() string { return TicketHash(t.Key[:]) }

// TicketHash is Hash of a ticket with a key.
func TicketHash(key []byte) string {
	sum := sha256.Sum256(append([]byte("vipd ticket 1"), key...))
	return hex.EncodeToString(sum[:])
}

// Dial connects to a member at addr to have the ticket taken. It is known by the authority whose key is in the ticket;
// the other side learns of this one what it is told. Errors: ErrRotated, ErrWrongSecret, ErrWrongCluster.
func (t *Ticket) Dial(ctx context.Context, addr, cluster string) (net.Conn, error) {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	client := tls.Client(quiet.Conn(raw), &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{TicketProto},
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, //nolint:gosec // VerifyConnection replaces it
		VerifyConnection:       func(cs tls.ConnectionState) error { return t.verify(cs, cluster) },
	})
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake with %s: %w", addr, errors.Join(err, raw.Close()))
	}
	return client, nil
}

func (t *Ticket) verify(cs tls.ConnectionState, cluster string) error {
	if len(cs.PeerCertificates) == 0 || cs.NegotiatedProtocol != TicketProto {
		return errors.New("the member takes no tickets")
	}
	if !signed(cs.PeerCertificates[0], t.Authority) {
		if succeeds(cs.PeerCertificates, t.Authority) {
			return fmt.Errorf("%w: %w", ErrWrongSecret, ErrRotated)
		}
		return ErrWrongSecret
	}
	id, err := certifiedID(cs.PeerCertificates[0])
	if err == nil && id.cluster != cluster {
		err = fmt.Errorf("%w: %s, the ticket is of %s", ErrWrongCluster, id.cluster, cluster)
	}
	return err
}

// TakeTickets has a function serve connections of those who have a ticket; without, they are refused. It is called before
// Run. The function has the connection until it returns, or ctx ends.
func (m *Mux) TakeTickets(take func(ctx context.Context, conn net.Conn)) {
	m.take = take
	m.config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !slices.Equal(hello.SupportedProtos, []string{TicketProto}) {
			return nil, nil //nolint:nilnil // the usual one
		}
		cfg := m.of.config([]string{TicketProto})
		cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return m.of.now.Load().cert, nil }
		return cfg, nil
	}
}
