package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/state"
)

func exampleBackup() backup.Backup {
	return backup.Backup{
		Made: time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC), By: "n1", Vipd: "1.2.3", Cluster: "c1", Index: 7,
		LastEpoch: 3, LastSerial: 12, Profile: state.WAN, Groups: []state.Group{web()}, Members: []backup.Member{},
	}
}

func TestBackupAndRestore(t *testing.T) {
	d := &daemon{backup: exampleBackup(), applied: api.ApplyResult{Diff: difference}, profile: state.LAN}
	socket := serve(t, d)
	file := filepath.Join(t.TempDir(), "b")
	hide := func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, filepath.Dir(file), "DIR"), socket, "SOCKET")
	}
	var story strings.Builder
	do := func(stdin string, args ...string) *invocation {
		d.calls = nil
		i := vipctl(t.Context(), stdin, append(args, "--socket", socket)...)
		shown := transcript(args, i, &daemon{})
		if i.stdout.Len() < 2000 {
			story.WriteString(hide(shown) + "\n")
		}
		return i
	}
	do("", "backup", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	d.backup.Index = 8
	do("", "backup", file)
	if again, _ := os.ReadFile(file); string(again) != string(text) {
		t.Error("a file that was there was replaced without --force")
	}
	do("", "backup", "--force", file, "-o", "json")
	got, err := backup.Parse(file, must(os.ReadFile(file)))
	if d := cmp.Diff(d.backup, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || d != "" {
		t.Errorf("%v (-made +kept)\n%s", err, d)
	}
	do("", "backup", filepath.Join(file, "no", "such", "directory"))
	do("", "restore", file, "--dry-run")
	if out := do("", "backup", "-").stdout.String(); do(out, "restore", "-").code != 0 {
		t.Error("what was printed cannot be restored")
	}
	if err := os.WriteFile(file, text[:len(text)-2], 0o600); err != nil {
		t.Fatal(err)
	}
	do("", "restore", file)
	if len(d.calls) != 0 {
		t.Errorf("asked for %v although the file is not whole", d.calls)
	}
	do("", "restore")
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*"))
	if len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	golden(t, "backup and restore", story.String())
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
