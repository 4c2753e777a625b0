package nodefile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// desk issues certificates into files of a directory.
type desk struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{T: t, dir: t.TempDir()}
	d.cert, d.key = d.make("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "desk"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
	return d
}

// make issues a certificate into NAME.pem, and its key into NAME.key.
func (d *desk) make(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	d.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	d.must(err)
	parent, signer := d.cert, d.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	d.must(err)
	cert, err := x509.ParseCertificate(der)
	d.must(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	d.must(err)
	d.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	d.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return cert, key
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *desk) write(name string, data []byte) {
	d.Helper()
	d.must(os.WriteFile(filepath.Join(d.dir, name), data, 0o600))
}

func (d *desk) node(name string, change func(*x509.Certificate)) {
	d.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"n1.example", "n1"}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	d.make(name, template)
}

func (d *desk) file(ca, cert, key string) File {
	path := func(name string) string {
		if name == "" {
			return ""
		}
		return filepath.Join(d.dir, name)
	}
	return File{Node: "n1", TLS: TLS{CA: path(ca), Cert: path(cert), Key: path(key)}}
}

// What others would refuse is refused before, with what to do.
func TestOwnCertificates(t *testing.T) {
	d := newDesk(t)
	d.node("n1", nil)
	d.node("named", func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "n1" })
	d.node("n2", func(c *x509.Certificate) { c.DNSNames = []string{"n2"} })
	d.node("ended", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	d.node("server", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	d.node("open", nil)
	d.must(os.Chmod(filepath.Join(d.dir, "open.key"), 0o644))
	d.write("text", []byte("nothing"))
	other := newDesk(t)
	other.node("n1", nil)
	d.must(os.Rename(filepath.Join(other.dir, "ca.pem"), filepath.Join(d.dir, "other.pem")))
	for _, tt := range []struct {
		name          string
		ca, cert, key string
		want          []string // in the error; none: there is none
	}{
		{"fine", "ca.pem", "n1.pem", "n1.key", nil},
		{"by common name", "ca.pem", "named.pem", "named.key", nil},
		{"the authority alone", "ca.pem", "", "", nil},
		{"no authority", "none.pem", "n1.pem", "n1.key", []string{"tls.ca: ", "no such file", "readable for the daemon's user"}},
		{"an authority without certificates", "text", "n1.pem", "n1.key", []string{"tls.ca: ", "has no certificate in it", "BEGIN CERTIFICATE"}},
		{"no certificate", "ca.pem", "text", "n1.key", []string{"tls.cert: ", "has no certificate in it"}},
		{"no key", "ca.pem", "n1.pem", "text", []string{"tls.key: ", "has no key in it", "without a password"}},
		{"a certificate for a key", "ca.pem", "n1.pem", "n1.pem", []string{"tls.key: ", "has no key in it"}},
		{"another's key", "ca.pem", "n1.pem", "n2.key", []string{"tls.cert: ", "do not go together"}},
		{"a key in sight", "ca.pem", "open.pem", "open.key", []string{"tls.key: ", "0644", "chmod 0600"}},
		{"another node's", "ca.pem", "n2.pem", "n2.key", []string{"tls.cert: ", "names n2, and this is node n1", "DNS name n1"}},
		{"ended", "ca.pem", "ended.pem", "ended.key", []string{"tls.cert: ", "would be refused: x509: certificate has expired", "ended at", "have a new one issued"}},
		{"for servers only", "ca.pem", "server.pem", "server.key", []string{"tls.cert: ", "serverAuth and clientAuth"}},
		{"of another authority", "other.pem", "n1.pem", "n1.key", []string{"tls.cert: ", "issued by an authority of"}},
	} {
		own, err := d.file(tt.ca, tt.cert, tt.key).OwnCertificates()
		if (err == nil) != (len(tt.want) == 0) || (own == nil) != (err != nil) {
			t.Errorf("%s: %+v, %v", tt.name, own, err)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in: %v", tt.name, part, err)
			}
		}
	}
	if own, err := (File{Node: "n1"}).OwnCertificates(); own != nil || err != nil {
		t.Errorf("without tls: %v, %v", own, err)
	}
}

// Other content in the same files is noticed.
func TestCertificatesAreReadAgain(t *testing.T) {
	d := newDesk(t)
	var sums []string
	for range 2 {
		d.node("n1", nil)
		for range 2 {
			own, err := d.file("ca.pem", "n1.pem", "n1.key").OwnCertificates()
			d.must(err)
			sums = append(sums, own.Sum)
		}
	}
	if sums[0] != sums[1] || sums[1] == sums[2] || sums[2] != sums[3] {
		t.Errorf("read as %q", sums)
	}
}
