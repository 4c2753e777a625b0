package trust

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func exampleToken() Token {
	return Token{
		Cluster: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Secret: NewSecret(),
		Peers: []Peer{{"10.0.0.1:7946", "10.0.0.1:7947"}, {"[fd00::2]:7946", "[fd00::2]:7947"}},
	}
}

func sameToken(a, b Token) bool {
	return a.Secret == b.Secret && cmp.Equal(a, b, cmp.Comparer(func(a, b Secret) bool { return a == b }))
}

func TestTokenRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := Token{
			Cluster: rapid.String().Draw(rt, "cluster"),
			Secret:  Secret{[secretSize]byte(rapid.SliceOfN(rapid.Byte(), secretSize, secretSize).Draw(rt, "secret"))},
		}
		for range rapid.IntRange(0, 5).Draw(rt, "peers") {
			want.Peers = append(want.Peers, Peer{rapid.String().Draw(rt, "gossip"), rapid.String().Draw(rt, "address")})
		}
		got, err := ParseToken(want.String())
		if err != nil || !sameToken(want, got) {
			rt.Fatalf("%v: got %v, %v", want, got, err)
		}
	})
}

func TestTokenIsOneSafeWord(t *testing.T) {
	s := exampleToken().String()
	if !strings.HasPrefix(s, "vipd1-") {
		t.Errorf("token %q", s)
	}
	for _, c := range s {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c) {
			t.Errorf("token contains %q", c)
		}
	}
	t.Logf("a token with two peers has %d characters", len(s))
}

func TestTokenBrokenByATerminal(t *testing.T) {
	want := exampleToken()
	s := want.String()
	got, err := ParseToken("  " + s[:3] + "\n" + s[3:80] + "\r\n    " + s[80:] + " \n")
	check(t, err)
	if !sameToken(want, got) {
		t.Fatal("another token")
	}
}

func TestTruncatedToken(t *testing.T) {
	for peers := range 4 { // lengths of all remainders
		token := Token{Cluster: strings.Repeat("c", peers), Secret: NewSecret()}
		s := token.String()
		for n := 1; n < len(s); n++ {
			if _, err := ParseToken(s[:n]); !errors.Is(err, ErrTruncatedToken) {
				t.Fatalf("%d of %d characters: %v", n, len(s), err)
			}
		}
	}
}

func TestMistypedToken(t *testing.T) {
	s := exampleToken().String()
	for i := len(tokenPrefix(secretVersion)); i < len(s); i++ {
		for _, c := range []string{"A", "z", "_", "!", "ß"} {
			if s[i:i+1] == c {
				continue
			}
			if token, err := ParseToken(s[:i] + c + s[i+1:]); err == nil {
				t.Fatalf("character %d replaced by %s: accepted as %v", i, c, token)
			}
		}
	}
	for _, more := range []string{"A", "AA", "AAA", "AAAA", s} {
		if _, err := ParseToken(s + more); !errors.Is(err, ErrDamagedToken) {
			t.Errorf("with %q added: %v", more, err)
		}
	}
}

func TestTextThatIsNoToken(t *testing.T) {
	for text, want := range map[string]error{
		"":                          ErrNotToken,
		"hello":                     ErrNotToken,
		"K10abc::server:def":        ErrNotToken,
		"vipd-AAAA":                 ErrNotToken,
		"vipd0-AAAA":                ErrNotToken,
		"vipd3-AAAA":                ErrNewerToken,
		"vipd12-AAAA":               ErrNewerToken,
		"vipd":                      ErrTruncatedToken,
		"vipd1-":                    ErrTruncatedToken,
		"vipd1-AAAAAAAA":            ErrDamagedToken, // says that its length is 0
		"vipd1-" + "AAAACAAAAAA":    ErrDamagedToken, // length 8, no content, no checksum
		"vipd1-$$$$":                ErrDamagedToken,
		"Vipd1-" + "AAAACAAAAAAAAA": ErrNotToken,
	} {
		if _, err := ParseToken(text); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(exampleToken().String())
	f.Add(Token{}.String())
	f.Add("vipd1-AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		token, err := ParseToken(s)
		if err != nil {
			if !sameToken(token, Token{}) {
				t.Fatalf("error %v with token %v", err, token)
			}
			return
		}
		again, err := ParseToken(token.String())
		if err != nil || !sameToken(token, again) {
			t.Fatalf("%v became %v, %v", token, again, err)
		}
	})
}
