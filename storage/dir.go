package storage

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const (
	formatVersion = 1
	versionPrefix = "vipd data directory "
)

// Dir is an open data directory. Its methods may be called from several goroutines.
type Dir struct {
	path string
	lock *os.File

	mu       sync.Mutex
	instance string
	votes    *Votes
	raft     *Raft
}

// Open takes the data directory at path for this process, and creates it, for its owner only, if there is
// none. It finishes a ForgetCluster that was cut short. Errors: ErrLocked, ErrNewerVersion, ErrDamaged.
func Open(path string) (*Dir, error) {
	d, err := openDir(path)
	return d, advise(err, path)
}

func openDir(path string) (*Dir, error) {
	if err := makeDir(path); err != nil {
		return nil, err
	}
	f, err := lock(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, lock: f}
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("open data directory: %w", errors.Join(err, f.Close()))
	}
	return d, nil
}

func makeDir(path string) error {
	switch ok, err := exists(path); {
	case err != nil:
		return fmt.Errorf("open data directory: %w", err)
	case ok:
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// Close lets another process have the directory. Votes and Raft's stores have to be closed before.
func (d *Dir) Close() error {
	if err := d.idle(); err != nil {
		return fmt.Errorf("close data directory: %w", err)
	}
	return d.lock.Close()
}

// Instance identifies this directory: 128 random bits in hexadecimal, the same at each start until
// ForgetCluster. Two hosts configured with one node name differ in it.
func (d *Dir) Instance() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.instance
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, name) }

func (d *Dir) idle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.votes != nil:
		return fmt.Errorf("votes are %w", ErrInUse)
	case d.raft != nil:
		return fmt.Errorf("Raft's stores are %w", ErrInUse)
	}
	return nil
}

// prepare brings the directory to its normal form. Files are created in the order version, votes,
// instance, so a directory that has an instance has had all of them.
func (d *Dir) prepare() error {
	if err := d.checkVersion(); err != nil {
		return err
	}
	if err := d.finishForget(); err != nil {
		return err
	}
	if err := d.loadInstance(); err != nil {
		return err
	}
	// A rename of the process before this one may not be on the disk yet although it is visible.
	return syncDir(d.path)
}

func (d *Dir) checkVersion() error {
	data, err := os.ReadFile(d.file("version"))
	if errors.Is(err, os.ErrNotExist) {
		return d.createVersion()
	}
	if err != nil {
		return err
	}
	number, ok := strings.CutPrefix(string(data), versionPrefix)
	version, err := strconv.Atoi(strings.TrimSuffix(number, "\n"))
	switch {
	case !ok || err != nil || version < 1:
		return damaged(d.file("version"), fmt.Errorf("contains %q", data))
	case version > formatVersion:
		return fmt.Errorf("%w: %s has format %d, this vipd knows %d; install the newer vipd again",
			ErrNewerVersion, d.path, version, formatVersion)
	}
	return nil
}

func (d *Dir) createVersion() error {
	if err := d.requireNone("version", "instance"); err != nil {
		return err
	}
	return replaceFile(d.file("version"), fmt.Appendf(nil, "%s%d\n", versionPrefix, formatVersion))
}

func (d *Dir) loadInstance() error {
	text, err := readSealed(d.file("instance"))
	if errors.Is(err, os.ErrNotExist) {
		return d.createInstance()
	}
	if err != nil {
		return err
	}
	d.instance = string(bytes.TrimSpace(text))
	if _, err := os.Lstat(d.file("votes")); err != nil {
		return damaged(d.file("votes"), err)
	}
	return nil
}

// requireNone reports missing as damaged if one of others, which are created later, is there.
func (d *Dir) requireNone(missing string, others ...string) error {
	for _, name := range others {
		switch ok, err := exists(d.file(name)); {
		case err != nil:
			return err
		case ok:
			return damaged(d.file(missing), os.ErrNotExist)
		}
	}
	return nil
}

func (d *Dir) createInstance() error {
	if err := d.requireNone("instance", "identity", "raft"); err != nil {
		return err
	}
	if err := createVotes(d.file("votes")); err != nil {
		return err
	}
	id := make([]byte, 16)
	rand.Read(id)
	if err := replaceFile(d.file("instance"), seal(fmt.Appendf(nil, "%x\n", id))); err != nil {
		return err
	}
	d.instance = hex.EncodeToString(id)
	return nil
}
