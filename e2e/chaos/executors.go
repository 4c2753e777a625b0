package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// executor does a kind of fault and mends it. A strike that fails is part of the game, as when an operator's command
// meets no majority; it is mended all the same. A mending is tried until it succeeds, so it may be done twice.
type executor struct {
	strike, mend func(ctx context.Context, a *arena, f Fault) error
}

// executors do the kinds of faults, by name.
var executors = map[string]executor{
	"kill -9":              {onNode((*arena).kill), onNode((*arena).revive)},
	"kill -9 of who leads": {killLeader, reviveLeader},
	"SIGSTOP":              {onNode((*arena).suspend), onNode((*arena).resume)},
	"planned restart":      {onNode((*arena).terminate), onNode((*arena).revive)},
	"restart under a hold": {onNode((*arena).terminateUnderHold), onNode((*arena).revive)},
	"leave and join":       {onNode((*arena).leave), onNode((*arena).joinAgain)},
	"cable cut":            onCable((*lab.Port).Cut),
	"cable pulled":         onCable((*lab.Port).CutCarrier),
	"hears nothing":        onCable((*lab.Port).CutInbound),
	"is not heard":         onCable((*lab.Port).CutOutbound),
	"narrow cable":         onCable(func(p *lab.Port) error { return p.Narrow(60_000) }),
	"loses frames":         {loseFrames, mendCable},
	"delay":                travels(delayed),
	"frames overtake":      travels(overtaking),
	"frames come twice":    travels(twice),
	"partition":            {partition, heal},
	"full disk":            {onNode((*arena).fillDisk), onNode((*arena).emptyDisk)},
	"drain":                {drain(true), drain(false)},
	"move":                 {move, nothing},
	"learner":              {role("learner"), role("auto")},
	"three voters":         {voters(3), voters(0)},
	"pause":                {pause(true), pause(false)},
	"profile wan":          {profile(state.WAN), profile(state.LAN)},
	"secret rotated":       {command(rotate), command(awaitRotation)},
	"upgrade":              {upgrade, upgraded},
	"downgrade":            {downgrade, upgraded},
	"keepalived killed":    {onPeer((*peer).kill), onPeer((*peer).revive)},
	"keepalived stopped":   {onPeer((*peer).stop), onPeer((*peer).revive)},
	"peer's cable cut":     onCable((*lab.Port).Cut),
}

func nothing(context.Context, *arena, Fault) error { return nil }

// onNode makes an executor's half of something that is done to a node.
func onNode(do func(a *arena, ctx context.Context, n *harness.Node) error) func(context.Context, *arena, Fault) error {
	return func(ctx context.Context, a *arena, f Fault) error { return do(a, ctx, a.Node(f.Target)) }
}

func onPeer(do func(*peer, context.Context) error) func(context.Context, *arena, Fault) error {
	return func(ctx context.Context, a *arena, f Fault) error { return do(a.peer(f.Target), ctx) }
}

// onCable makes the executor of a fault of a host's cable.
func onCable(do func(*lab.Port) error) executor {
	return executor{func(_ context.Context, a *arena, f Fault) error { return do(a.Lab.Host(f.Target).Port) }, mendCable}
}

func mendCable(_ context.Context, a *arena, f Fault) error { return a.Lab.Host(f.Target).Mend() }

func loseFrames(_ context.Context, a *arena, f Fault) error {
	return a.Lab.Host(f.Target).Lose(uint32(f.Value))
}

// travels makes the executor of a fault by which frames of a host's cable travel otherwise.
func travels(how func(value int) lab.Transit) executor {
	return executor{func(_ context.Context, a *arena, f Fault) error { return a.Lab.Host(f.Target).Travel(how(f.Value)) }, mendCable}
}

func delayed(value int) lab.Transit {
	d := time.Duration(value) * ms
	return lab.Transit{Delay: d, Jitter: d / 3}
}

func overtaking(value int) lab.Transit {
	return lab.Transit{Delay: 20 * ms, Jitter: 20 * ms, Overtake: uint32(value)}
}

// Copies come late enough to be of a command that has been answered.
func twice(value int) lab.Transit { return lab.Transit{Delay: 10 * ms, Twice: uint32(value)} }

