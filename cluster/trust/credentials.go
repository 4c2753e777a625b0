package trust

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of handshakes, on the side that refuses.
var (
	// ErrWrongSecret: the peer's certificate was not issued with a secret that is accepted here.
	ErrWrongSecret = errors.New("peer does not have this cluster's secret")
	// ErrFormerSecret: the peer's certificate was issued with a secret that this cluster had before. It is an
	// ErrWrongSecret too.
	ErrFormerSecret = errors.New("peer has a former secret of this cluster")
	// ErrRotated: the peer's secret came after the one that this node has. It is an ErrWrongSecret too.
	ErrRotated = errors.New("the cluster's secret was rotated, and this node has the former one")
	// ErrWrongCluster: the peer belongs to another cluster.
	ErrWrongCluster = errors.New("peer belongs to another cluster")
	// ErrWrongNode: another node than the one expected answered.
	ErrWrongNode = errors.New("another node answered")
)

// maxLinks bounds how many former secrets a node can have and still be told that they are that.
const maxLinks = 4

// WrongClusterError is of a node that has the secret, or one that succeeded it, and says that it belongs to another cluster.
type WrongClusterError struct{ Peer, Own string }

func (e *WrongClusterError) Error() string {
	return fmt.Sprintf("%v: %s, this is %s", ErrWrongCluster, e.Peer, e.Own)
}

// Unwrap makes it an ErrWrongCluster.
func (e *WrongClusterError) Unwrap() error { return ErrWrongCluster }

// Credentials are what one node shows to others and verifies them by. They may be used by several
// goroutines.
type Credentials struct {
	id   peerID
	now  atomic.Pointer[issued]
	seen atomic.Pointer[func(node, fingerprint string, err error)]

	mu      sync.Mutex
	secrets []Secret
	former  []Former
	conns   map[*Conn]struct{} // that are open
	expiry  *time.Timer        // for the end of the certificate that ends first; nil: none does
}

// issued is what is in force. It does not change; another takes its place.
type issued struct {
	cert     *tls.Certificate // that follows from the secret
	secrets  []Secret
	accepted []*Authority // of the secrets
	former   []ed25519.PublicKey
	own      *Own // nil: nothing but what follows from the secret
}

// shows reports whether a certificate is shown that does not follow from the secret.
func (i *issued) showsOwn() bool { return i.own != nil && i.own.Cert != nil }

func (i *issued) shown() *tls.Certificate {
	if i.showsOwn() {
		return i.own.Cert
	}
	return i.cert
}

// NewCredentials makes the credentials of a node: a certificate issued with secret, and trust in
// certificates issued with secret or one of also.
func NewCredentials(cluster, node string, secret Secret, also ...Secret) (*Credentials, error) {
	c := &Credentials{id: peerID{cluster: cluster, node: node}, conns: map[*Conn]struct{}{}}
	if err := c.SetSecrets(secret, also...); err != nil {
		return nil, err
	}
	return c, nil
}

// SetSecrets issues a new certificate with secret and replaces the secrets that are accepted from now on.
// Configurations and listeners made before use it for their next handshake; established connections
// stay unless the secret that the peer showed is not accepted any more. To rotate a secret without interruption: every
// node accepts the new one also, then every node uses it and accepts the old one also, then the old one is dropped.
func (c *Credentials) SetSecrets(secret Secret, also ...Secret) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var own *Own
	if now := c.now.Load(); now != nil {
		own = now.own
	}
	return c.issue(append([]Secret{secret}, also...), c.former, own)
}

// SetFormer says which secrets the cluster had before, the oldest first. Peers that still have one of them are refused
// like strangers, but both sides can tell.
func (c *Credentials) SetFormer(former []Former) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issue(c.secrets, former[max(0, len(former)-maxLinks):], c.now.Load().own)
}

// Heed has a function told of what peers show in handshakes: the fingerprint of the secret by which one was verified,
// or ErrFormerSecret, or ErrRotated. It must not block.
func (c *Credentials) Heed(seen func(node, fingerprint string, err error)) { c.seen.Store(&seen) }

// issue puts a new certificate in force. The caller holds mu.
func (c *Credentials) issue(secrets []Secret, former []Former, own *Own) error {
	next := issued{secrets: secrets, own: own}
	for _, s := range secrets {
		if s.IsZero() {
			return errors.New("issue certificate: the cluster secret is empty")
		}
		a, err := s.Authority()
		if err != nil {
			return err
		}
		next.accepted = append(next.accepted, a)
	}
	cert, err := next.accepted[0].issue(c.id)
	if err != nil {
		return fmt.Errorf("issue certificate: %w", err)
	}
	for i := len(former) - 1; i >= 0; i-- {
		cert.Certificate = append(cert.Certificate, former[i].Link)
		next.former = append(next.former, former[i].Key)
	}
	next.cert = cert
	c.secrets, c.former = secrets, former
	c.now.Store(&next)
	c.sift()
	return nil
}

