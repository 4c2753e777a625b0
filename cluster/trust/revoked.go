package trust

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrRevoked is of a peer whose certificate, or one between it and the authority, was revoked by whoever issued it.
var ErrRevoked = errors.New("certificate was revoked by its issuer (`tls.crl`)")

// Errors of lists that nothing can be concluded from.
var (
	ErrListNotSigned = errors.New("none of the authorities has signed it")
	ErrListPartial   = errors.New("it is only to be understood together with others")
)

// Revoked is what authorities have revoked. The zero value is that nothing was. Once it is in an Own it does not change.
type Revoked struct {
	// by issuer, as the DER of its name, then by serial number in big-endian bytes. By the name and not the key, as RFC 5280
	// has it: an authority that has another key goes on with its list.
	serials map[string]map[string]bool
	Due     time.Time // when the first of the lists ought to have been replaced by its next; zero: never
	Sum     string    // tells what was read from what is read later
}

// Take adds a list that one of some authorities signed. From a list that is refused nothing is taken.
func (r *Revoked) Take(list *x509.RevocationList, authorities []*x509.Certificate) error {
	if !slices.ContainsFunc(authorities, func(a *x509.Certificate) bool {
		return string(a.RawSubject) == string(list.RawIssuer) && list.CheckSignatureFrom(a) == nil
	}) {
		return ErrListNotSigned
	}
	if err := whole(list); err != nil {
		return err
	}
	if r.serials == nil {
		r.serials = map[string]map[string]bool{}
	}
	numbers := r.serials[string(list.RawIssuer)]
	if numbers == nil {
		numbers = map[string]bool{}
		r.serials[string(list.RawIssuer)] = numbers
	}
	for _, entry := range list.RevokedCertificateEntries {
		numbers[string(entry.SerialNumber.Bytes())] = true
	}
	if !list.NextUpdate.IsZero() && (r.Due.IsZero() || list.NextUpdate.Before(r.Due)) {
		r.Due = list.NextUpdate
	}
	return nil
}

// issuingPoint says which of an authority's certificates a list is about (RFC 5280, 5.2.5). What is on it is revoked anyhow.
var issuingPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// whole returns an error for a list which has something in it that must be understood, and is not understood here: that it
// only adds to another list, or that an entry is of another issuer (RFC 5280, 5.2.4 and 5.3.3).
func whole(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		if e.Critical && !e.Id.Equal(issuingPoint) {
			return fmt.Errorf("%w: it has the critical extension %v", ErrListPartial, e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical {
				return fmt.Errorf("%w: number %v on it has the critical extension %v", ErrListPartial, entry.SerialNumber, e.Id)
			}
		}
	}
	return nil
}

// Len is how many certificates are revoked.
func (r *Revoked) Len() int {
	n := 0
	for _, numbers := range r.serials {
		n += len(numbers)
	}
	return n
}

// Late reports whether a list ought to have been replaced. What is on it stays revoked.
func (r *Revoked) Late(now time.Time) bool { return !r.Due.IsZero() && now.After(r.Due) }

// concerns reports whether a certificate of a chain was revoked.
func (r *Revoked) concerns(chain []*x509.Certificate) bool {
	return slices.ContainsFunc(chain, func(c *x509.Certificate) bool {
		return r.serials[string(c.RawIssuer)][string(c.SerialNumber.Bytes())]
	})
}
