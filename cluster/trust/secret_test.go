package trust

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretBytesRoundTrip(t *testing.T) {
	s := NewSecret()
	back, err := SecretFromBytes(s.Bytes())
	check(t, err)
	if back != s || s == NewSecret() || s.IsZero() {
		t.Fatal("secrets differ where they should not, or agree where they should not")
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := SecretFromBytes(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were accepted", n)
		}
	}
}

// Nodes of different versions derive the same keys, so what is derived must never change. The value was
// computed with Python's hmac, by RFC 5869, section 2.
func TestGossipKeyIsFixed(t *testing.T) {
	s, err := SecretFromBytes([]byte("0123456789abcdef0123456789abcdef"))
	check(t, err)
	diff(t, "gossip key", "17fbeff412b89041aa8f22d20978ee84197a634436d9de8d8d519cbdaec9dd9c", hex.EncodeToString(s.GossipKey()))
	a, err := s.Authority()
	check(t, err)
	diff(t, "authority's seed", "6d371b2bc9cae68a2175f5226ed44db2909bd6195e08bf42e1c15b2a199cc608", hex.EncodeToString(a.key.Seed()))
	b, err := s.Authority()
	check(t, err)
	if !bytes.Equal(a.cert.Raw, b.cert.Raw) {
		t.Error("the authority's certificate is not the same each time")
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	s := NewSecret()
	nested := struct {
		S  Secret
		P  *Secret
		Pr Token
	}{s, &s, Token{Cluster: "c", Secret: s}}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "nested", nested, "token", nested.Pr)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "pointer", &s, "token", nested.Pr)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%o"} {
		fmt.Fprintf(&out, verb+verb, s, &s)
	}
	b := s.Bytes()
	for _, form := range []string{string(b), hex.EncodeToString(b), fmt.Sprint(b[:4])[1:10], encoding.EncodeToString(b)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("output contains the secret as %q:\n%s", form, out.String())
		}
	}
	if _, err := json.Marshal(s); err == nil {
		t.Error("a secret was marshalled")
	}
}
