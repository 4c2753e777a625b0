package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
)

// Errors of handshakes, on the side that refuses.
var (
	// ErrWrongSecret: the peer's certificate was not issued with a secret that is accepted here.
	ErrWrongSecret = errors.New("peer does not have this cluster's secret")
	// ErrWrongCluster: the peer belongs to another cluster.
	ErrWrongCluster = errors.New("peer belongs to another cluster")
	// ErrWrongNode: another node than the one expected answered.
	ErrWrongNode = errors.New("another node answered")
)

// Credentials are what one node shows to others and verifies them by. They may be used by several
// goroutines.
type Credentials struct {
	id  peerID
	now atomic.Pointer[issued]
}

type issued struct {
	cert     *tls.Certificate
	accepted []*Authority
}

// NewCredentials makes the credentials of a node: a certificate issued with secret, and trust in
// certificates issued with secret or one of also.
func NewCredentials(cluster, node string, secret Secret, also ...Secret) (*Credentials, error) {
	c := &Credentials{id: peerID{cluster: cluster, node: node}}
	if err := c.SetSecrets(secret, also...); err != nil {
		return nil, err
	}
	return c, nil
}

// SetSecrets issues a new certificate with secret and replaces the secrets that are accepted from now on.
// Configurations and listeners made before use it for their next handshake; established connections
// stay. To rotate a secret without interruption: every node accepts the new one also, then every node
// uses it and accepts the old one also, then the old one is dropped.
func (c *Credentials) SetSecrets(secret Secret, also ...Secret) error {
	var next issued
	for _, s := range append([]Secret{secret}, also...) {
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
	next.cert = cert
	c.now.Store(&next)
	return nil
}

// ServerConfig returns the configuration of a TLS server that speaks the given application protocols
// (ALPN) with nodes of its own cluster only.
func (c *Credentials) ServerConfig(protos ...string) *tls.Config {
	cfg := c.config(protos)
	cfg.ClientAuth = tls.RequireAnyClientCert // verified in VerifyConnection
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load().cert, nil }
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		_, err := c.verify(cs, x509.ExtKeyUsageClientAuth)
		return err
	}
	return cfg
}

// ClientConfig returns the configuration of a TLS client that speaks one application protocol (ALPN)
// with the named node of its own cluster, or with any of its nodes if the name is empty.
func (c *Credentials) ClientConfig(node, proto string) *tls.Config {
	cfg := c.config([]string{proto})
	// The standard verification wants host names and the time of day; VerifyConnection replaces it.
	cfg.InsecureSkipVerify = true
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return c.now.Load().cert, nil
	}
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		id, err := c.verify(cs, x509.ExtKeyUsageServerAuth)
		if err == nil && node != "" && id.node != node {
			return fmt.Errorf("%w: %s, not %s", ErrWrongNode, id.node, node)
		}
		return err
	}
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

func (c *Credentials) verify(cs tls.ConnectionState, usage x509.ExtKeyUsage) (peerID, error) {
	if len(cs.PeerCertificates) == 0 {
		return peerID{}, errors.New("peer shows no certificate")
	}
	if cs.NegotiatedProtocol == "" {
		return peerID{}, errors.New("peer names no application protocol")
	}
	leaf := cs.PeerCertificates[0]
	if err := c.now.Load().verify(leaf, usage); err != nil {
		return peerID{}, err
	}
	id, err := certifiedID(leaf)
	if err != nil {
		return peerID{}, err
	}
	if id.cluster != c.id.cluster {
		return peerID{}, fmt.Errorf("%w: %s, this is %s", ErrWrongCluster, id.cluster, c.id.cluster)
	}
	return id, nil
}

func (i *issued) verify(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	var err error
	for _, a := range i.accepted {
		if err = a.verify(leaf, usage); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %w", ErrWrongSecret, err)
}

// PeerName returns the name of the node at the other end of a connection that was made with
// ServerConfig or ClientConfig.
func PeerName(cs tls.ConnectionState) (string, error) {
	if len(cs.PeerCertificates) == 0 {
		return "", errors.New("peer shows no certificate")
	}
	id, err := certifiedID(cs.PeerCertificates[0])
	return id.node, err
}
