package storage

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func exampleHold() Hold {
	return Hold{
		Epoch: 7, Start: "s1", Index: 41, Until: 123456789, Boot: "b1",
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("fd00::5")},
	}
}

func takeNothing(t *testing.T, d *Dir) {
	t.Helper()
	if h, ok, err := d.TakeHold(); ok || err != nil {
		t.Fatalf("took %+v, %v; want nothing", h, err)
	}
}

func TestHoldIsTakenOnce(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	takeNothing(t, d)
	check(t, d.SaveHold(exampleHold()))
	check(t, d.Close())

	d = open(t, path)
	got, ok, err := d.TakeHold()
	if err != nil || !ok {
		t.Fatalf("take: %v, %v", ok, err)
	}
	if diff := cmp.Diff(exampleHold(), got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Fatalf("hold (-want +got):\n%s", diff)
	}
	takeNothing(t, d)
	check(t, d.Close())
	takeNothing(t, open(t, path))
}

func TestDamagedHoldIsGone(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	check(t, d.SaveHold(exampleHold()))
	name := filepath.Join(path, "hold")
	good, err := os.ReadFile(name)
	check(t, err)
	try := func(what string, data []byte) {
		t.Helper()
		check(t, os.WriteFile(name, data, 0o600))
		if _, ok, err := d.TakeHold(); ok || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: %v, %v", what, ok, err)
		}
		takeNothing(t, d)
	}
	for i := range good {
		try(fmt.Sprintf("cut at %d", i), good[:i])
		bad := bytes.Clone(good)
		bad[i] ^= 1
		try(fmt.Sprintf("byte %d flipped", i), bad)
	}
	try("unknown field", seal([]byte(`{"epoch":1,"start":"s","until":1,"boot":"b","x":1}`)))
	try("no epoch", seal([]byte(`{"start":"s","until":1,"boot":"b"}`)))
	try("text after the end", seal([]byte(`{"epoch":1,"start":"s","until":1,"boot":"b"} {}`)))
}

// A hold that cannot be removed is not handed out: it would be there at the next start too.
func TestHoldThatStaysIsNotTaken(t *testing.T) {
	disk := smallDisk(t, "1m")
	d := open(t, disk)
	check(t, d.SaveHold(exampleHold()))
	check(t, d.Close()) // the lock file is open for writing
	remountReadOnly(t, disk)
	if h, ok, err := d.TakeHold(); ok || !errors.Is(err, unix.EROFS) {
		t.Fatalf("took %+v, %v, %v; want EROFS", h, ok, err)
	}
}

func TestHoldDoesNotOutliveTheMembership(t *testing.T) {
	d := open(t, t.TempDir())
	check(t, d.SaveHold(exampleHold()))
	check(t, d.ForgetCluster())
	takeNothing(t, d)
}

func TestIncompleteHoldIsRefused(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.SaveHold(Hold{Epoch: 7}); err == nil {
		t.Fatal("saved a hold without an end")
	}
	takeNothing(t, d)
}
