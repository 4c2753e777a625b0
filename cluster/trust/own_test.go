package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// office is a certificate authority that has nothing to do with vipd.
type office struct {
	*testing.T
	cert *x509.Certificate
	key  ed25519.PrivateKey
}

func newOffice(t *testing.T, name ...string) *office {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: strings.Join(append([]string{"office"}, name...), " ")}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := sign(template, template, public, private)
	check(t, err)
	return &office{T: t, cert: cert, key: private}
}

func (o *office) issue(change func(*x509.Certificate), names ...string) *tls.Certificate {
	o.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(o, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	leaf, err := sign(template, o.cert, public, o.key)
	check(o, err)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: private, Leaf: leaf}
}

func (o *office) own(cert *tls.Certificate, derived bool) *Own {
	roots := x509.NewCertPool()
	roots.AddCert(o.cert)
	return &Own{Roots: roots, Cert: cert, Derived: derived}
}

func owning(t *testing.T, node string, secret Secret, own *Own) *Credentials {
	t.Helper()
	c := credentials(t, "c1", node, secret)
	check(t, c.SetOwn(own))
	return c
}

// Nodes with certificates of their own talk, in both directions, and so do those that are being changed over.
func TestOwnCertificates(t *testing.T) {
	o, secret := newOffice(t), NewSecret()
	for what, pair := range map[string][2]*Own{
		"both have their own":            {o.own(o.issue(nil, "a.example", "a"), false), o.own(o.issue(nil, "b"), false)},
		"named by the common name":       {o.own(o.issue(func(c *x509.Certificate) { c.Subject.CommonName = "a" }), false), o.own(o.issue(nil, "b"), false)},
		"one is ahead":                   {o.own(o.issue(nil, "a"), true), o.own(nil, true)},
		"a clock that is behind":         {o.own(o.issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "a"), false), o.own(o.issue(nil, "b"), false)},
		"neither shows one of the other": {o.own(nil, true), nil},
	} {
		a, b := owning(t, "a", secret, pair[0]), owning(t, "b", secret, pair[1])
		addrA, addrB := startEcho(t, a), startEcho(t, b)
		for _, to := range []string{"", "b"} {
			if got, err := greeting(t, a, addrB, to, rpcProto); err != nil || got != rpcProto+" a" {
				t.Errorf("%s: a gets %q, %v", what, got, err)
			}
		}
		if got, err := greeting(t, b, addrA, "a", raftProto); err != nil || got != raftProto+" b" {
			t.Errorf("%s: b gets %q, %v", what, got, err)
		}
	}
}

// A certificate of the authority takes the secret beside it, and the secret the certificate.
func TestOwnCertificatesRefuse(t *testing.T) {
	o, secret, next := newOffice(t), NewSecret(), NewSecret()
	server := owning(t, "a", secret, o.own(o.issue(nil, "a"), false))
	check(t, server.SetFormer(formerly(t, next, secret)))
	addr := startEcho(t, server)
	for what, tc := range map[string]struct {
		client *Credentials
		node   string
		want   error // nil: it is the server that refuses
	}{
		"without the secret":           {owning(t, "b", NewSecret(), o.own(o.issue(nil, "b"), false)), "", ErrWrongSecret},
		"with a former secret":         {owning(t, "b", next, o.own(o.issue(nil, "b"), false)), "", ErrRotated},
		"without a certificate":        {credentials(t, "c1", "b", secret), "", ErrWrongSecret},
		"one that shows a derived one": {owning(t, "b", secret, o.own(nil, true)), "", nil},
		"another authority":            {owning(t, "b", secret, newOffice(t).own(o.issue(nil, "b"), false)), "", ErrNotByCA},
		"of another authority":         {owning(t, "b", secret, o.own(newOffice(t).issue(nil, "b"), false)), "", nil},
		"with another name":            {owning(t, "b", secret, o.own(o.issue(nil, "c"), false)), "", nil},
		"to another node":              {owning(t, "b", secret, o.own(o.issue(nil, "b"), false)), "z", ErrWrongNode},
		"expired":                      {owning(t, "b", secret, o.own(o.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "b"), false)), "", nil},
		"of another cluster": {func() *Credentials {
			c := credentials(t, "c2", "b", secret)
			check(t, c.SetOwn(o.own(o.issue(nil, "b"), false)))
			return c
		}(), "", ErrWrongCluster},
	} {
		got, err := greeting(t, tc.client, addr, tc.node, rpcProto)
		if got != "" || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: %q, %v; want %v", what, got, err, tc.want)
		}
	}
	if got, err := greeting(t, owning(t, "b", secret, o.own(o.issue(nil, "b"), false)), addr, "a", rpcProto); err != nil || got != rpcProto+" b" {
		t.Errorf("with nothing wrong: %q, %v", got, err)
	}
}

// Whoever relays what a node says of itself proves nothing on another connection.
func TestAProofIsOfOneConnection(t *testing.T) {
	secret := NewSecret()
	var states [2]tls.ConnectionState
	addr := startEcho(t, credentials(t, "c1", "a", secret))
	for i := range states {
		conn, err := credentials(t, "c1", "b", secret).Dial(deadline(t), addr, "", rpcProto)
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		states[i] = conn.ConnectionState()
	}
	seen := map[string]bool{}
	for _, cs := range states {
		for _, side := range []string{byClient, byServer} {
			for _, node := range []string{"a", "b"} {
				proof, err := secret.proof(cs, side, "c1", node)
				check(t, err)
				seen[string(proof)] = true
			}
		}
	}
	diff(t, "different proofs", 8, len(seen))
}

// What was connected by certificates that are not good any more ends.
func TestConnectionsEndWithTheAuthority(t *testing.T) {
	o, secret := newOffice(t), NewSecret()
	server := owning(t, "a", secret, o.own(o.issue(nil, "a"), false))
	m := startMux(t, server)
	conn, err := owning(t, "b", secret, o.own(o.issue(nil, "b"), false)).Dial(deadline(t), m.inner.Addr().String(), "a", rpcProto)
	check(t, err)
	defer conn.Close()
	accepted, err := m.Listener(rpcProto).Accept()
	check(t, err)
	defer accepted.Close()
	other := newOffice(t)
	check(t, server.SetOwn(other.own(other.issue(nil, "a"), false)))
	requireCloses(t, conn)
}

// A connection ends with the certificate that it was made by, on the side that was shown it, and no other does.
func TestConnectionsEndWithTheirCertificate(t *testing.T) {
	o, secret := newOffice(t), NewSecret()
	server := owning(t, "a", secret, o.own(o.issue(nil, "a"), true))
	m := startMux(t, server)
	connect := func(c *Credentials) net.Conn {
		_, accepted := connected(t, m, c)
		return accepted
	}
	derived, long := connect(owning(t, "d", secret, o.own(nil, true))), connect(owning(t, "c", secret, o.own(o.issue(nil, "c"), true)))
	soon := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(2 * time.Second) } // of which whole seconds count
	connect(owning(t, "b", secret, o.own(o.issue(soon, "b"), true)))
	server.mu.Lock()
	diff(t, "connections", 3, len(server.conns))
	server.mu.Unlock()
	ended := connect(owning(t, "e", secret, o.own(o.issue(soon, "e"), true)))
	_ = ended.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := ended.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it goes on after its end: %v", err)
	}
	for what, conn := range map[string]net.Conn{"by the secret": derived, "by one that is good": long} {
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one that is verified %s ends, too: %v", what, err)
		}
	}
}
