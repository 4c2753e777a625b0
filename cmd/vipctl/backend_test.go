package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/state"
)

// daemon is a backend that notes what it is asked and answers what the test says.
type daemon struct {
	status    api.Status
	spec      api.Specification
	checks    api.CheckList
	applied   api.ApplyResult
	moved     api.GroupStatus
	profile   state.Profile
	hold      api.HoldResult
	bonds     api.Bonds
	simulated api.SimulateResult
	reloaded  api.Reloaded
	secret    api.SecretStatus
	tokens    api.TokenList
	plan      api.BondPlan
	backup    backup.Backup
	events    []state.Event
	happens   chan state.Event // to those who follow
	already   bool
	refuse    string   // every verb, with this
	says      []string // meanwhile
	hang      bool     // after that, until the caller goes away

	mu    sync.Mutex
	calls []string
}

// answer notes a call; the text of requests is JSON, as it came over the socket.
func (d *daemon) answer(ctx context.Context, verb string, in any, progress api.Progress) error {
	request, err := json.Marshal(in)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.calls = append(d.calls, fmt.Sprintf("%s %s", verb, request))
	d.mu.Unlock()
	for _, text := range d.says {
		progress(text)
	}
	if d.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if d.refuse != "" {
		return errors.New(d.refuse)
	}
	return nil
}

func (d *daemon) Status(ctx context.Context, in api.None, p api.Progress) (api.Status, error) {
	return d.status, d.answer(ctx, "status", in, p)
}

func (d *daemon) Why(ctx context.Context, in api.WhyRequest, p api.Progress) (api.GroupStatus, error) {
	for _, g := range d.status.Groups {
		if g.Name == in.Group {
			return g, d.answer(ctx, "why", in, p)
		}
	}
	return api.GroupStatus{}, cmp.Or(d.answer(ctx, "why", in, p), errors.New(in.Group+": no such group; `vipctl status` lists them"))
}

func (d *daemon) Simulate(ctx context.Context, in api.SimulateRequest, p api.Progress) (api.SimulateResult, error) {
	return d.simulated, d.answer(ctx, "simulate", in, p)
}

func (d *daemon) Spec(ctx context.Context, in api.SpecRequest, p api.Progress) (api.Specification, error) {
	return d.spec, d.answer(ctx, "spec", in, p)
}

func (d *daemon) Checks(ctx context.Context, in api.None, p api.Progress) (api.CheckList, error) {
	return d.checks, d.answer(ctx, "checks", in, p)
}

func (d *daemon) Events(ctx context.Context, in api.EventsRequest, tell api.Teller) (api.EventsResult, error) {
	var result api.EventsResult
	for i, e := range d.events {
		result.Last = e.Seq
		if in.Wants(&e) {
			if err := tell(&e, in.After > 0 && i == 0 && e.Seq > in.After+1); err != nil {
				return result, err
			}
		}
	}
	if err := d.answer(ctx, "events", in, func(string) {}); err != nil || !in.Follow {
		return result, err
	}
	for {
		select {
		case e := <-d.happens:
			if err := tell(&e, false); err != nil {
				return result, err
			}
		case <-ctx.Done():
			return result, nil
		}
	}
}

func (d *daemon) Token(ctx context.Context, in api.TokenRequest, p api.Progress) (api.TokenText, error) {
	return api.TokenText{Token: "vipd1-c2VjcmV0"}, d.answer(ctx, "token", in, p)
}

func (d *daemon) TokenList(ctx context.Context, in api.None, p api.Progress) (api.TokenList, error) {
	return d.tokens, d.answer(ctx, "token-list", in, p)
}

func (d *daemon) TokenRevoke(ctx context.Context, in api.TokenRevokeRequest, p api.Progress) (api.None, error) {
	return api.None{}, d.answer(ctx, "token-revoke", in, p)
}

func (d *daemon) Recover(ctx context.Context, in api.RecoverRequest, p api.Progress) (api.RecoverResult, error) {
	r := api.RecoverResult{Cluster: "ab12", Node: "n3", Wait: time.Minute - in.DownFor, Unconfirmed: []string{"n1", "n2"}, Members: []api.RecoverMember{
		{Name: "n1", Role: "voter", Becomes: "?"}, {Name: "n2", Role: "voter", Becomes: "?"},
		{Name: "n3", Role: "voter", Answers: true, Term: 4, Index: 1207, Becomes: "the only voter"},
	}}
	for i := range in.Lost {
		r.Members[i].Becomes, r.Unconfirmed = "dropped", r.Unconfirmed[1:]
	}
	if in.Yes {
		r.Next, r.Done = "ab12-g2-77aa", true
	}
	return r, d.answer(ctx, "recover", in, p)
}

func (d *daemon) Init(ctx context.Context, in api.InitRequest, p api.Progress) (api.InitResult, error) {
	return api.InitResult{Cluster: "c1", Node: "n1", Already: d.already}, d.answer(ctx, "init", in, p)
}

