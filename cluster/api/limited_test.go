package api

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Callers that say nothing, or never finish what they say, give way in the end, and keep nobody out for longer.
func TestSilentCallersGiveWay(t *testing.T) {
	t.Parallel()
	socket, _ := serve(t, daemon{move: func(_ context.Context, r MoveRequest, _ Progress) (GroupStatus, error) {
		return GroupStatus{Name: r.Group}, nil
	}})
	var slow []net.Conn
	for i := range maxPerUser {
		c, err := net.Dial("unix", socket)
		check(t, err)
		defer c.Close()
		text := []string{"", "POST /v1/move HT", "POST /v1/move HTTP/1.1\r\nHost: vipd\r\nContent-Length: 99\r\n\r\n{"}[i%3]
		_, err = io.WriteString(c, text)
		check(t, err)
		slow = append(slow, c)
	}
	eventually(t, "there is room for others", func() bool {
		got, err := NewClient(socket, func(string) {}).Move(bounded(t), MoveRequest{Group: "web"})
		return err == nil && got.Name == "web"
	})
	check(t, slow[2].SetReadDeadline(time.Now().Add(limit)))
	answer, _ := io.ReadAll(slow[2])
	if !strings.Contains(string(answer), "read request") {
		t.Errorf("whose request did not come was answered %q", answer)
	}
}

// A call may take longer than its request may.
func TestLongCallIsNotCutOff(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes as long as a request may")
	}
	socket, _ := serve(t, daemon{move: func(ctx context.Context, _ MoveRequest, progress Progress) (GroupStatus, error) {
		select {
		case <-time.After(requestLimit + time.Second):
			progress("done")
			return GroupStatus{Name: "web"}, nil
		case <-ctx.Done():
			return GroupStatus{}, context.Cause(ctx)
		}
	}})
	ctx, end := context.WithTimeout(t.Context(), requestLimit+limit)
	defer end()
	_, err := NewClient(socket, func(string) {}).Move(ctx, MoveRequest{})
	check(t, err)
}
