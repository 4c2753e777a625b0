package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/state"
	"vipd/cluster/trust"
)

// Application protocols on the cluster port.
const (
	protoRaft = "vipd-raft/1"
	protoCall = "vipd-call/1"
)

// maxCall bounds the body of a node-to-node call and of its answer, in bytes.
const maxCall = 32 << 20

// refusals are the errors that keep their identity when one node tells another of them.
var refusals = map[string]error{
	"no_cluster":     state.ErrNoCluster,
	"exists":         state.ErrExists,
	"unknown_node":   state.ErrUnknownNode,
	"wrong_instance": state.ErrWrongInstance,
	"epoch_alive":    state.ErrEpochAlive,
	"epoch_dead":     state.ErrEpochDead,
	"invalid":        state.ErrInvalid,
	"not_leader":     consensus.ErrNotLeader,
	"behind":         errBehind,
}

// callError is an error in the answer to a call.
type callError struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text"`
	// Term is the one that the node asked leads in, where it was asked for another.
	Term uint64 `json:"term,omitempty"`
}

func newCallError(err error) *callError {
	if err == nil {
		return nil
	}
	e := &callError{Text: err.Error()}
	if other := (*termError)(nil); errors.As(err, &other) {
		e.Term = other.term
	}
	for code, sentinel := range refusals {
		if errors.Is(err, sentinel) {
			e.Code = code
		}
	}
	return e
}

func (e *callError) Error() string { return e.Text }

// Unwrap returns what kind of error it was at the other node.
func (e *callError) Unwrap() error { return refusals[e.Code] }

// answer is what comes back from a call.
type answer struct {
	Error  *callError      `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// caller calls other nodes.
type caller struct{ client *http.Client }

// newCaller makes a caller of any node; failed is told why a connection was not made.
func newCaller(credentials *trust.Credentials, failed func(error)) *caller {
	return newCallerTo(credentials, "", failed)
}

// newCallerTo makes a caller of one node, or of any if the name is empty.
func newCallerTo(credentials *trust.Credentials, node string, failed func(error)) *caller {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := credentials.Dial(ctx, address, node, protoCall)
			if err != nil {
				failed(err)
				return nil, err
			}
			return conn, nil
		},
		MaxIdleConnsPerHost: 2,
		IdleConnTimeout:     time.Minute,
	}
	return &caller{client: &http.Client{Transport: transport}}
}

func (c *caller) close() { c.client.CloseIdleConnections() }

// call has a node do something. An error that the node itself gave back is a *callError; any other leaves
// open whether it was done.
func (c *caller) call(ctx context.Context, address, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode call %s: %w", method, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+"/"+method, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s of %s: %w", method, address, err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("call %s of %s: %w", method, address, err)
	}
	defer response.Body.Close()
	var a answer
	if err := json.NewDecoder(io.LimitReader(response.Body, maxCall)).Decode(&a); err != nil {
		return fmt.Errorf("read answer of %s to %s: %w", address, method, err)
	}
	if a.Error != nil {
		return a.Error
	}
	if out == nil || len(a.Result) == 0 {
		return nil
	}
	return json.Unmarshal(a.Result, out)
}

// handle makes a handler of a function that takes and returns JSON.
func handle[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		var a answer
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&in); err != nil {
			a.Error = newCallError(fmt.Errorf("read request: %w", err))
		} else if out, err := do(r.Context(), in); err != nil {
			a.Error = newCallError(err)
		} else if a.Result, err = json.Marshal(out); err != nil {
			a.Error = newCallError(fmt.Errorf("encode answer: %w", err))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // the peer went away: nobody is left to tell
	}
}

type peerKey struct{}

// withPeer has those who answer calls on a connection know which node is at its other end.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	if c, ok := conn.(*trust.Conn); ok {
		return context.WithValue(ctx, peerKey{}, c.Peer())
	}
	return ctx
}

// errExpelled is for a node that has the secret and is no member, as one that does not know that it was taken out.
var errExpelled = fmt.Errorf("%w: this node is no member of the cluster", state.ErrUnknownNode)

// ofMembers has calls answered to members only.
func ofMembers(isMember func(node string) bool, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if peer, _ := r.Context().Value(peerKey{}).(string); !isMember(peer) {
			handle(func(context.Context, json.RawMessage) (struct{}, error) { return struct{}{}, errExpelled })(w, r)
			return
		}
		answer(w, r)
	}
}

// stream is Raft's way to the others.
type stream struct {
	net.Listener
	credentials *trust.Credentials
	failed      func(error)
}

// Dial implements consensus.Stream.
func (s stream) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	conn, err := s.credentials.Dial(ctx, address, node, protoRaft)
	if err != nil {
		s.failed(err)
		return nil, err
	}
	return conn, nil
}
