package nodefile

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/trust"
)

// readRevoked reads the lists of what authorities have revoked, and tells doc which cannot be gone by.
func (f File) readRevoked(authorities []byte, doc *conf.Document) trust.Revoked {
	var revoked trust.Revoked
	text, err := os.ReadFile(f.TLS.CRL)
	if err != nil {
		doc.Add("tls.crl", err.Error(), "it has to be there, and readable for the daemon's user")
		return revoked
	}
	lists, err := f.lists(text)
	if err != nil {
		report(doc, "tls.crl", err)
		return revoked
	}
	var by []*x509.Certificate
	for _, block := range blocks(authorities) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			by = append(by, c)
		}
	}
	for _, list := range lists {
		if err := revoked.Take(list, by); err != nil {
			report(doc, "tls.crl", f.listProblem(list, err))
		}
	}
	sum := sha256.Sum256(text)
	revoked.Sum = hex.EncodeToString(sum[:])
	return revoked
}

// lists parses a file of lists. None may be left out, since then somebody who was revoked would be let in.
func (f File) lists(text []byte) ([]*x509.RevocationList, error) {
	found := blocks(text)
	switch _, err := x509.ParseRevocationList(text); {
	case err == nil:
		return nil, conf.Problem{Text: f.TLS.CRL + " is DER, not PEM", Remedy: fmt.Sprintf("run `openssl crl -inform DER -in %s -out NEW.pem`, and put that in its place", f.TLS.CRL)}
	case len(found) == 0:
		return nil, conf.Problem{Text: f.TLS.CRL + " has no list in it", Remedy: "it takes PEM, which begins with -----BEGIN X509 CRL-----; to revoke nothing, take `crl` away"}
	case bytes.Count(text, []byte("-----BEGIN ")) != len(found):
		return nil, conf.Problem{Text: "a list in " + f.TLS.CRL + " is cut off", Remedy: "put the whole file in its place again"}
	}
	var lists []*x509.RevocationList
	for _, block := range found {
		if block.Type != "X509 CRL" {
			return nil, conf.Problem{Text: fmt.Sprintf("there is a %s in %s", block.Type, f.TLS.CRL), Remedy: "keep in it what begins with -----BEGIN X509 CRL----- only"}
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, conf.Problem{Text: fmt.Sprintf("a list in %s cannot be read: %v", f.TLS.CRL, err), Remedy: "have it issued anew"}
		}
		lists = append(lists, list)
	}
	return lists, nil
}

func (f File) listProblem(list *x509.RevocationList, err error) error {
	which := fmt.Sprintf("the list of %s in %s", list.Issuer, f.TLS.CRL)
	if errors.Is(err, trust.ErrListNotSigned) {
		return conf.Problem{
			Text:   which + " is signed by no authority in " + f.TLS.CA,
			Remedy: "put the certificate of the one that signs it there, which has to be good for that (key usage cRLSign), or take the list away",
		}
	}
	return conf.Problem{Text: fmt.Sprintf("%s cannot be used: %v", which, err), Remedy: "have a complete list of what that authority itself issued"}
}

// CheckLists returns an error of type conf.Errors if a list of revoked certificates ought to have been replaced. A daemon
// that starts does without, so that a host comes back whose authority was late, or whose clock is wrong.
func (f File) CheckLists(own *trust.Own, now time.Time) error {
	if own == nil || !own.Revoked.Late(now) {
		return nil
	}
	var doc conf.Document
	doc.Add("tls.crl", fmt.Sprintf("a list in %s was to be replaced at %s by this host's clock (nextUpdate)", f.TLS.CRL, own.Revoked.Due.UTC().Format(time.RFC3339)),
		"have the authority issue a new one, and put it in its place")
	return doc.Err()
}

// blocks are the blocks of a PEM file.
func blocks(text []byte) []*pem.Block {
	var found []*pem.Block
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return found
		}
		found, text = append(found, block), rest
	}
}
