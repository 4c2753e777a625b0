package state

import (
	"encoding/json"
	"errors"
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
	if s.Voting != (Voting{}) {
		version = 3
	}
	if s.Paused != nil {
		version = 3
	}
	for _, c := range s.Checks {
		version = max(version, c.needs())
	}
	for _, g := range s.Groups {
		version = max(version, g.needs())
	}
	for _, n := range s.Nodes {
		version = max(version, n.needs())
	}
	if s.Trust.Current != "" || s.Trust.Rotation != nil || len(s.Trust.Tickets) > 0 {
		version = max(version, 4)
	}
	return version
}

// Decode reads what Encode of this or an earlier version wrote.
func Decode(r io.Reader) (*State, error) {
	s := New()
	if err := json.NewDecoder(r).Decode(s); err != nil {
		return nil, fmt.Errorf("decode state: %w", err)
	}
	switch {
	case s.Format < 1:
		return nil, fmt.Errorf("decode state: it says format %d", s.Format)
	case s.Format > FormatVersion:
		return nil, &TooOldError{Needs: s.Format, Reads: FormatVersion, What: "snapshot"}
	case s.Uses > CommandVersion:
		return nil, &TooOldError{Needs: s.Uses, Reads: CommandVersion, What: "command"}
	}
	if err := s.whole(); err != nil {
		return nil, fmt.Errorf("decode state: %w", err)
	}
	s.Format = FormatVersion
	return s, nil
}

// whole reports what a state lacks that all who read one rely on.
func (s *State) whole() error {
	if s.Nodes == nil || s.Groups == nil || s.Assignments == nil || s.Debts == nil {
		return errors.New("a list is null")
	}
	for name, n := range s.Nodes {
		if n == nil || n.Name != name {
			return fmt.Errorf("node %q is not there", name)
		}
	}
	for name, g := range s.Groups {
		if g == nil || g.Name != name || s.Assignments[name] == nil {
			return fmt.Errorf("group %q, or its assignment, is not there", name)
		}
	}
	for name, a := range s.Assignments {
		if a == nil || a.Group != name || s.Groups[name] == nil {
			return fmt.Errorf("assignment %q, or its group, is not there", name)
		}
	}
	for serial, d := range s.Debts {
		if d == nil || d.Serial != serial {
			return fmt.Errorf("debt %d is not there", serial)
		}
	}
	for name, c := range s.Checks {
		if c == nil || c.Name != name {
			return fmt.Errorf("check %q is not there", name)
		}
	}
	return nil
}
