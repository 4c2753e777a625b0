package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// certify gives the nodes of a running cluster certificates of another authority, without a lease being lost, and rotates
// the secret under them. Without its certificate a node is none, even with the secret.
func (s *scene) certify() {
	s.Helper()
	s.Log("the nodes get certificates of an authority of their own, one after the other")
	dir := s.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	s.must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	s.issue(filepath.Join(dir, "ca"), authority, authority, public, private)
	plain := map[*harness.Node][]byte{}
	for _, n := range s.Nodes {
		public, key, err := ed25519.GenerateKey(rand.Reader)
		s.must(err)
		path := filepath.Join(dir, n.Name)
		s.issue(path, &x509.Certificate{
			SerialNumber: big.NewInt(2), DNSNames: []string{n.Name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
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
	n := s.follower()
	s.must(os.WriteFile(n.NodeFile, plain[n], 0o644))
	_, err = n.Client.Reload(s.wait())
	s.must(err)
	if err := n.Client.Drain(s.within(2*time.Second), api.DrainRequest{Node: n.Name, On: true}); err == nil {
		s.Errorf("%s commands the cluster without a certificate", n)
	}
}

func (s *scene) issue(path string, template, parent *x509.Certificate, public ed25519.PublicKey, key ed25519.PrivateKey) {
	s.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	s.must(err)
	s.must(os.WriteFile(path+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
}
