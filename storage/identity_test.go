package storage

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func remountReadOnly(t *testing.T, dir string) {
	t.Helper()
	check(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

func exampleIdentity() Identity {
	return Identity{
		Node: "a", ClusterID: "c1", Secret: []byte("very secret indeed"), Accepted: [][]byte{[]byte("old secret")},
		Role: "witness", Recovers: "somebody",
		Peers: []Peer{{Name: "b", Gossip: "10.0.0.2:7946", Address: "10.0.0.2:7947"}},
	}
}

func loadIdentity(t testing.TB, d *Dir) Identity {
	t.Helper()
	id, ok, err := d.Identity()
	if err != nil || !ok {
		t.Fatalf("Identity: %v, %v", ok, err)
	}
	return id
}

func TestIdentityRoundTrip(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if _, ok, err := d.Identity(); ok || err != nil {
		t.Fatalf("new directory: %v, %v", ok, err)
	}
	check(t, d.SaveIdentity(exampleIdentity()))
	check(t, d.Close())
	d = open(t, path)
	diff(t, "identity", exampleIdentity(), loadIdentity(t, d))

	changed := exampleIdentity()
	changed.Peers = nil
	check(t, d.SaveIdentity(changed))
	diff(t, "changed identity", changed, loadIdentity(t, d))
}

func TestIdentityDamage(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	check(t, d.SaveIdentity(exampleIdentity()))
	name := filepath.Join(path, "identity")
	good, err := os.ReadFile(name)
	check(t, err)
	try := func(what string, data []byte) {
		check(t, os.WriteFile(name, data, 0o600))
		if _, _, err := d.Identity(); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Fatalf("%s: got %v", what, err)
		}
	}
	for i := range good {
		try(fmt.Sprintf("cut at %d", i), good[:i])
		bad := bytes.Clone(good)
		bad[i] ^= 1
		try(fmt.Sprintf("byte %d flipped", i), bad)
	}
	try("text after the end", seal([]byte(`{"node":"a","cluster":"c","secret":"QQ=="} {}`)))
	try("unknown field", seal([]byte(`{"node":"a","cluster":"c","secret":"QQ==","x":1}`)))
	try("no secret", seal([]byte(`{"node":"a","cluster":"c"}`)))
}

func TestIncompleteIdentityIsRefused(t *testing.T) {
	d := open(t, t.TempDir())
	check(t, d.SaveIdentity(exampleIdentity()))
	if err := d.SaveIdentity(Identity{Node: "a"}); err == nil {
		t.Fatal("saved an identity without cluster and secret")
	}
	diff(t, "identity", exampleIdentity(), loadIdentity(t, d))
}

func TestIdentityOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	d := open(t, disk)
	check(t, d.SaveIdentity(exampleIdentity()))
	undo := fill(t, disk)
	bigger := exampleIdentity()
	bigger.Node = strings.Repeat("x", 9000)
	if err := d.SaveIdentity(bigger); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	diff(t, "identity on the full disk", exampleIdentity(), loadIdentity(t, d))
	undo()
	check(t, d.SaveIdentity(bigger))
	diff(t, "identity later", bigger, loadIdentity(t, d))
}

func TestIdentityPrintsNoSecret(t *testing.T) {
	var out bytes.Buffer
	id := exampleIdentity()
	slog.New(slog.NewJSONHandler(&out, nil)).Info("joined", "identity", id)
	fmt.Fprintf(&out, "%v %+v %#v %s", id, id, id, id)
	for _, secret := range [][]byte{id.Secret, id.Accepted[0]} {
		for _, form := range []string{string(secret), fmt.Sprintf("%v", secret), fmt.Sprintf("%x", secret)} {
			if strings.Contains(out.String(), form) {
				t.Errorf("output contains the secret as %q:\n%s", form, out.String())
			}
		}
	}
}
