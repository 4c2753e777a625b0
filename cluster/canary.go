package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vipd/storage"
)

// canary notices a disk that hangs. It would keep the cluster from moving addresses while Raft's heartbeats,
// which need no disk, keep the leader in office. So a leader writes each beat, and gives the leadership up
// when that or any other write hangs. What a node holds it goes on holding: leases and fence need no disk.
func (m *member) canary(ctx context.Context) error {
	timer := time.NewTimer(untilBeat())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.stores.Hangs():
			m.log.Warn("a write to the data directory has not returned; the disk hangs", "after", storage.HangsAfter)
		case <-timer.C:
			resetTimer(timer, untilBeat())
			if !m.raft.Leads() {
				continue
			}
			limited, cancel := context.WithTimeout(ctx, storage.HangsAfter)
			_, _ = m.stores.TimedWrite(limited) // an error of the disk's ends this life by way of watchDisk
			cancel()
		}
		if m.stores.Hanging() != 0 && m.raft.Leads() {
			m.log.Warn("giving up the leadership: the disk hangs")
			m.giveUpLeadership()
		}
	}
}

// aboutDisk returns a warning if the disk hangs.
func (m *member) aboutDisk() []string {
	d := m.stores.Hanging()
	if d == 0 {
		return nil
	}
	return []string{fmt.Sprintf("a write to the data directory has not returned for %v, so its disk hangs: this node keeps the addresses that it has, and can neither vote nor lead; mend the disk, or move its groups away and restart the host", d.Round(time.Second))}
}

// giveUpLeadership asks another voter that is heard of to stand for election.
func (m *member) giveUpLeadership() {
	view := m.View()
	voters := slices.DeleteFunc(slices.Clone(view.Voters.Names), func(name string) bool { return name == m.self.node })
	if len(voters) == 0 {
		return
	}
	best := slices.MinFunc(voters, func(a, b string) int { return int(m.keeper.silent(a) - m.keeper.silent(b)) })
	m.passTo(best)
}

// passTo asks a voter to lead, and has this node stand again if that one is not elected.
func (m *member) passTo(voter string) {
	m.sendCampaign(voter)
	if m.stores.Hanging() == 0 { // else it could not lead again
		kick(m.elector.gaveUp)
	}
}
