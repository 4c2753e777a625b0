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

// Foresee is the state after all that the log has, committed or not, which is what a recovery goes on from. After a start
// View has no more than the newest snapshot, until a leader says what is committed.
func (n *Node) Foresee() (*state.State, error) {
	s, logs := n.View(), n.options.Logs
	first, err := logs.FirstIndex()
	if err != nil {
		return nil, fmt.Errorf("read the first index of the raft log: %w", err)
	}
	last, err := logs.LastIndex()
	if err != nil {
		return nil, fmt.Errorf("read the last index of the raft log: %w", err)
	}
	for i := max(s.Index+1, first); i <= last; i++ {
		var l raft.Log
		if err := logs.GetLog(i, &l); err != nil {
			return nil, fmt.Errorf("read raft log entry %d: %w", i, err)
		}
		switch l.Type {
		case raft.LogCommand:
			if s, _, err = step(s, i, l.Data); err != nil {
				return nil, fmt.Errorf("apply raft log entry %d: %w", i, err)
			}
		case raft.LogConfiguration:
			s = s.WithVoters(i, voterNames(raft.DecodeConfiguration(l.Data)))
		}
	}
	return s, nil
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
