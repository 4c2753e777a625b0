package lease

// renewed answers a renewal.
func (v *Voter) renewed(now Instant, r Renewal) []VoterAction {
	if r.Lease <= 0 {
		return nil
	}
	reason := v.refuse(r)
	if reason == NotReady && r.Lease > v.limit.lease {
		return append(v.raise(r.Lease), v.refusal(r, reason))
	}
	if reason != 0 {
		return []VoterAction{v.refusal(r, reason)}
	}
	w := v.watched[r.Member]
	// A recorded renewal that someone plays again would keep a dead member's promise alive. It gets no
	// answer, for its first copy got one.
	if r.Seq <= w.seq {
		return nil
	}
	w.seq = r.Seq
	// The promise begins now, when the renewal has arrived, and covers the lease that the renewal names,
	// not the voter's own: the two differ while a change of profile spreads. It never gets shorter, for a
	// longer one that was made before still counts.
	w.promised = max(w.promised, now.Add(promise(r.Lease, v.timing.Margin)))
	return []VoterAction{SendGrant{Grant{Member: r.Member, Epoch: r.Epoch, Seq: r.Seq, Voter: v.self}}}
}

// refuse returns why a renewal is not granted, or 0.
func (v *Voter) refuse(r Renewal) RefusalReason {
	w := v.watched[r.Member]
	switch {
	case v.withdrawn[r.Member] >= r.Epoch:
		return Withdrawn
	case !v.ready || v.timing.Lease == 0:
		// The applied state lags behind the log after a start: an epoch that is long dead could look
		// alive in it. The withdrawals remembered cover what this voter helped to end, so this rule is
		// for a voter that lost its disk.
		return NotReady
	case w == nil || v.live[r.Member] != r.Epoch:
		return UnknownEpoch
	case w.withdrawing:
		// It may be durable already.
		return Withdrawn
	case r.Voters < v.configured:
		// Once a configuration is committed, a majority of its voters has it, and refuses to be counted
		// by the one before. So that one's leases end, and the next change need only wait for them.
		return OlderVoters
	case r.Lease > v.limit.lease:
		return NotReady
	}
	return 0
}

func (v *Voter) refusal(r Renewal, reason RefusalReason) VoterAction {
	return SendRefusal{Refusal{Member: r.Member, Epoch: r.Epoch, Seq: r.Seq, Voter: v.self, Reason: reason}}
}
