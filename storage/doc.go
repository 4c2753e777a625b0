// Package storage is a node's data directory: what has to survive a restart.
//
//	lock       held (flock) by the daemon that uses the directory; contains its process id
//	version    the directory's format
//	instance   a random id of this directory, new after each ForgetCluster
//	votes      the voter's memory: withdrawn epochs and the largest lease ever granted
//	identity   which cluster this node joined, under which name, with which secret
//	hold       what a daemon that stopped for a planned restart left to the next start, which removes it
//	raft/      Raft's log and stable store (raft.db, and what was written last in journal, while they are open), its
//	           snapshots, and whether all is sealed with checksums (sealed)
//	forgetting present while ForgetCluster is under way
//
// Every write returns only when it is on the disk. Small files are replaced whole (write, fsync, rename,
// fsync of the directory), so a crash or a full disk leaves the old one or the new one. Damage is
// reported with the file's name and never repaired by forgetting something.
package storage

import "errors"

// Errors that callers tell apart with errors.Is. The error returned says which file and what to do.
var (
	// ErrLocked: another process uses the directory.
	ErrLocked = errors.New("data directory is in use")
	// ErrNewerVersion: a newer vipd has written the directory in a format this one does not know.
	ErrNewerVersion = errors.New("data directory was written by a newer vipd")
	// ErrDamaged: a file does not contain what was written to it.
	ErrDamaged = errors.New("damaged")
	// ErrInUse: the votes or Raft's stores are open, or open already.
	ErrInUse = errors.New("in use")
)

// remedy is what to do about a directory that lost part of what it promised to remember. Deleting just
// the damaged file would make a voter that forgot its votes.
const remedy = "restore the whole data directory from the disk it was on, or run `vipctl remove` for this node " +
	"on another one, empty the data directory here and join again"
