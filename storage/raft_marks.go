package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// What raft/sealed says. It is there once all in raft.db is sealed: from then on nothing else counts, and a raft.db that
// is gone or empty is one that was lost. While the second text is there, raft.db is not all; a vipd that knows nothing of
// journals takes the text for damage, and does not start.
const (
	sealedText    = "raft.db is sealed\n"
	journaledText = "raft.db is sealed, and goes on in journal\n"
)

func (d *Dir) raftSealedPath() string { return filepath.Join(d.file("raft"), "sealed") }

func (d *Dir) journalPath() string { return filepath.Join(d.file("raft"), "journal") }

func (d *Dir) markRaft(text string) error {
	return replaceFile(d.raftSealedPath(), seal([]byte(text)))
}

// raftMark returns what raft/sealed says; nothing if it is not there.
func (d *Dir) raftMark() (string, error) {
	text, err := readSealed(d.raftSealedPath())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case string(text) != sealedText && string(text) != journaledText:
		return "", damaged(d.raftSealedPath(), fmt.Errorf("contains %q", text))
	}
	return string(text), nil
}
