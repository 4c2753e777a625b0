package storage

import (
	"fmt"
	"os"
)

// ForgetCluster makes this the directory of a node that has joined nothing: identity, Raft's files and
// votes are removed, and the instance is a new one. Votes and Raft's stores have to be closed before
// (ErrInUse).
//
// The node is a member until the file "forgetting" is on the disk and a non-member from then on: what is
// left to remove after a crash, the next Open removes.
func (d *Dir) ForgetCluster() error {
	if err := d.idle(); err != nil {
		return fmt.Errorf("forget cluster: %w", err)
	}
	if err := replaceFile(d.file("forgetting"), nil); err != nil {
		return fmt.Errorf("forget cluster: %w", err)
	}
	if err := d.finishForget(); err != nil {
		return fmt.Errorf("forget cluster: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.loadInstance()
}

func (d *Dir) finishForget() error {
	if ok, err := exists(d.file("forgetting")); err != nil || !ok {
		return err
	}
	// The order does not matter: all of it is gone before the mark is.
	for _, name := range []string{"identity", "identity.new", "hold", "hold.new", "raft", "votes", "votes.new", "instance"} {
		if err := os.RemoveAll(d.file(name)); err != nil {
			return err
		}
	}
	if err := syncDir(d.path); err != nil {
		return err
	}
	if err := os.Remove(d.file("forgetting")); err != nil {
		return err
	}
	return syncDir(d.path)
}
