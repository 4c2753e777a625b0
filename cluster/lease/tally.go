package lease

import "cmp"

// Tally collects the withdrawals that a node heard of, leader or not. Its zero value is empty.
type Tally struct {
	members map[string]*withdrawals
}

// withdrawals are those of one member's newest withdrawn epoch, by voter.
type withdrawals struct {
	epoch  uint64
	voters map[string]Withdrawal
}

// Add notes a withdrawal. The newest from a voter replaces its older ones.
func (t *Tally) Add(w Withdrawal) {
	m := t.members[w.Member]
	switch {
	case m != nil && w.Epoch < m.epoch:
		return
	case m == nil || w.Epoch > m.epoch:
		m = &withdrawals{epoch: w.Epoch, voters: map[string]Withdrawal{}}
	}
	m.voters[w.Voter] = w
	if t.members == nil {
		t.members = map[string]*withdrawals{}
	}
	t.members[w.Member] = m
}

// Quorum reports whether a majority of the voters withdrew the epoch, and so whether it may be declared
// dead. The voters must be those of the configuration that whoever asks leads, committed or not; others,
// such as learners, do not count.
func (t *Tally) Quorum(voters []string, member string, epoch uint64) bool {
	n := 0
	for _, voter := range voters {
		if _, ok := t.get(member, epoch, voter); ok {
			n++
		}
	}
	return n >= majority(len(voters))
}

// Candidate returns which of the voters that withdrew the epoch has the newest log, the lowest name among
// equals: who should campaign when the member led. The member itself is not asked. It returns "" when
// nobody is left.
func (t *Tally) Candidate(voters []string, member string, epoch uint64) string {
	var best Withdrawal
	for _, voter := range voters {
		w, ok := t.get(member, epoch, voter)
		if ok && voter != member && (best.Voter == "" || newer(w, best)) {
			best = w
		}
	}
	return best.Voter
}

// Unanimous reports whether all voters but the member itself withdrew the epoch: then all who know of it name the same
// candidate.
func (t *Tally) Unanimous(voters []string, member string, epoch uint64) bool {
	for _, voter := range voters {
		if _, ok := t.get(member, epoch, voter); !ok && voter != member {
			return false
		}
	}
	return true
}

func newer(a, b Withdrawal) bool {
	return cmp.Or(
		cmp.Compare(a.LastTerm, b.LastTerm),
		cmp.Compare(a.LastIndex, b.LastIndex),
		cmp.Compare(b.Voter, a.Voter),
	) > 0
}

// Forget drops what is of no more use: withdrawals of epochs older than the live one, and of members that
// are not live. A withdrawal dropped too early, because this node's state lags, is announced again.
func (t *Tally) Forget(live map[string]uint64) {
	for member, m := range t.members {
		if epoch, ok := live[member]; !ok || m.epoch < epoch {
			delete(t.members, member)
		}
	}
}

// ForgetVoter drops a voter's withdrawals. It is due when a node leaves the cluster: one that comes back
// under the same name with an empty disk does not remember what it withdrew.
func (t *Tally) ForgetVoter(voter string) {
	for _, m := range t.members {
		delete(m.voters, voter)
	}
}

func (t *Tally) get(member string, epoch uint64, voter string) (Withdrawal, bool) {
	m := t.members[member]
	if m == nil || m.epoch != epoch {
		return Withdrawal{}, false
	}
	w, ok := m.voters[voter]
	return w, ok
}
