package consensus

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
)

// keyTerm is where hashicorp/raft keeps its term.
var keyTerm = []byte("CurrentTerm")

// End is the term and index of the newest entry of a log that no Raft runs on, and the newest term that was known.
type End struct {
	Term, Index uint64
	Known       uint64
}

// EndOf reads where a log ends.
func EndOf(o Options) (End, error) {
	var e End
	last, err := o.Logs.LastIndex()
	if err != nil {
		return e, fmt.Errorf("read the last index of the raft log: %w", err)
	}
	if e.Known, err = o.Stable.GetUint64(keyTerm); err != nil {
		return e, fmt.Errorf("read raft's term: %w", err)
	}
	var l raft.Log
	if err := o.Logs.GetLog(last, &l); err == nil {
		e.Term, e.Index = l.Term, l.Index
	} else if !errors.Is(err, raft.ErrLogNotFound) {
		return e, fmt.Errorf("read raft log entry %d: %w", last, err)
	}
	snapshots, err := o.Snapshots.List()
	if err != nil {
		return e, fmt.Errorf("list snapshots: %w", err)
	}
	if len(snapshots) > 0 && snapshots[0].Index > e.Index {
		e.Term, e.Index = snapshots[0].Term, snapshots[0].Index
	}
	return e, nil
}

// Recover makes this node the only voter, by an entry of its own at the end of its log, of a new term; a command follows
// that says so. All that stands before them counts as committed from then on. No Raft may run on the stores.
//
// hashicorp/raft's RecoverCluster puts the configuration in a snapshot instead, where the lease would not see it: leases
// count by the log's newest configuration.
func Recover(o Options, cmd state.Command) error {
	end, err := EndOf(o)
	if err != nil {
		return err
	}
	if end.Index == 0 {
		return errors.New("there is no log to go on from")
	}
	data, err := cmd.Encode()
	if err != nil {
		return fmt.Errorf("encode %s: %w", cmd.Name(), err)
	}
	only := raft.Configuration{Servers: []raft.Server{{
		ID: raft.ServerID(o.Name), Address: raft.ServerAddress(o.Address), Suffrage: raft.Voter,
	}}}
	term := max(end.Known, end.Term) + 1
	if err := o.Stable.SetUint64(keyTerm, term); err != nil {
		return fmt.Errorf("write raft's term: %w", err)
	}
	err = o.Logs.StoreLogs([]*raft.Log{
		{Index: end.Index + 1, Term: term, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(only)},
		{Index: end.Index + 2, Term: term, Type: raft.LogCommand, Data: data},
	})
	if err != nil {
		return fmt.Errorf("write the new configuration: %w", err)
	}
	return nil
}
