package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// certify gives the nodes of a running cluster certificates of another authority, without a lease being lost, and rotates
// the secret under them. Without its certificate a node is none, even with the secret, nor with one that was revoked.
func (s *scene) certify() {
	s.Helper()
	s.Log("the nodes get certificates of an authority of their own, one after the other")
	dir := s.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	s.must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	authority = s.issue(filepath.Join(dir, "ca"), authority, authority, public, private)
	plain := map[*harness.Node][]byte{}
	for i, n := range s.Nodes {
		public, key, err := ed25519.GenerateKey(rand.Reader)
		s.must(err)
		path := filepath.Join(dir, n.Name)
		s.issue(path, &x509.Certificate{
			SerialNumber: big.NewInt(int64(2 + i)), DNSNames: []string{n.Name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		}, authority, public, private)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		s.must(err)
		s.must(os.WriteFile(path+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
		plain[n], err = os.ReadFile(n.NodeFile)
		s.must(err)
	}
	epochs := s.epochs()
	for _, derived := range []string{"derived: true", "cert: %[1]s/%[2]s.pem\n  key: %[1]s/%[2]s.key\n  derived: true", "cert: %[1]s/%[2]s.pem\n  key: %[1]s/%[2]s.key"} {
		for _, n := range s.Nodes {
			text := fmt.Sprintf("%stls:\n  ca: %s/ca.pem\n  ", plain[n], dir) + fmt.Sprintf(derived+"%[3]s\n", dir, n.Name, "")
			s.must(os.WriteFile(n.NodeFile, []byte(text), 0o644))
			_, err := n.Client.Reload(s.wait())
			s.must(err)
		}
	}
	_, err = s.Nodes[0].Client.SecretRotate(s.wait(), api.SecretRotateRequest{})
	s.must(err)
	if got := s.epochs(); fmt.Sprint(got) != fmt.Sprint(epochs) {
		s.Errorf("a lease was lost: epochs %v, then %v", epochs, got)
	}
	n := s.revoke(filepath.Join(dir, "crl.pem"), authority, private)
	s.must(os.WriteFile(n.NodeFile, plain[n], 0o644))
	_, err = n.Client.Reload(s.wait())
	s.must(err)
	if err := n.Client.Drain(s.within(2*time.Second), api.DrainRequest{Node: n.Name, On: true}); err == nil {
		s.Errorf("%s commands the cluster without a certificate", n)
	}
}

// revoke has a node's certificate revoked, and not any more. The node can do nothing meanwhile, and what is held stays
// where it is. It returns the node.
func (s *scene) revoke(path string, authority *x509.Certificate, key ed25519.PrivateKey) *harness.Node {
	s.Helper()
	s.apply(web)
	leader, holder := s.leader(), s.holder("web")
	n := s.Except(leader, holder)[0]
	others := s.Except(n)
	s.Logf("the certificate of %s is revoked", n)
	epochs := s.epochs()
	for _, other := range others {
		text, err := os.ReadFile(other.NodeFile)
		s.must(err)
		s.must(os.WriteFile(other.NodeFile, append(text, "  crl: "+path+"\n"...), 0o644))
	}
	list := func(serials ...x509.RevocationListEntry) {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().AddDate(0, 1, 0), RevokedCertificateEntries: serials,
		}, authority, key)
		s.must(err)
		s.must(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), 0o644))
		for _, other := range others {
			_, err := other.Client.Reload(s.wait())
			s.must(err)
		}
	}
	list(x509.RevocationListEntry{SerialNumber: big.NewInt(int64(2 + slices.Index(s.Nodes, n))), RevocationTime: time.Now()})
	if err := n.Client.Drain(s.within(2*time.Second), api.DrainRequest{Node: n.Name, On: true}); err == nil {
		s.Errorf("%s commands the cluster with a certificate that was revoked", n)
	}
	s.must(leader.Client.Drain(s.wait(), api.DrainRequest{Node: n.Name})) // the others can do without it
	list()
	s.await(n.Name+" is let in again", func(ctx context.Context) error {
		return n.Client.Drain(ctx, api.DrainRequest{Node: n.Name})
	})
	if got, now := s.epochs(), s.holder("web"); now != holder || got[holder.Name] != epochs[holder.Name] {
		s.Errorf("what %s held is on %s; epochs were %v and are %v", holder, now, epochs, got)
	}
	return n
}

func (s *scene) issue(path string, template, parent *x509.Certificate, public ed25519.PublicKey, key ed25519.PrivateKey) *x509.Certificate {
	s.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	s.must(err)
	s.must(os.WriteFile(path+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	cert, err := x509.ParseCertificate(der)
	s.must(err)
	return cert
}