func (d *daemon) Join(ctx context.Context, in api.JoinRequest, p api.Progress) (api.JoinResult, error) {
	return api.JoinResult{Cluster: "c1", Node: "n2", Role: "voter", Already: d.already}, d.answer(ctx, "join", in, p)
}

func (d *daemon) Leave(ctx context.Context, in api.LeaveRequest, p api.Progress) (api.None, error) {
	return api.None{}, d.answer(ctx, "leave", in, p)
}

func (d *daemon) Remove(ctx context.Context, in api.RemoveRequest, p api.Progress) (api.RemoveResult, error) {
	return api.RemoveResult{Node: in.Node, Already: d.already, Voters: []string{"n1", "n2"}}, d.answer(ctx, "remove", in, p)
}

func (d *daemon) Role(ctx context.Context, in api.RoleRequest, p api.Progress) (api.RoleResult, error) {
	return api.RoleResult{Node: in.Node, Role: in.Role, Voters: []string{"n1", "n2", "n3"}}, d.answer(ctx, "role", in, p)
}

func (d *daemon) Voters(ctx context.Context, in api.VotersRequest, p api.Progress) (api.VotersResult, error) {
	return api.VotersResult{Limit: 3, Wanted: 3, ReplaceAfter: 2 * time.Minute, Voters: []string{"n1", "n2", "n3"}}, d.answer(ctx, "voters", in, p)
}

func (d *daemon) Apply(ctx context.Context, in api.ApplyRequest, p api.Progress) (api.ApplyResult, error) {
	result := d.applied
	result.DryRun = in.DryRun
	return result, d.answer(ctx, "apply", in, p)
}

func (d *daemon) Profile(ctx context.Context, in api.ProfileRequest, p api.Progress) (state.Profile, error) {
	result := d.profile
	if in.Set != nil {
		result = *in.Set
	}
	return result, d.answer(ctx, "profile", in, p)
}

func (d *daemon) Move(ctx context.Context, in api.MoveRequest, p api.Progress) (api.GroupStatus, error) {
	return d.moved, d.answer(ctx, "move", in, p)
}

func (d *daemon) Drain(ctx context.Context, in api.DrainRequest, p api.Progress) (api.None, error) {
	return api.None{}, d.answer(ctx, "drain", in, p)
}

func (d *daemon) Reload(ctx context.Context, in api.None, p api.Progress) (api.Reloaded, error) {
	return d.reloaded, d.answer(ctx, "reload", in, p)
}

func (d *daemon) Backup(ctx context.Context, in api.BackupRequest, p api.Progress) (backup.Backup, error) {
	return d.backup, d.answer(ctx, "backup", in, p)
}

func (d *daemon) Restore(ctx context.Context, in api.RestoreRequest, p api.Progress) (api.RestoreResult, error) {
	result := api.RestoreResult{ApplyResult: d.applied}
	if in.Backup.Profile != d.profile {
		result.Profile = &api.ProfileChange{From: d.profile, To: in.Backup.Profile}
	}
	result.LastSerial = in.Backup.LastSerial
	result.DryRun = in.DryRun
	return result, d.answer(ctx, "restore", in, p)
}

func (d *daemon) Pause(ctx context.Context, in api.PauseRequest, p api.Progress) (api.PauseResult, error) {
	return api.PauseResult{Paused: d.status.Paused}, d.answer(ctx, "pause", in, p)
}

func (d *daemon) SecretStatus(ctx context.Context, in api.None, p api.Progress) (api.SecretStatus, error) {
	return d.secret, d.answer(ctx, "secret-status", in, p)
}

func (d *daemon) SecretRotate(ctx context.Context, in api.SecretRotateRequest, p api.Progress) (api.SecretResult, error) {
	return api.SecretResult{Fingerprint: d.secret.Fingerprint, Without: in.Without}, d.answer(ctx, "secret-rotate", in, p)
}

func (d *daemon) RestartHold(ctx context.Context, in api.HoldRequest, p api.Progress) (api.HoldResult, error) {
	return d.hold, d.answer(ctx, "restart-hold", in, p)
}

func (d *daemon) Bonds(ctx context.Context, in api.BondsRequest, p api.Progress) (api.Bonds, error) {
	return d.bonds, d.answer(ctx, "bonds", in, p)
}

func (d *daemon) BondPlan(ctx context.Context, in api.None, p api.Progress) (api.BondPlan, error) {
	return d.plan, d.answer(ctx, "bond-plan", in, p)
}

func (d *daemon) BondApply(ctx context.Context, in api.BondApplyRequest, p api.Progress) (api.BondPlan, error) {
	return d.plan, d.answer(ctx, "bond-apply", in, p)
}

func (d *daemon) BondFailover(ctx context.Context, in api.BondFailoverRequest, p api.Progress) (api.None, error) {
	return api.None{}, d.answer(ctx, "bond-failover", in, p)
}
