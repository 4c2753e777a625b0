package trust

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// ErrNotByCA is of a peer whose certificate is not one of the authority that this node was told to verify others by.
var ErrNotByCA = errors.New("peer's certificate is not one of `tls.ca`")

// Own is certificates of an authority other than the one that follows from the secret.
type Own struct {
	Roots *x509.CertPool
	Cert  *tls.Certificate // that this node shows, with its Leaf; nil: one that follows from the secret
	// Derived has certificates that follow from the secret accepted, too.
	Derived bool
	Revoked Revoked
	Sum     string // tells what was read from what is read later
}

// Verify checks a chain, the leaf first, for a use on either side of a connection. A clock that is behind does no harm, so
// that a host that lost its time comes back; what has expired is refused, and what was revoked.
func (o *Own) Verify(chain []*x509.Certificate, usage x509.ExtKeyUsage) error {
	_, err := o.until(chain, usage)
	return err
}

// until verifies a chain and returns until when it is good, which is as long as the shortest-lived certificate in it is.
func (o *Own) until(chain []*x509.Certificate, usage x509.ExtKeyUsage) (end time.Time, err error) {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	at := time.Now()
	if at.Before(chain[0].NotBefore) {
		at = chain[0].NotBefore
	}
	verified, err := chain[0].Verify(x509.VerifyOptions{
		Roots: o.Roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrNotByCA, err)
	}
	for _, way := range verified {
		if o.Revoked.concerns(way) {
			continue
		}
		first := slices.MinFunc(way, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
		if first.NotAfter.After(end) {
			end = first.NotAfter
		}
	}
	if end.IsZero() {
		return end, ErrRevoked
	}
	return end, nil
}

// Names reports whether a certificate is of a node: by a DNS name, or by its common name.
func Names(leaf *x509.Certificate, node string) bool {
	return node != "" && (strings.EqualFold(leaf.Subject.CommonName, node) ||
		slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, node) }))
}

// SetOwn has other certificates shown and verified than those that follow from the secret; nil: not any more. Connections
// that would not come about now are closed.
func (c *Credentials) SetOwn(own *Own) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issue(c.secrets, c.former, own)
}

// Own returns what SetOwn set.
func (c *Credentials) Own() *Own { return c.now.Load().own }

// introduction is what a node says first on a connection where it showed a certificate of its own: who it is, which such
// a certificate may leave open, and that it has the secret, by something that is good on this connection alone.
type introduction struct {
	Cluster string   `json:"cluster"`
	Node    string   `json:"node"`
	Secret  string   `json:"secret"` // fingerprint
	Proof   []byte   `json:"proof"`
	Links   [][]byte `json:"links,omitempty"` // by which former secrets named the next, the newest first
}

const maxIntroduction = 16 << 10

// The side that proves; a proof of one is none of the other's.
const (
	byClient = "client"
	byServer = "server"
)

func (s Secret) proof(cs tls.ConnectionState, side, cluster, node string) ([]byte, error) {
	bound, err := cs.ExportKeyingMaterial("EXPORTER-vipd-proof-1", nil, 32)
	if err != nil {
		return nil, fmt.Errorf("bind a proof to the connection: %w", err)
	}
	mac := hmac.New(sha256.New, s.derive("vipd proof 1"))
	fmt.Fprintf(mac, "%x %s %q %q", bound, side, cluster, node)
	return mac.Sum(nil), nil
}

// introduce says who this node is.
func (i *issued) introduce(conn *tls.Conn, id peerID, side string) error {
	proof, err := i.secrets[0].proof(conn.ConnectionState(), side, id.cluster, id.node)
	if err != nil {
		return err
	}
	in := introduction{Cluster: id.cluster, Node: id.node, Secret: i.accepted[0].fingerprint, Proof: proof, Links: i.cert.Certificate[1:]}
	text, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the introduction: %w", err)
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)) //nolint:gosec // below maxIntroduction
	return err
}

// meet reads who the peer is, and returns that and the secret that it proved to have.
func (i *issued) meet(conn *tls.Conn, id peerID, side string) (node, by string, err error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return "", "", fmt.Errorf("read who the peer is: %w", err)
	}
	text := make([]byte, min(int(binary.BigEndian.Uint16(size[:])), maxIntroduction))
	var in introduction
	if _, err := io.ReadFull(conn, text); err != nil {
		return "", "", fmt.Errorf("read who the peer is: %w", err)
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return "", "", fmt.Errorf("read who the peer is: %w", err)
	}
	cs := conn.ConnectionState()
	if !Names(cs.PeerCertificates[0], in.Node) {
		return "", "", fmt.Errorf("peer says that it is %s, and its certificate does not name that", in.Node)
	}
	by, err = i.proven(cs, in, side)
	switch {
	case in.Cluster == id.cluster:
		return in.Node, by, err
	case err == nil:
		return "", "", &WrongClusterError{Peer: in.Cluster, Own: id.cluster}
	}
	return "", "", fmt.Errorf("%w: %s, this is %s", ErrWrongCluster, in.Cluster, id.cluster)
}

// proven returns the fingerprint of the secret that a peer has proved to have.
func (i *issued) proven(cs tls.ConnectionState, in introduction, side string) (string, error) {
	for n, a := range i.accepted {
		if a.fingerprint != in.Secret {
			continue
		}
		want, err := i.secrets[n].proof(cs, side, in.Cluster, in.Node)
		if err != nil || !hmac.Equal(want, in.Proof) {
			return "", errors.Join(ErrWrongSecret, err)
		}
		return in.Secret, nil
	}
	return "", i.otherSecret(in)
}

// otherSecret says what is the matter with a peer that has another secret.
func (i *issued) otherSecret(in introduction) error {
	for _, key := range i.former {
		if FingerprintOf(key) == in.Secret {
			return fmt.Errorf("%w: %w", ErrWrongSecret, ErrFormerSecret)
		}
	}
	for _, link := range in.Links {
		cert, err := x509.ParseCertificate(link)
		if err == nil && signed(cert, i.accepted[0].cert.PublicKey.(ed25519.PublicKey)) {
			return fmt.Errorf("%w: %w", ErrWrongSecret, ErrRotated)
		}
	}
	return ErrWrongSecret
}
