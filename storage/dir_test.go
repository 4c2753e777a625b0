package storage

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestInstanceSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd")
	d := open(t, path)
	first := d.Instance()
	if len(first) != 32 {
		t.Fatalf("instance %q, want 32 hexadecimal digits", first)
	}
	check(t, d.Close())
	diff(t, "instance after reopening", first, open(t, path).Instance())
	if other := open(t, t.TempDir()).Instance(); other == first {
		t.Fatal("two directories have the same instance")
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vipd")
	d := open(t, path)
	check(t, d.SaveIdentity(exampleIdentity()))
	check(t, filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	}))
}

func TestSecondOpenNamesTheProcessAndTheRemedy(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	_, err := Open(path)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	for _, want := range []string{path, "process " + strconv.Itoa(os.Getpid()), "stop that vipd"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	check(t, d.Close())
	open(t, path)
}

func TestVersion(t *testing.T) {
	for _, tc := range []struct {
		content string
		want    error
	}{
		{"vipd data directory 1\n", nil},
		{"vipd data directory 2\n", ErrNewerVersion},
		{"vipd data directory 0\n", ErrDamaged},
		{"vipd data directory \n", ErrDamaged},
		{"", ErrDamaged},
	} {
		path := t.TempDir()
		check(t, open(t, path).Close())
		check(t, os.WriteFile(filepath.Join(path, "version"), []byte(tc.content), 0o600))
		d, err := Open(path)
		if !errors.Is(err, tc.want) {
			t.Errorf("version %q: got %v, want %v", tc.content, err, tc.want)
		}
		if err == nil {
			check(t, d.Close())
		}
	}
}

// A file that somebody deleted must not be made again as if the directory were new.
func TestMissingFileIsDamage(t *testing.T) {
	for _, name := range []string{"version", "instance", "votes"} {
		path := t.TempDir()
		d := open(t, path)
		check(t, d.SaveIdentity(exampleIdentity()))
		check(t, d.Close())
		check(t, os.Remove(filepath.Join(path, name)))
		_, err := Open(path)
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), filepath.Join(path, name)) {
			t.Errorf("without %s: got %v", name, err)
		}
		// Still so at the next attempt: the failed one created nothing.
		if _, err := Open(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("without %s, second attempt: got %v", name, err)
		}
	}
}

// The first Open may be cut short after any of its files.
func TestFirstOpenCutShort(t *testing.T) {
	for _, left := range [][]string{{"lock"}, {"lock", "version"}, {"lock", "version", "votes"}} {
		full, path := t.TempDir(), t.TempDir()
		check(t, open(t, full).Close())
		for _, name := range left {
			data, err := os.ReadFile(filepath.Join(full, name))
			check(t, err)
			check(t, os.WriteFile(filepath.Join(path, name), data, 0o600))
		}
		openVotes(t, open(t, path))
	}
}

func TestOpenReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	path := filepath.Join(disk, "vipd")
	d := open(t, path)
	check(t, d.SaveIdentity(exampleIdentity()))
	check(t, d.Close())
	remountReadOnly(t, disk)
	_, err := Open(path)
	if err == nil || !strings.Contains(err.Error(), "read-only file system") || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v", err)
	}
}