// sift closes the connections that would not come about now, and is called again when the next certificate ends. The
// caller holds mu.
func (c *Credentials) sift() {
	now := c.now.Load()
	var end time.Time
	for conn := range c.conns {
		until, ok := now.keeps(conn)
		if !ok {
			conn.abort()
		} else if !until.IsZero() && (end.IsZero() || until.Before(end)) {
			end = until
		}
	}
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !end.IsZero() {
		c.expiry = time.AfterFunc(time.Until(end)+afterEnd, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.sift()
		})
	}
}

// afterEnd is how long after its end a certificate is looked at: at the end itself it is good.
const afterEnd = 10 * time.Millisecond

// keeps reports whether a connection would come about now, and until when that is so; the zero time is for ever.
func (i *issued) keeps(conn *Conn) (until time.Time, ok bool) {
	if !slices.ContainsFunc(i.accepted, func(a *Authority) bool { return a.fingerprint == conn.by }) {
		return until, false
	}
	if !conn.own {
		return until, i.own == nil || i.own.Derived
	}
	if i.own == nil {
		return until, false
	}
	until, err := i.own.until(conn.state.PeerCertificates, conn.usage)
	return until, err == nil
}

// ServerConfig returns the configuration of a TLS server that speaks the given application protocols
// (ALPN) with nodes of its own cluster only.
func (c *Credentials) ServerConfig(protos ...string) *tls.Config {
	cfg := c.config(protos)
	cfg.ClientAuth = tls.RequireAnyClientCert // verified in VerifyConnection
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load().shown(), nil }
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return c.verify(cs, "", x509.ExtKeyUsageClientAuth) }
	return cfg
}

// ClientConfig returns the configuration of a TLS client that speaks one application protocol (ALPN)
// with the named node of its own cluster, or with any of its nodes if the name is empty.
func (c *Credentials) ClientConfig(node, proto string) *tls.Config {
	cfg := c.config([]string{proto})
	// The standard verification wants host names and the time of day; VerifyConnection replaces it.
	cfg.InsecureSkipVerify = true
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return c.now.Load().shown(), nil
	}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error { return c.verify(cs, node, x509.ExtKeyUsageServerAuth) }
	return cfg
}

func (c *Credentials) config(protos []string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: protos,
		// A resumed session would outlive a change of the secret.
		SessionTicketsDisabled: true,
	}
}

// verify checks what a peer shows; whom it is of, if it does not follow from the secret, it says itself later.
func (c *Credentials) verify(cs tls.ConnectionState, node string, usage x509.ExtKeyUsage) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("peer shows no certificate")
	}
	if cs.NegotiatedProtocol == "" {
		return errors.New("peer names no application protocol")
	}
	now, leaf := c.now.Load(), cs.PeerCertificates[0]
	id, err := certifiedID(leaf)
	if err != nil || now.own != nil && !now.own.Derived {
		return now.verifyOwn(cs, node, usage)
	}
	by, err := now.verify(cs.PeerCertificates, usage)
	if id.cluster == c.id.cluster {
		c.sight(id.node, by, err)
	}
	switch {
	case id.cluster != c.id.cluster && (err == nil || errors.Is(err, ErrRotated)):
		return &WrongClusterError{Peer: id.cluster, Own: c.id.cluster}
	case err != nil:
		return err
	case node != "" && id.node != node:
		return fmt.Errorf("%w: %s, not %s", ErrWrongNode, id.node, node)
	}
	return nil
}

// verifyOwn checks a certificate that does not follow from the secret.
func (i *issued) verifyOwn(cs tls.ConnectionState, node string, usage x509.ExtKeyUsage) error {
	if i.own == nil {
		return fmt.Errorf("%w: its certificate is of another authority; where nodes have certificates of their own, name that as `tls.ca` in the node file", ErrWrongSecret)
	}
	if err := i.own.Verify(cs.PeerCertificates, usage); err != nil {
		return err
	}
	if leaf := cs.PeerCertificates[0]; node != "" && !Names(leaf, node) {
		return fmt.Errorf("%w: its certificate does not name %s", ErrWrongNode, node)
	}
	return nil
}

func (c *Credentials) sight(node, by string, err error) {
	if seen := c.seen.Load(); seen != nil {
		(*seen)(node, by, err)
	}
}

// verify returns the fingerprint of the secret by which a peer is verified.
func (i *issued) verify(shown []*x509.Certificate, usage x509.ExtKeyUsage) (string, error) {
	var err error
	for _, a := range i.accepted {
		if err = a.verify(shown[0], usage); err == nil {
			return a.fingerprint, nil
		}
	}
	for _, key := range i.former {
		if signed(shown[0], key) {
			return "", fmt.Errorf("%w: %w", ErrWrongSecret, ErrFormerSecret)
		}
	}
	for _, a := range i.accepted {
		if succeeds(shown, a.cert.PublicKey.(ed25519.PublicKey)) {
			return "", fmt.Errorf("%w: %w", ErrWrongSecret, ErrRotated)
		}
	}
	return "", fmt.Errorf("%w: %w", ErrWrongSecret, err)
}
