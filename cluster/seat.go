package cluster

import (
	"context"
	"slices"
	"time"

	"vipd/cluster/state"
)

const (
	seatEach = 5 * time.Second
	// settled is for how many looks in a row a leader has led before it thinks of moving: a change of leader
	// is cheap, but not in the middle of something else.
	settled = 3
)

// seek moves the leadership off a node that holds addresses, to a voter that holds none: should the holder
// die, the cluster then has a leader who can act at once. It is done when nothing else is going on.
func (m *member) seek(ctx context.Context) error {
	looks, index := 0, uint64(0)
	for pause(ctx, seatEach) {
		view := m.View()
		quiet := m.raft.Leads() && view.Index == index
		index = view.Index
		if !quiet {
			looks = 0
			continue
		}
		if looks++; looks < settled {
			continue
		}
		if seat := m.betterSeat(view); seat != "" {
			m.log.Info("passing the leadership to a node that holds nothing", "to", seat)
			m.sendCampaign(seat)
			looks = 0
		}
	}
	return nil
}

// betterSeat returns a voter that holds nothing and is well, if this node holds something; else "".
func (m *member) betterSeat(view *state.State) string {
	if len(view.HeldBy(m.self.node)) == 0 || len(view.Debts) > 0 {
		return ""
	}
	hearing := m.reporter.hearing(view)
	i := slices.IndexFunc(view.Voters.Names, func(name string) bool {
		account, _ := m.reporter.of(name)
		return view.Nodes[name].Live() && len(view.HeldBy(name)) == 0 && account.Unfit == "" &&
			m.keeper.silent(name) < deafAfter*view.Profile.Renew && hearing.Deafness(name) <= hearing.Deafness(m.self.node)
	})
	if i < 0 {
		return ""
	}
	return view.Voters.Names[i]
}
