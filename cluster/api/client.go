package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"vipd/cluster/backup"
	"vipd/cluster/state"
)

// Client talks to the daemon at a socket.
type Client struct {
	socket   string
	http     http.Client
	progress Progress
}

// NewClient returns a client of the daemon at a socket; progress gets what goes on meanwhile.
func NewClient(socket string, progress Progress) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, progress: progress, http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// ErrUnreachable says that no daemon answered.
var ErrUnreachable = errors.New("vipd does not answer")

// Refused is the daemon's own answer that it will not, or could not.
type Refused struct{ Text string }

func (r *Refused) Error() string { return r.Text }

// do asks for one verb. Errors: *Refused, ErrUnreachable, or ctx's.
func do[Out any](ctx context.Context, c *Client, verb string, in any) (Out, error) {
	var out Out
	err := c.ask(ctx, verb, in, func(l line) (bool, error) {
		if l.Result == nil {
			c.progress(l.Progress)
			return false, nil
		}
		return true, json.Unmarshal(l.Result, &out)
	})
	return out, err
}

// ask asks for a verb, and hands on each line of the answer until one is the last. Errors: *Refused, ErrUnreachable,
// ctx's, or take's.
func (c *Client) ask(ctx context.Context, verb string, in any, take func(line) (last bool, err error)) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vipd/v1/"+verb, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask for %s: %w", verb, err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		return &Refused{Text: fmt.Sprintf("vipd at %s knows no %q: is it of another version than this vipctl?", c.socket, verb)}
	}
	decoder := json.NewDecoder(response.Body)
	for {
		var l line
		if err := decoder.Decode(&l); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("it went away before it answered")
			}
			return c.unreachable(ctx, err)
		}
		if l.Error != "" {
			return &Refused{Text: l.Error}
		}
		if last, err := take(l); last || err != nil {
			return err
		}
	}
}

func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.socket, err)
}

// Status asks what the node knows of itself and its cluster.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return do[Status](ctx, c, "status", None{})
}

// Why asks how all nodes stand for a group.
func (c *Client) Why(ctx context.Context, r WhyRequest) (GroupStatus, error) {
	return do[GroupStatus](ctx, c, "why", r)
}

// Simulate asks what would move if something were so.
func (c *Client) Simulate(ctx context.Context, r SimulateRequest) (SimulateResult, error) {
	return do[SimulateResult](ctx, c, "simulate", r)
}

// Spec asks for what the cluster serves.
func (c *Client) Spec(ctx context.Context, r SpecRequest) (Specification, error) {
	return do[Specification](ctx, c, "spec", r)
}

// Checks asks what the checks say.
func (c *Client) Checks(ctx context.Context) (CheckList, error) {
	return do[CheckList](ctx, c, "checks", None{})
}

// Init founds a cluster.
func (c *Client) Init(ctx context.Context, r InitRequest) (InitResult, error) {
	return do[InitResult](ctx, c, "init", r)
}

// Join makes the daemon's node a member.
func (c *Client) Join(ctx context.Context, r JoinRequest) (JoinResult, error) {
	return do[JoinResult](ctx, c, "join", r)
}

// Leave takes the daemon's node out of its cluster.
func (c *Client) Leave(ctx context.Context, r LeaveRequest) error {
	_, err := do[None](ctx, c, "leave", r)
	return err
}

// Remove takes another member out of the cluster.
func (c *Client) Remove(ctx context.Context, r RemoveRequest) (RemoveResult, error) {
	return do[RemoveResult](ctx, c, "remove", r)
}

// Recover has the cluster go on from the daemon's node, or says what that would do.
func (c *Client) Recover(ctx context.Context, r RecoverRequest) (RecoverResult, error) {
	return do[RecoverResult](ctx, c, "recover", r)
}

// Role says what a member should be.
func (c *Client) Role(ctx context.Context, r RoleRequest) (RoleResult, error) {
	return do[RoleResult](ctx, c, "role", r)
}

// Voters asks who votes, and changes how many should.
func (c *Client) Voters(ctx context.Context, r VotersRequest) (VotersResult, error) {
	return do[VotersResult](ctx, c, "voters", r)
}

// Apply replaces what the cluster serves.
func (c *Client) Apply(ctx context.Context, r ApplyRequest) (ApplyResult, error) {
	return do[ApplyResult](ctx, c, "apply", r)
}

// Profile asks for the lease's timing, or changes it.
func (c *Client) Profile(ctx context.Context, r ProfileRequest) (state.Profile, error) {
	return do[state.Profile](ctx, c, "profile", r)
}

// Move moves a group.
func (c *Client) Move(ctx context.Context, r MoveRequest) (GroupStatus, error) {
	return do[GroupStatus](ctx, c, "move", r)
}

// Drain makes a node hold nothing, or lets it hold again.
func (c *Client) Drain(ctx context.Context, r DrainRequest) error {
	_, err := do[None](ctx, c, "drain", r)
	return err
}

// Backup asks for what the cluster serves, to keep.
func (c *Client) Backup(ctx context.Context, r BackupRequest) (backup.Backup, error) {
	return do[backup.Backup](ctx, c, "backup", r)
}

// Restore puts back what a backup has.
func (c *Client) Restore(ctx context.Context, r RestoreRequest) (RestoreResult, error) {
	return do[RestoreResult](ctx, c, "restore", r)
}

// Pause pauses automatic moves, or ends that.
func (c *Client) Pause(ctx context.Context, r PauseRequest) (PauseResult, error) {
	return do[PauseResult](ctx, c, "pause", r)
}

// RestartHold lengthens the lease of the daemon's node for a restart.
func (c *Client) RestartHold(ctx context.Context, r HoldRequest) (HoldResult, error) {
	return do[HoldResult](ctx, c, "restart-hold", r)
}

// Bonds asks how the host's bonds, teams and groups' interfaces are doing.
func (c *Client) Bonds(ctx context.Context, r BondsRequest) (Bonds, error) {
	return do[Bonds](ctx, c, "bonds", r)
}

// BondPlan asks what would become of the node file's bonds.
func (c *Client) BondPlan(ctx context.Context) (BondPlan, error) {
	return do[BondPlan](ctx, c, "bond-plan", None{})
}

// BondApply makes the bonds as the node file has them now.
func (c *Client) BondApply(ctx context.Context, r BondApplyRequest) (BondPlan, error) {
	return do[BondPlan](ctx, c, "bond-apply", r)
}

// BondFailover makes a member of a bond the active one.
func (c *Client) BondFailover(ctx context.Context, r BondFailoverRequest) error {
	_, err := do[None](ctx, c, "bond-failover", r)
	return err
}
