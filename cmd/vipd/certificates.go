package main

import (
	"fmt"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/trust"
)

// certificates are the changes that there is something else in the files that tls names.
func certificates(before, after *trust.Own) []api.FileChange {
	if after == nil {
		return nil
	}
	if before == nil {
		before = &trust.Own{}
	}
	var changes []api.FileChange
	if after.Cert != nil && before.Sum != after.Sum {
		changes = append(changes, api.FileChange{Key: "tls.cert", Before: goodUntil(before), After: goodUntil(after), Live: true, Note: "the certificates were read again"})
	}
	if before.Revoked.Sum != after.Revoked.Sum {
		changes = append(changes, api.FileChange{Key: "tls.crl", Before: revoked(before), After: revoked(after), Live: true,
			Note: "connections by certificates that are revoked now were closed"})
	}
	return changes
}

func goodUntil(o *trust.Own) string {
	if o.Cert == nil {
		return ""
	}
	return "good until " + o.Cert.Leaf.NotAfter.UTC().Format(time.RFC3339)
}

func revoked(o *trust.Own) string {
	if o.Revoked.Sum == "" {
		return ""
	}
	text := fmt.Sprintf("%d revoked", o.Revoked.Len())
	if due := o.Revoked.Due; !due.IsZero() {
		text += ", to be replaced by " + due.UTC().Format(time.RFC3339)
	}
	return text
}

// holdOwn keeps what is in force, and warns when a list of revoked certificates is late.
func (r *reloader) holdOwn(own *trust.Own, file string) {
	r.own = own
	if r.due != nil {
		r.due.Stop()
		r.due = nil
	}
	if own == nil || own.Revoked.Due.IsZero() {
		return
	}
	at := own.Revoked.Due
	r.due = time.AfterFunc(time.Until(at), func() {
		r.log.Warn("the list of revoked certificates was to be replaced by now; those on it stay refused, others are not known",
			"file", file, "due", at, "remedy", "put the authority's new list in its place and run `vipctl reload`")
	})
}
