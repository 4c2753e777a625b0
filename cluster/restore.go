package cluster

import (
	"context"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// Backup implements api.Backend. It is of the newest state that this node knows.
func (n *Node) Backup(_ context.Context, r api.BackupRequest, progress api.Progress) (backup.Backup, error) {
	m, err := n.joined()
	if err != nil {
		return backup.Backup{}, err
	}
	if valid, _ := m.door.valid(); !valid {
		progress("this node has no lease, so the cluster may be further than the backup")
	}
	b := backup.Of(m.View(), r.Secrets)
	b.Made, b.By, b.Vipd = time.Now().UTC().Truncate(time.Second), m.self.node, n.options.Version
	return b, nil
}

// Restore implements api.Backend: one command, and then as Apply.
func (n *Node) Restore(ctx context.Context, r api.RestoreRequest, progress api.Progress) (api.RestoreResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.RestoreResult{}, err
	}
	if err := r.Backup.Validate(); err != nil {
		return api.RestoreResult{}, err
	}
	if !r.DryRun {
		if err := m.informed(ctx); err != nil {
			return api.RestoreResult{}, err
		}
	}
	view := m.View()
	next, err := r.Backup.Served(view)
	if err != nil {
		return api.RestoreResult{}, err
	}
	if err := spec.Validate(next); err != nil {
		return api.RestoreResult{}, err
	}
	result := restoring(view, r.Backup, next)
	result.DryRun = r.DryRun
	if r.DryRun {
		return result, nil
	}
	voting := r.Backup.Voting
	if voting != nil && *voting == view.Voting {
		voting = nil
	}
	if voting != nil || result.Diff.Changed || result.Profile != nil || result.LastSerial != 0 || r.Backup.LastEpoch > view.LastEpoch {
		progress("having the backup committed")
		if err := m.commit(ctx, state.Command{Restore: &state.Restore{
			Groups: next.Groups, Checks: next.Checks, Profile: r.Backup.Profile,
			LastEpoch: r.Backup.LastEpoch, LastSerial: r.Backup.LastSerial,
			Voting: voting,
		}}); err != nil {
			return result, err
		}
	}
	progress("waiting until the groups are placed")
	result.Unheld, err = m.awaitPlaced(ctx)
	return result, err
}

// restoring compares a backup, whose groups and checks are next, with the state.
func restoring(view *state.State, b backup.Backup, next spec.Spec) api.RestoreResult {
	result := api.RestoreResult{ApplyResult: api.ApplyResult{Diff: spec.Compare(spec.Of(view), next)}}
	if view.Profile != b.Profile {
		result.Profile = &api.ProfileChange{From: view.Profile, To: b.Profile}
	}
	if b.Voting != nil && *b.Voting != view.Voting {
		result.Voting = b.Voting
	}
	if b.LastSerial > view.LastSerial {
		result.LastSerial = b.LastSerial
	}
	return result
}
