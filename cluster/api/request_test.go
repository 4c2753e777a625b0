package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"vipd/cluster/state"
)

// post sends a request as another program might write it, and returns status and body.
func post(t testing.TB, socket, verb string, body io.Reader) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	response, err := client.Post("http://vipd/v1/"+verb, "application/json", body)
	check(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(t, err)
	return response.StatusCode, string(text)
}

func TestRequestsThatAreNotUnderstood(t *testing.T) {
	asked := false
	socket, _ := serve(t, daemon{
		move: func(context.Context, MoveRequest, Progress) (GroupStatus, error) {
			asked = true
			return GroupStatus{}, nil
		},
		apply: func(context.Context, ApplyRequest, Progress) (ApplyResult, error) {
			asked = true
			return ApplyResult{}, nil
		},
	})
	large := io.MultiReader(strings.NewReader(`{"groups":[{"name":"`), io.LimitReader(letters{}, maxRequest), strings.NewReader(`"}]}`))
	for _, c := range []struct {
		name, verb string
		body       io.Reader
		want       string
	}{
		{"unknown field", "move", strings.NewReader(`{"group":"web","nodes":"b"}`), `unknown field \"nodes\"`},
		{"no JSON", "move", strings.NewReader(`group=web`), "invalid character"},
		{"empty", "move", strings.NewReader(``), "EOF"},
		{"too large", "apply", large, "request body too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := post(t, socket, c.verb, c.body)
			if status != http.StatusOK || !strings.HasPrefix(answer, `{"error":`) || !strings.Contains(answer, c.want) {
				t.Fatalf("status %d, answer %q", status, answer)
			}
		})
	}
	if asked {
		t.Fatal("a request that was not understood reached the daemon")
	}
}

type letters struct{}

func (letters) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestLargestSpecificationFits(t *testing.T) {
	var got int
	socket, _ := serve(t, daemon{apply: func(_ context.Context, r ApplyRequest, _ Progress) (ApplyResult, error) {
		got = len(r.Groups)
		return ApplyResult{}, nil
	}})
	r := ApplyRequest{Groups: make([]state.Group, 10_000)}
	for i := range r.Groups {
		r.Groups[i].Name = fmt.Sprintf("group-%d", i)
	}
	_, err := NewClient(socket, func(string) {}).Apply(bounded(t), r)
	check(t, err)
	diff(t, "groups", 10_000, got)
}

func TestVerbOfAnotherVersion(t *testing.T) {
	socket, _ := serve(t, daemon{})
	_, err := do[None](bounded(t), NewClient(socket, func(string) {}), "teleport", None{})
	var refused *Refused
	if !errors.As(err, &refused) || !strings.Contains(refused.Text, `knows no "teleport"`) {
		t.Fatalf("teleport: %v", err)
	}
	if status, _ := post(t, socket, "teleport", strings.NewReader("{}")); status != http.StatusNotFound {
		t.Fatalf("status %d", status)
	}
}
