package cluster

import (
	"time"

	"vipd/cluster/trust"
)

// expiryNotice is how long before its end a certificate is warned of.
const expiryNotice = 14 * 24 * time.Hour

// certificateWarnings are about certificates that do not follow from the secret; nil: there are none.
func certificateWarnings(own *trust.Own, now time.Time) []string {
	if own == nil {
		return nil
	}
	var warnings []string
	if own.Cert != nil && own.Cert.Leaf.NotAfter.Sub(now) < expiryNotice {
		warnings = append(warnings, "this node's certificate, `tls.cert`, ends at "+own.Cert.Leaf.NotAfter.UTC().Format(time.RFC3339)+
			", and the others refuse it then: put a new one in its place and run `vipctl reload`")
	}
	if own.Revoked.Late(now) {
		warnings = append(warnings, "this node's list of revoked certificates, `tls.crl`, was to be replaced at "+own.Revoked.Due.UTC().Format(time.RFC3339)+
			": those on it stay refused, but what was revoked since is not known here; put the authority's new list in its place and run `vipctl reload`")
	}
	return warnings
}
