package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vipd/cluster/consensus"
	"vipd/cluster/state"
	"vipd/cluster/trust"
)

type question struct {
	Text string `json:"text"`
}

// callee answers calls at an address over TLS, until the test ends.
func callee(t testing.TB, secret trust.Secret, handler http.Handler) (address string) {
	t.Helper()
	credentials, err := trust.NewCredentials("test", "b", secret)
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	mux := trust.NewMux(l, credentials, quiet(), protoRaft, protoCall)
	server := &http.Server{Handler: handler, ConnContext: withPeer}
	runs(t, mux.Run)
	served := make(chan error, 1)
	go func() { served <- server.Serve(mux.Listener(protoCall)) }()
	t.Cleanup(func() {
		check(t, server.Close())
		<-served
	})
	return l.Addr().String()
}

func callerOf(t testing.TB, secret trust.Secret) *caller {
	t.Helper()
	credentials, err := trust.NewCredentials("test", "a", secret)
	check(t, err)
	c := newCaller(credentials, func(error) {})
	t.Cleanup(c.close)
	return c
}

func TestErrorsKeepWhatTheyAreAcrossACall(t *testing.T) {
	secret := trust.NewSecret()
	var fails error
	address := callee(t, secret, handle(func(context.Context, question) (question, error) { return question{}, fails }))
	calls := callerOf(t, secret)
	for code, sentinel := range refusals {
		fails = fmt.Errorf("do it: %w", sentinel)
		err := calls.call(t.Context(), address, "ask", question{}, nil)
		if !errors.Is(err, sentinel) || err.Error() != fails.Error() {
			t.Errorf("%s came as %v", code, err)
		}
		for other, not := range refusals {
			if other != code && errors.Is(err, not) {
				t.Errorf("%s counts as %s", code, other)
			}
		}
	}
	fails = errors.New("the disk is full")
	err := calls.call(t.Context(), address, "ask", question{}, nil)
	var answered *callError
	if !errors.As(err, &answered) || err.Error() != fails.Error() || answered.Unwrap() != nil {
		t.Errorf("an error of no kind came as %v", err)
	}
}

func TestCallThereAndBack(t *testing.T) {
	secret := trust.NewSecret()
	address := callee(t, secret, handle(func(_ context.Context, q question) (question, error) {
		return question{Text: strings.ToUpper(q.Text)}, nil
	}))
	calls := callerOf(t, secret)
	for range 3 {
		var got question
		check(t, calls.call(t.Context(), address, "ask", question{Text: "hello"}, &got))
		diff(t, "answer", "HELLO", got.Text)
	}
	if err := calls.call(t.Context(), address, "ask", 17, nil); err == nil || !strings.Contains(err.Error(), "read request") {
		t.Errorf("a number for a question: %v", err)
	}
}

// Who was taken out of the cluster has the secret still, and a connection: what he asks from then on is refused.
func TestCallsOfWhoIsNoMemberAreRefused(t *testing.T) {
	secret, members := trust.NewSecret(), sync.Map{}
	isMember := func(node string) bool { _, ok := members.Load(node); return ok }
	address := callee(t, secret, ofMembers(isMember, handle(func(_ context.Context, q question) (question, error) { return q, nil })))
	calls := callerOf(t, secret) // it is a
	members.Store("a", true)
	var got question
	check(t, calls.call(t.Context(), address, "ask", question{Text: "hello"}, &got))
	diff(t, "answer", "hello", got.Text)
	members.Delete("a")
	members.Store("b", true)
	if err := calls.call(t.Context(), address, "ask", question{}, nil); !errors.Is(err, state.ErrUnknownNode) || !strings.Contains(err.Error(), "no member") {
		t.Errorf("then: %v", err)
	}
}

// Whether a call that got no answer was carried out is not known, so it must not look like a refusal.
func TestCallWithoutAnAnswer(t *testing.T) {
	secret := trust.NewSecret()
	address := callee(t, secret, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	var answered *callError
	for what, err := range map[string]error{
		"hangs up": callerOf(t, secret).call(t.Context(), address, "ask", question{}, nil),
		"nobody":   callerOf(t, secret).call(t.Context(), "127.0.0.1:1", "ask", question{}, nil),
		"stranger": callerOf(t, trust.NewSecret()).call(t.Context(), address, "ask", question{}, nil),
	} {
		if err == nil || errors.As(err, &answered) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRefusedCommandKeepsItsReason(t *testing.T) {
	a := raftOfOne(t)
	m := &member{raft: a}
	out, err := m.proposeHere(t.Context(), proposal{Command: registering("a")})
	check(t, err)
	if !errors.Is(out.Error, state.ErrEpochAlive) || out.Index != a.View().Index {
		t.Fatalf("outcome %+v at index %d", out, a.View().Index)
	}
}

func TestAtLeader(t *testing.T) {
	a, b := raftOfTwo(t)
	leads, follows := &member{raft: a, self: wireName{node: "a"}}, &member{raft: b, self: wireName{node: "b"}}
	never := func(context.Context, string) error { t.Error("the leader calls another"); return nil }
	check(t, leads.atLeader(t.Context(), func(context.Context) error { return nil }, never))

	tries := 0
	check(t, follows.atLeader(t.Context(), nil, func(context.Context, string) error {
		if tries++; tries == 1 {
			return errors.New("connection reset")
		} else if tries == 2 {
			return newCallError(consensus.ErrNotLeader)
		}
		return nil
	}))
	diff(t, "tries", 3, tries)

	refused := newCallError(state.ErrUnknownNode)
	if err := follows.atLeader(t.Context(), nil, func(context.Context, string) error { return refused }); !errors.Is(err, state.ErrUnknownNode) {
		t.Fatalf("refused with %v", err)
	}
	ctx, end := context.WithCancel(t.Context())
	err := follows.atLeader(ctx, nil, func(context.Context, string) error {
		end()
		return errors.New("connection reset")
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "connection reset") {
		t.Fatalf("gave up with %v", err)
	}
}
