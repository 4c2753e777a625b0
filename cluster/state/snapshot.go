package state

import (
	"encoding/json"
	"fmt"
	"io"
)

// Encode writes the state for a snapshot.
func (s *State) Encode(w io.Writer) error {
	written := *s
	written.Format = s.needs()
	if err := json.NewEncoder(w).Encode(&written); err != nil {
		return fmt.Errorf("encode state at index %d: %w", s.Index, err)
	}
	return nil
}

// needs is the oldest format that has all of the state.
func (s *State) needs() int {
	version := 1
	if len(s.Checks) > 0 {
		version = 2
	}
	for _, g := range s.Groups {
		version = max(version, g.needs())
	}
	for _, n := range s.Nodes {
		version = max(version, n.needs())
	}
	return version
}

// Decode reads what Encode of this or an earlier version wrote.
func Decode(r io.Reader) (*State, error) {
	s := New()
	if err := json.NewDecoder(r).Decode(s); err != nil {
		return nil, fmt.Errorf("decode state: %w", err)
	}
	if s.Format < 1 || s.Format > FormatVersion {
		return nil, fmt.Errorf("decode state: format %d; this vipd reads up to %d", s.Format, FormatVersion)
	}
	s.Format = FormatVersion
	return s, nil
}
