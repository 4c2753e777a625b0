package nodefile

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/trust"
)

// TLS is certificates that take the place of those that follow from the cluster's secret.
type TLS struct {
	CA      string `yaml:"ca"`      // file, absolute; empty: none
	Cert    string `yaml:"cert"`    // file with this node's certificate, and those between it and the authority's
	Key     string `yaml:"key"`     // file
	CRL     string `yaml:"crl"`     // file with lists of what the authority has revoked; empty: none
	Derived bool   `yaml:"derived"` // whether certificates that follow from the secret are accepted, too
}

func (f *File) checkTLS(doc *conf.Document) {
	t := f.TLS
	if t == (TLS{}) {
		return
	}
	for _, file := range []struct{ key, path string }{{"tls.ca", t.CA}, {"tls.cert", t.Cert}, {"tls.key", t.Key}, {"tls.crl", t.CRL}} {
		if file.path != "" {
			report(doc, file.key, checkPath(file.path, "/etc/vipd/tls/node.pem"))
		}
	}
	switch {
	case t.CA == "":
		doc.Add("tls", "there is no `ca`", "name the file with the certificates of the authority that all nodes' certificates are from")
	case (t.Cert == "") != (t.Key == ""):
		doc.Add("tls", "there is one of `cert` and `key`", "name both, or neither")
	case t.Cert == "" && !t.Derived:
		doc.Add("tls", "this node would show a certificate that follows from the secret, and refuse those of others",
			"name `cert` and `key`, or say `derived: true` until all nodes have theirs")
	}
}

// OwnCertificates reads the files that tls names; nil where it names none. The error is of type conf.Errors. A list that
// is late is taken: see CheckLists.
func (f File) OwnCertificates() (*trust.Own, error) {
	if f.TLS == (TLS{}) {
		return nil, nil //nolint:nilnil // as documented
	}
	var doc conf.Document
	own := &trust.Own{Roots: x509.NewCertPool(), Derived: f.TLS.Derived}
	sum := sha256.New()
	authority, err := os.ReadFile(f.TLS.CA)
	switch {
	case err != nil:
		doc.Add("tls.ca", err.Error(), "it has to be there, and readable for the daemon's user")
	case !own.Roots.AppendCertsFromPEM(authority):
		doc.Add("tls.ca", f.TLS.CA+" has no certificate in it", "it takes PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	sum.Write(authority)
	if f.TLS.CRL != "" && doc.Err() == nil {
		own.Revoked = f.readRevoked(authority, &doc)
	}
	if f.TLS.Cert != "" && doc.Err() == nil {
		sum.Write(f.readCertificate(own, &doc))
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	own.Sum = hex.EncodeToString(sum.Sum(nil))
	return own, nil
}

// readCertificate reads this node's certificate, and tells doc what others would refuse it for. It returns the file.
func (f File) readCertificate(own *trust.Own, doc *conf.Document) []byte {
	chain, err := os.ReadFile(f.TLS.Cert)
	if err != nil {
		doc.Add("tls.cert", err.Error(), "it has to be there, and readable for the daemon's user")
		return nil
	}
	key, problem := readKey(f.TLS.Key)
	if problem != nil {
		report(doc, "tls.key", problem)
		return nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		report(doc, "tls.cert", pairProblem(f.TLS, chain, err))
		return nil
	}
	own.Cert = &pair
	report(doc, "tls.cert", f.refusal(own))
	return chain
}

func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		return nil, conf.Problem{
			Text:   fmt.Sprintf("everybody can get at %s, whose mode is %04o", path, info.Mode().Perm()),
			Remedy: "run `chmod 0600` on it, and make it the daemon's user's, or 0640 and its group's",
		}
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, conf.Problem{Text: err.Error(), Remedy: "it has to be there, and readable for the daemon's user"}
	}
	if block, _ := pem.Decode(key); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return nil, conf.Problem{Text: path + " has no key in it", Remedy: "it takes PEM without a password, which begins with -----BEGIN PRIVATE KEY-----"}
	}
	return key, nil
}

func pairProblem(t TLS, chain []byte, err error) error {
	if block, _ := pem.Decode(chain); block == nil || block.Type != "CERTIFICATE" {
		return conf.Problem{Text: t.Cert + " has no certificate in it", Remedy: "it takes PEM, which begins with -----BEGIN CERTIFICATE-----: this node's first, then those between it and the authority's"}
	}
	return conf.Problem{Text: fmt.Sprintf("%s and %s do not go together: %v", t.Cert, t.Key, err), Remedy: "name the key that the certificate was made for"}
}

// refusal says why others would refuse this node's certificate.
func (f File) refusal(own *trust.Own) error {
	var chain []*x509.Certificate
	for _, der := range own.Cert.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return conf.Problem{Text: fmt.Sprintf("a certificate in %s cannot be read: %v", f.TLS.Cert, err), Remedy: "have it issued anew"}
		}
		chain = append(chain, c)
	}
	leaf := chain[0]
	if !trust.Names(leaf, f.Node) {
		named := strings.Join(leaf.DNSNames, ", ")
		if named == "" {
			named = "nobody"
		}
		return conf.Problem{
			Text:   fmt.Sprintf("%s names %s, and this is node %s", f.TLS.Cert, named, f.Node),
			Remedy: fmt.Sprintf("have it issued with the DNS name %s among its subject alternative names, or as its common name", f.Node),
		}
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if err := own.Verify(chain, usage); err != nil {
			why := strings.TrimPrefix(err.Error(), trust.ErrNotByCA.Error()+": ")
			return conf.Problem{Text: fmt.Sprintf("%s would be refused: %s", f.TLS.Cert, why), Remedy: refusalRemedy(f.TLS, leaf, err)}
		}
	}
	own.Cert.Leaf = leaf
	return nil
}

func refusalRemedy(t TLS, leaf *x509.Certificate, err error) string {
	switch {
	case errors.Is(err, trust.ErrRevoked):
		return "it is on a list in " + t.CRL + ": have a new one issued, with a new key"
	case time.Now().After(leaf.NotAfter):
		return fmt.Sprintf("it ended at %s by this host's clock: have a new one issued", leaf.NotAfter.UTC().Format(time.RFC3339))
	case len(leaf.ExtKeyUsage) > 0 && len(leaf.ExtKeyUsage) < 2:
		return "nodes call each other, so it has to be for both: have it issued with the extended key usages serverAuth and clientAuth"
	}
	return "it has to be issued by an authority of " + t.CA + ", with those between it and that in the same file"
}
