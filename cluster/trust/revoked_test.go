package trust

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"testing"
	"time"
)

func serial(n int64) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.SerialNumber = big.NewInt(n) }
}

// revoke makes a list of serial numbers.
func (o *office) revoke(change func(*x509.RevocationList), serials ...int64) *x509.RevocationList {
	o.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	for _, n := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now()})
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, o.cert, o.key)
	check(o, err)
	list, err := x509.ParseRevocationList(der)
	check(o, err)
	return list
}

// revoking is what another holds to be good, but for some serial numbers.
func (o *office) revoking(own *Own, serials ...int64) *Own {
	o.Helper()
	next := *own
	next.Revoked = Revoked{}
	check(o, next.Revoked.Take(o.revoke(nil, serials...), []*x509.Certificate{o.cert}))
	return &next
}

// What its authority has revoked is refused by either side, and a connection by it ends when that is known. Others go on.
func TestRevokedCertificatesAreRefused(t *testing.T) {
	o, secret := newOffice(t), NewSecret()
	server := owning(t, "a", secret, o.own(o.issue(serial(10), "a"), false))
	m := startMux(t, server)
	revoked := owning(t, "b", secret, o.own(o.issue(serial(300), "b"), false))
	good := owning(t, "c", secret, o.own(o.issue(serial(301), "c"), false))
	ends, _ := connected(t, m, revoked)
	stays, _ := connected(t, m, good)
	check(t, server.SetOwn(o.revoking(server.Own(), 299, 300)))
	requireCloses(t, ends)
	_ = stays.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := stays.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection by another certificate ends, too: %v", err)
	}

	addr, of := startEcho(t, server), startEcho(t, revoked)
	if got, _ := greeting(t, revoked, addr, "a", rpcProto); got != "" {
		t.Errorf("who shows a revoked certificate is answered %q", got)
	}
	if got, err := greeting(t, server, of, "b", rpcProto); !errors.Is(err, ErrRevoked) {
		t.Errorf("a server with a revoked certificate answers %q, %v", got, err)
	}
	if got, err := greeting(t, good, addr, "a", rpcProto); err != nil || got != rpcProto+" c" {
		t.Errorf("another gets %q, %v", got, err)
	}
	check(t, server.SetOwn(o.revoking(server.Own(), 299)))
	if got, err := greeting(t, revoked, addr, "a", rpcProto); err != nil || got != rpcProto+" b" {
		t.Errorf("one that is on the list no more gets %q, %v", got, err)
	}
}

// A certificate is as bad as the one that it was issued by; and an authority that has another key goes on with its list.
func TestRevokedByWhom(t *testing.T) {
	o := newOffice(t)
	between := &office{T: t}
	ca := o.issue(func(c *x509.Certificate) {
		c.SerialNumber, c.Subject = big.NewInt(20), pkix.Name{CommonName: "branch"}
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	})
	between.cert, between.key = ca.Leaf, ca.PrivateKey.(ed25519.PrivateKey)
	renewed, stranger := newOffice(t), newOffice(t, "another")
	for _, tt := range []struct {
		name  string
		list  *x509.RevocationList
		by    []*office // whose certificates are in tls.ca
		leaf  *x509.Certificate
		wrong bool
	}{
		{"the leaf", o.revoke(nil, 30), []*office{o}, o.issue(serial(30)).Leaf, true},
		{"another leaf", o.revoke(nil, 31), []*office{o}, o.issue(serial(30)).Leaf, false},
		{"the one between", o.revoke(nil, 20), []*office{o}, between.issue(serial(30)).Leaf, true},
		{"by the one between", between.revoke(nil, 30), []*office{between, o}, between.issue(serial(30)).Leaf, true},
		{"the same number of another issuer", o.revoke(nil, 30), []*office{o}, between.issue(serial(30)).Leaf, false},
		{"the same number of a stranger", stranger.revoke(nil, 30), []*office{stranger, o}, o.issue(serial(30)).Leaf, false},
		{"by the authority's next key", renewed.revoke(nil, 30), []*office{o, renewed}, o.issue(serial(30)).Leaf, true},
	} {
		own := &Own{Roots: x509.NewCertPool()}
		var authorities []*x509.Certificate
		for _, by := range tt.by {
			own.Roots.AddCert(by.cert)
			authorities = append(authorities, by.cert)
		}
		check(t, own.Revoked.Take(tt.list, authorities))
		err := own.Verify([]*x509.Certificate{tt.leaf, between.cert}, x509.ExtKeyUsageClientAuth)
		if tt.wrong && !errors.Is(err, ErrRevoked) || !tt.wrong && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Of a list that cannot be gone by, nothing is taken.
func TestListsThatAreRefused(t *testing.T) {
	o := newOffice(t)
	unfit := newOffice(t)
	unfitting := unfit.revoke(nil, 30)
	unfit.cert.KeyUsage = x509.KeyUsageCertSign
	critical := []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
	for what, tc := range map[string]struct {
		list *x509.RevocationList
		by   *office
		want error
	}{
		"by another with the same name":      {newOffice(t).revoke(nil, 30), o, ErrListNotSigned},
		"by another":                         {newOffice(t, "another").revoke(nil, 30), o, ErrListNotSigned},
		"by one that is to sign no lists":    {unfitting, unfit, ErrListNotSigned},
		"what was added to another list":     {o.revoke(func(l *x509.RevocationList) { l.ExtraExtensions = critical }, 30), o, ErrListPartial},
		"an entry with more to it than that": {o.revoke(func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].ExtraExtensions = critical }, 30), o, ErrListPartial},
	} {
		var r Revoked
		if err := r.Take(tc.list, []*x509.Certificate{tc.by.cert}); !errors.Is(err, tc.want) || r.Len() != 0 {
			t.Errorf("%s: %v, with %d revoked", what, err, r.Len())
		}
	}
}

// Of several lists the one counts that is due first, and one without a date never is.
func TestListsAreDue(t *testing.T) {
	o, now := newOffice(t), time.Now().Truncate(time.Second)
	at := func(when time.Time) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ThisUpdate, l.NextUpdate = now.Add(-48*time.Hour), when }
	}
	var r Revoked
	if r.Late(now) {
		t.Error("no list is late")
	}
	for _, when := range []time.Time{now.Add(time.Hour), now.Add(time.Minute), now.Add(time.Hour)} {
		check(t, r.Take(o.revoke(at(when), 30), []*x509.Certificate{o.cert}))
	}
	diff(t, "due", now.Add(time.Minute).UTC(), r.Due.UTC())
	if r.Late(r.Due) || !r.Late(r.Due.Add(time.Second)) || r.Len() != 1 {
		t.Errorf("late at the wrong moment, or %d revoked", r.Len())
	}
}
