package trust

import (
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
)

// Former is what is public of a secret that the cluster had before. It lets nobody in.
type Former struct {
	Key  ed25519.PublicKey // of its authority
	Link []byte            // by which its authority names the next one, as Succession makes it
}

// Succession makes the certificate by which the authority of one secret says which one comes after it. A node that
// was off while the secret was rotated knows by it that those it meets are no strangers.
func Succession(from, to Secret) ([]byte, error) {
	a, err := from.Authority()
	if err != nil {
		return nil, err
	}
	cert, err := sign(authorityTemplate(), a.cert, to.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("name the next authority: %w", err)
	}
	return cert.Raw, nil
}

// signed reports whether a certificate was signed with a key.
func signed(cert *x509.Certificate, key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && cert.SignatureAlgorithm == x509.PureEd25519 &&
		ed25519.Verify(key, cert.RawTBSCertificate, cert.Signature)
}

// succeeds reports whether a peer's certificate is of an authority that succeeded another, by the links that the peer
// shows, the newest first.
func succeeds(shown []*x509.Certificate, former ed25519.PublicKey) bool {
	for i := 1; i < len(shown); i++ {
		key, ok := shown[i].PublicKey.(ed25519.PublicKey)
		if !ok || !signed(shown[i-1], key) {
			return false
		}
		if signed(shown[i], former) {
			return true
		}
	}
	return false
}
