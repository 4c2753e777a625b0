package trust

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const secretSize = 32

// Secret is the cluster's secret. Formatting, logging and marshalling do not reveal it; Bytes does.
type Secret struct{ key [secretSize]byte }

// NewSecret returns a random secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s.key[:])
	return s
}

// SecretFromBytes returns the secret that Bytes returned b for.
func SecretFromBytes(b []byte) (Secret, error) {
	if len(b) != secretSize {
		return Secret{}, fmt.Errorf("cluster secret has %d bytes, want %d", len(b), secretSize)
	}
	return Secret{key: [secretSize]byte(b)}, nil
}

// Bytes returns a copy of the secret, to be stored where only its owner can read it.
func (s Secret) Bytes() []byte { return append([]byte(nil), s.key[:]...) }

// IsZero reports whether s was never set.
func (s Secret) IsZero() bool { return s == Secret{} }

// GossipKey returns the AES-256 key of memberlist's messages.
func (s Secret) GossipKey() []byte { return s.derive("vipd gossip key 1") }

// Fingerprint names the secret without telling anything of it: the beginning of the SHA-256 of its authority's public
// key, in hexadecimal.
func (s Secret) Fingerprint() string { return FingerprintOf(s.Public()) }

// Public returns the public key of the secret's authority.
func (s Secret) Public() ed25519.PublicKey { return s.authorityKey().Public().(ed25519.PublicKey) }

// FingerprintOf is Fingerprint of the secret whose authority has a public key.
func FingerprintOf(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}

// derive is HKDF-SHA256 (RFC 5869). The secret is uniformly random, so it needs no salt.
func (s Secret) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, s.key[:], nil, purpose, 32)
	if err != nil {
		panic(err) // only for lengths beyond 255 hashes
	}
	return key
}

const redacted = "(secret)"

// String does not reveal the secret.
func (s Secret) String() string { return redacted }

// Format does not reveal the secret, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue does not reveal the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails: a secret in an encoded structure is a mistake.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a cluster secret is not marshalled by accident; use Bytes")
}