func partition(_ context.Context, a *arena, f Fault) error {
	var sides [][]*lab.Host
	for _, names := range f.Sides {
		var side []*lab.Host
		for _, name := range names {
			side = append(side, a.Lab.Host(name))
		}
		sides = append(sides, side)
	}
	return a.Lab.Partition(sides...)
}

func heal(_ context.Context, a *arena, _ Fault) error { return a.Lab.Heal() }

// anyMember is a node that takes commands.
func (a *arena) anyMember(ctx context.Context) (*api.Client, error) {
	n, err := a.Quorate(ctx)
	if err != nil {
		return nil, err
	}
	return n.Client, nil
}

// command makes an executor's half of an operator's command through any node.
func command(do func(ctx context.Context, c *api.Client, f Fault) error) func(context.Context, *arena, Fault) error {
	return func(ctx context.Context, a *arena, f Fault) error {
		c, err := a.anyMember(ctx)
		if err != nil {
			return err
		}
		return do(ctx, c, f)
	}
}

func drain(on bool) func(context.Context, *arena, Fault) error {
	return command(func(ctx context.Context, c *api.Client, f Fault) error {
		return c.Drain(ctx, api.DrainRequest{Node: f.Target, On: on, Force: true})
	})
}

func move(ctx context.Context, a *arena, f Fault) error {
	groups := a.cast().Groups
	return command(func(ctx context.Context, c *api.Client, f Fault) error {
		_, err := c.Move(ctx, api.MoveRequest{Group: groups[f.Value%len(groups)], Node: f.Target})
		return err
	})(ctx, a, f)
}

func role(name string) func(context.Context, *arena, Fault) error {
	return command(func(ctx context.Context, c *api.Client, f Fault) error {
		_, err := c.Role(ctx, api.RoleRequest{Node: f.Target, Role: name})
		return err
	})
}

func voters(limit int) func(context.Context, *arena, Fault) error {
	return command(func(ctx context.Context, c *api.Client, _ Fault) error {
		_, err := c.Voters(ctx, api.VotersRequest{Limit: &limit})
		return err
	})
}

func pause(on bool) func(context.Context, *arena, Fault) error {
	return command(func(ctx context.Context, c *api.Client, _ Fault) error {
		_, err := c.Pause(ctx, api.PauseRequest{On: on})
		return err
	})
}

func profile(p state.Profile) func(context.Context, *arena, Fault) error {
	return command(func(ctx context.Context, c *api.Client, _ Fault) error {
		_, err := c.Profile(ctx, api.ProfileRequest{Set: &p})
		return err
	})
}

func rotate(ctx context.Context, c *api.Client, _ Fault) error {
	_, err := c.SecretRotate(ctx, api.SecretRotateRequest{})
	return err
}

// awaitRotation waits for a rotation that is under way, which waits for the nodes that are down.
func awaitRotation(ctx context.Context, c *api.Client, f Fault) error {
	s, err := c.SecretStatus(ctx)
	if err != nil || s.Rotation == nil {
		return err
	}
	return rotate(ctx, c, f)
}

func (a *arena) leave(ctx context.Context, n *harness.Node) error {
	defer a.memberships.change(n)()
	return n.Client.Leave(ctx, api.LeaveRequest{})
}

// joinAgain makes a member of a node that is none, whether it left or was taken out.
func (a *arena) joinAgain(ctx context.Context, n *harness.Node) error {
	via, err := a.quorateBut(ctx, n)
	if err != nil {
		return err
	}
	defer a.memberships.change(n)()
	_, err = a.Join(ctx, n, via)
	return err
}

// quorateBut is a node that has a lease, other than one.
func (a *arena) quorateBut(ctx context.Context, n *harness.Node) (*harness.Node, error) {
	errs := []error{errors.New("no other node has a lease")}
	for _, other := range a.Except(n) {
		limited, cancel := context.WithTimeout(ctx, time.Second)
		s, err := other.Status(limited)
		cancel()
		if err == nil && s.Quorum {
			return other, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", other, err))
	}
	return nil, errors.Join(errs...)
}
