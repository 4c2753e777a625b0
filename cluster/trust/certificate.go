package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// All certificates are valid from and to these instants. The second is the one that RFC 5280, section
// 4.1.2.5, gives to certificates without a well-defined end.
var (
	validFrom = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	validTo   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
)

// Authority signs and verifies the certificates of a cluster's nodes. It is the same on all nodes that
// have the secret.
type Authority struct {
	key         ed25519.PrivateKey
	cert        *x509.Certificate
	pool        *x509.CertPool
	fingerprint string
}

// Authority derives the cluster's certificate authority.
func (s Secret) Authority() (*Authority, error) {
	key := s.authorityKey()
	template := authorityTemplate()
	cert, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("derive certificate authority: %w", err)
	}
	a := &Authority{key: key, cert: cert, pool: x509.NewCertPool(), fingerprint: s.Fingerprint()}
	a.pool.AddCert(cert)
	return a, nil
}

func (s Secret) authorityKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(s.derive("vipd certificate authority 1"))
}

func authorityTemplate() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "vipd cluster"},
		NotBefore:             validFrom,
		NotAfter:              validTo,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
}

func sign(template, parent *x509.Certificate, public any, key ed25519.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// issue makes a certificate for a node, with a new key.
func (a *Authority) issue(id peerID) (*tls.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	leaf, err := sign(&x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(2)), // 1 is the authority's
		Subject:      pkix.Name{CommonName: "vipd node"},
		NotBefore:    validFrom,
		NotAfter:     validTo,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		URIs:         []*url.URL{id.uri()},
	}, a.cert, public, a.key)
	if err != nil {
		return nil, err
	}
	if got, err := certifiedID(leaf); err != nil || got != id {
		return nil, fmt.Errorf("cluster %q and node %q cannot be written in a certificate", id.cluster, id.node)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: private, Leaf: leaf}, nil
}

// verify checks that the authority issued the certificate, at no particular time.
func (a *Authority) verify(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:       a.pool,
		CurrentTime: validFrom,
		KeyUsages:   []x509.ExtKeyUsage{usage},
	})
	return err
}

// peerID is whom a certificate speaks for.
type peerID struct{ cluster, node string }

func (id peerID) uri() *url.URL {
	return &url.URL{Scheme: "vipd", Host: id.cluster, Path: "/" + id.node}
}

func certifiedID(leaf *x509.Certificate) (peerID, error) {
	if len(leaf.URIs) != 1 || leaf.URIs[0].Scheme != "vipd" {
		return peerID{}, errors.New("certificate does not name a vipd node")
	}
	node, ok := strings.CutPrefix(leaf.URIs[0].Path, "/")
	id := peerID{cluster: leaf.URIs[0].Host, node: node}
	if !ok || id.node == "" || id.cluster == "" || *id.uri() != *leaf.URIs[0] {
		return peerID{}, fmt.Errorf("certificate names no vipd node: %q", leaf.URIs[0])
	}
	return id, nil
}
