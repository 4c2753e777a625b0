package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"vipd/cluster/trust"
)

// What ends, and what is late, is said to whoever asks for the status.
func TestCertificateWarnings(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	for _, tt := range []struct {
		name      string
		ends, due time.Duration // from now on; a due of 0: there is no list
		want      []string
	}{
		{"nothing", 15 * 24 * time.Hour, 0, nil},
		{"a certificate that ends", 13 * 24 * time.Hour, 0, []string{"`tls.cert`, ends at"}},
		{"a list that is good", 15 * 24 * time.Hour, time.Second, nil},
		{"a list that is late", 15 * 24 * time.Hour, -time.Second, []string{"`tls.crl`, was to be replaced at " + now.Add(-time.Second).UTC().Format(time.RFC3339)}},
		{"both", time.Hour, -time.Hour, []string{"`tls.cert`", "`tls.crl`"}},
	} {
		own := &trust.Own{Cert: &tls.Certificate{Leaf: &x509.Certificate{NotAfter: now.Add(tt.ends)}}}
		if tt.due != 0 {
			own.Revoked.Due = now.Add(tt.due)
		}
		got := certificateWarnings(own, now)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q", tt.name, got)
			continue
		}
		for i, part := range tt.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: %q is not in %q", tt.name, part, got[i])
			}
		}
	}
	if got := certificateWarnings(nil, now); got != nil {
		t.Errorf("of certificates by the secret: %q", got)
	}
}
