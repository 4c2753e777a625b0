package state

import (
	"errors"
	"testing"
	"time"
)

func longLease(node string, epoch uint64, lease time.Duration) Command {
	return Command{LongLease: &LongLease{Tenure: Tenure{Node: node, Epoch: epoch}, Lease: lease}}
}

// Whoever leads has to count on the longest lease there may be, for as long as it may be, and no longer.
func TestLongLeaseCounts(t *testing.T) {
	s := history(t, append(founded(), longLease("a", 1, 20*time.Second))...)
	if got := s.CountedBy(); got != 20*time.Second {
		t.Fatalf("with a long lease members count by up to %v", got)
	}
	rejoined, _ := s.Apply(s.Index+1, Command{Join: &Join{Node: Node{Name: "a", Instance: "i-a", Address: "elsewhere:2"}}})
	if got := rejoined.CountedBy(); got != 20*time.Second {
		t.Errorf("after a change of address: %v", got)
	}
	for name, end := range map[string]Command{
		"ended":   longLease("a", 1, 0),
		"retired": {Retire: &Retire{Tenure: Tenure{"a", 1}}},
		"expired": {Expire: &Expire{Dead: []Tenure{{"a", 1}}}},
	} {
		next, result := s.Apply(s.Index+1, end)
		if got := next.CountedBy(); result.Err != nil || got != LAN.Lease {
			t.Errorf("%s: %v, %v", name, got, result.Err)
		}
	}
}

func TestLongLeaseRefused(t *testing.T) {
	s := history(t, founded()...)
	for name, tt := range map[string]struct {
		cmd  Command
		want error
	}{
		"another epoch": {longLease("a", 7, time.Second), ErrEpochDead},
		"no epoch":      {longLease("a", 0, time.Second), ErrEpochDead},
		"no node":       {longLease("x", 1, time.Second), ErrEpochDead},
		"too long":      {longLease("a", 1, MaxLease+1), ErrInvalid},
		"negative":      {longLease("a", 1, -1), ErrInvalid},
	} {
		next, result := s.Apply(s.Index+1, tt.cmd)
		if !errors.Is(result.Err, tt.want) || next.CountedBy() != LAN.Lease {
			t.Errorf("%s: %v, leases up to %v; want %v", name, result.Err, next.CountedBy(), tt.want)
		}
	}
}
