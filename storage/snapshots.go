package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// snapshots are Raft's, with what its own checksum leaves out, the description in meta.json, written once more at the
// end of the content. An older vipd reads the content up to there.
type snapshots struct {
	*raft.FileSnapshotStore
	dir    string
	logger hclog.Logger
}

// trailer is the last line of a snapshot's content.
type trailer struct {
	Index              uint64             `json:"index"`
	Term               uint64             `json:"term"`
	Configuration      raft.Configuration `json:"configuration"`
	ConfigurationIndex uint64             `json:"configuration_index"`
}

// trailerMark begins the last line. The content is one JSON text, in which it cannot stand at the start of a line.
var trailerMark = []byte("\nsnapshot ")

func openSnapshots(dir string, logger hclog.Logger) (*snapshots, error) {
	store, err := raft.NewFileSnapshotStoreWithLogger(dir, keptSnapshots, logger)
	if err != nil {
		return nil, fmt.Errorf("open snapshots in %s: %w", dir, err)
	}
	return &snapshots{FileSnapshotStore: store, dir: filepath.Join(dir, "snapshots"), logger: logger}, nil
}

// sink writes the trailer when the content is complete.
type sink struct {
	raft.SnapshotSink
	trailer trailer
}

// Create implements raft.SnapshotStore.
func (s *snapshots) Create(v raft.SnapshotVersion, index, term uint64, c raft.Configuration, configIndex uint64, t raft.Transport) (raft.SnapshotSink, error) {
	inner, err := s.FileSnapshotStore.Create(v, index, term, c, configIndex, t)
	if err != nil {
		return nil, err
	}
	return &sink{inner, trailer{index, term, c, configIndex}}, nil
}

// Close implements raft.SnapshotSink.
func (s *sink) Close() error {
	text, err := json.Marshal(s.trailer)
	if err == nil {
		_, err = s.Write(append(bytes.Clone(trailerMark), text...))
	}
	if err != nil {
		return fmt.Errorf("end a snapshot: %w", errors.Join(err, s.Cancel()))
	}
	return s.SnapshotSink.Close()
}

// Open implements raft.SnapshotStore: what it returns is whole. Error: ErrDamaged.
func (s *snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	meta, content, err := s.read(id)
	if err != nil {
		return nil, nil, damaged(filepath.Join(s.dir, id), err)
	}
	return meta, io.NopCloser(bytes.NewReader(content)), nil
}

func (s *snapshots) read(id string) (*raft.SnapshotMeta, []byte, error) {
	meta, file, err := s.FileSnapshotStore.Open(id)
	if err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, nil, err
	}
	if i := bytes.LastIndex(content, trailerMark); i >= 0 { // else an older vipd wrote it
		want, err := json.Marshal(trailer{meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex})
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(content[i+len(trailerMark):], want) || meta.ID != id {
			return nil, nil, errors.New("meta.json is not what was written")
		}
		content = content[:i]
	}
	whole := *meta
	whole.Size = int64(len(content))
	return &whole, content, nil
}

// fit makes sure that Raft finds all that the log does not have in a snapshot, and removes damaged ones that are not
// needed for that.
func (s *snapshots) fit(log logEnd) error {
	ids, err := s.ids()
	if err != nil {
		return err
	}
	newest, bad := uint64(0), []string(nil)
	var why error
	for _, id := range ids {
		meta, _, err := s.read(id)
		if err != nil {
			why = errors.Join(why, damaged(filepath.Join(s.dir, id), err))
			bad = append(bad, id)
			continue
		}
		newest = max(newest, meta.Index)
	}
	switch {
	case log.last > 0 && log.first > newest+1 && why == nil:
		return damaged(s.dir, fmt.Errorf("the log begins with entry %d, and no snapshot reaches to it", log.first))
	case why != nil && (log.last == 0 || log.first > newest+1):
		return why
	}
	for _, id := range bad {
		s.logger.Warn("a snapshot is damaged and removed; an older one and the log have all that is in it", "snapshot", id, "error", why)
		if err := os.RemoveAll(filepath.Join(s.dir, id)); err != nil {
			return fmt.Errorf("remove a damaged snapshot: %w", err)
		}
	}
	return nil
}

// ids returns what should be whole snapshots.
func (s *snapshots) ids() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var ids []string
	for _, e := range entries {
		switch {
		case !e.IsDir():
		case strings.HasSuffix(e.Name(), ".tmp"): // a crash left it
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				return nil, fmt.Errorf("remove an unfinished snapshot: %w", err)
			}
		default:
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}
