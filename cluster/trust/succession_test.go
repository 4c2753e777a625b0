package trust

import (
	"errors"
	"io"
	"testing"
	"time"
)

// formerly returns what is public of secrets that followed one another, but for the last.
func formerly(t *testing.T, secrets ...Secret) (former []Former) {
	t.Helper()
	for i := range len(secrets) - 1 {
		link, err := Succession(secrets[i], secrets[i+1])
		check(t, err)
		former = append(former, Former{Key: secrets[i].Public(), Link: link})
	}
	return former
}

// A node that missed rotations learns it from those it meets, and they learn it from its certificate. Neither lets the
// other in.
func TestFormerSecretIsToldFromAStranger(t *testing.T) {
	first, second, third := NewSecret(), NewSecret(), NewSecret()
	current := credentials(t, "c1", "current", third)
	check(t, current.SetFormer(formerly(t, first, second, third)))
	addr := startEcho(t, current)
	for what, tc := range map[string]struct {
		secret      Secret
		here, there error // what each side makes of the other
	}{
		"one rotation missed":  {second, ErrRotated, ErrFormerSecret},
		"two rotations missed": {first, ErrRotated, ErrFormerSecret},
		"a stranger":           {NewSecret(), ErrWrongSecret, ErrWrongSecret},
	} {
		old := credentials(t, "c1", "old", tc.secret)
		_, err := greeting(t, old, addr, "", rpcProto)
		if !errors.Is(err, tc.here) || !errors.Is(err, ErrWrongSecret) || what == "a stranger" && errors.Is(err, ErrRotated) {
			t.Errorf("%s: it says %v, want %v", what, err, tc.here)
		}
		_, err = greeting(t, current, startEcho(t, old), "", rpcProto)
		if !errors.Is(err, tc.there) || !errors.Is(err, ErrWrongSecret) || what == "a stranger" && errors.Is(err, ErrFormerSecret) {
			t.Errorf("%s: the others say %v, want %v", what, err, tc.there)
		}
	}
}

// The links are public. Whoever shows them without the last one's key succeeds nobody.
func TestLinksOfOthersProveNothing(t *testing.T) {
	first, second := NewSecret(), NewSecret()
	thief := credentials(t, "c1", "thief", NewSecret())
	check(t, thief.SetFormer(formerly(t, first, second)))
	_, err := greeting(t, credentials(t, "c1", "old", first), startEcho(t, thief), "", rpcProto)
	if !errors.Is(err, ErrWrongSecret) || errors.Is(err, ErrRotated) {
		t.Errorf("it was taken for a successor: %v", err)
	}
}

// What was connected by a secret that is dropped ends; the rest goes on.
func TestConnectionsEndWithTheirSecret(t *testing.T) {
	old, next := NewSecret(), NewSecret()
	server := credentials(t, "c1", "server", next, old)
	m := startMux(t, server)
	addr := m.inner.Addr().String()
	connect := func(secret Secret, also Secret) (client *Conn, accepted *Conn) {
		client, err := credentials(t, "c1", "client", secret, also).Dial(deadline(t), addr, "", rpcProto)
		check(t, err)
		t.Cleanup(func() { client.Close() })
		conn, err := m.Listener(rpcProto).Accept()
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		return client, conn.(*Conn)
	}
	bad, _ := connect(old, next)
	good, accepted := connect(next, old)
	check(t, server.SetSecrets(next))
	requireCloses(t, bad)
	go func() { _, _ = io.WriteString(accepted, "x") }()
	check(t, good.SetReadDeadline(time.Now().Add(patience)))
	if _, err := good.Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection of the secret that stays: %v", err)
	}
	if _, err := greeting(t, credentials(t, "c1", "client", old, next), addr, "", rpcProto); err == nil {
		t.Error("the dropped secret is accepted")
	}
}

// The fingerprint is all that is shown of a secret, so it must not change from version to version.
func TestFingerprint(t *testing.T) {
	secret, err := SecretFromBytes(make([]byte, secretSize))
	check(t, err)
	diff(t, "fingerprint", FingerprintOf(secret.Public()), secret.Fingerprint())
	diff(t, "length", 32, len(secret.Fingerprint()))
	if NewSecret().Fingerprint() == secret.Fingerprint() {
		t.Error("two secrets have one fingerprint")
	}
}
