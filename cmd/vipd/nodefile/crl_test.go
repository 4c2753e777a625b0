package nodefile

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// list writes a list of serial numbers that is good until then, and returns it.
func (d *desk) list(name string, until time.Time, serials ...int64) []byte {
	d.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-48 * time.Hour), NextUpdate: until}
	for _, n := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, d.cert, d.key)
	d.must(err)
	text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
	d.write(name, text)
	return text
}

// Every list in the file counts, or none: one that cannot be gone by is refused, with what to do.
func TestListsOfRevokedCertificates(t *testing.T) {
	d, other := newDesk(t), newDesk(t)
	d.node("n1", nil) // serial number 2
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	good := d.list("good", later, 7, 8)
	second := d.list("second", later.Add(time.Hour), 8, 9)
	d.write("two", append(append([]byte("# of both branches\n"), good...), second...))
	d.write("cut", append(bytes.Clone(good), second[:len(second)/2]...))
	d.list("own", later, 2)
	d.list("late", before, 7)
	d.write("other", other.list("x", later, 7))
	block, _ := pem.Decode(good)
	d.write("der", block.Bytes)
	d.write("garbage", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte("garbage")}))
	d.write("text", []byte("nothing"))
	d.write("mixed", append(bytes.Clone(good), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.cert.Raw})...))
	for _, tt := range []struct {
		file    string
		revoked int
		want    []string // in the error; none: there is none
	}{
		{"good", 2, nil},
		{"two", 3, nil},
		{"late", 1, nil},
		{"absent", 0, []string{"tls.crl: ", "no such file", "readable for the daemon's user"}},
		{"text", 0, []string{"tls.crl: ", "/text has no list in it", "BEGIN X509 CRL", "take `crl` away"}},
		{"garbage", 0, []string{"tls.crl: ", "a list in ", "/garbage cannot be read", "issued anew"}},
		{"cut", 0, []string{"tls.crl: ", "/cut is cut off", "the whole file"}},
		{"mixed", 0, []string{"tls.crl: ", "there is a CERTIFICATE in ", "only"}},
		{"der", 0, []string{"tls.crl: ", "/der is DER", "openssl crl -inform DER"}},
		{"other", 0, []string{"tls.crl: ", "the list of CN=desk in ", "/other is signed by no authority in ", "cRLSign"}},
		{"own", 0, []string{"tls.cert: ", "would be refused: certificate was revoked", "/own: have a new one issued"}},
	} {
		f := d.file("ca.pem", "n1.pem", "n1.key")
		f.TLS.CRL = filepath.Join(d.dir, tt.file)
		own, err := f.OwnCertificates()
		if (err == nil) != (len(tt.want) == 0) || (own == nil) != (err != nil) || own != nil && own.Revoked.Len() != tt.revoked {
			t.Errorf("%s: %+v, %v", tt.file, own, err)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q is not in: %v", tt.file, part, err)
			}
		}
		if err != nil {
			continue
		}
		err = f.CheckLists(own, time.Now())
		if late := tt.file == "late"; late != (err != nil) || late && !strings.Contains(err.Error(), "/late was to be replaced at "+before.UTC().Format(time.RFC3339)) {
			t.Errorf("%s is checked: %v", tt.file, err)
		}
	}
}
