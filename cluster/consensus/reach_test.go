package consensus

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A peer that is off is spoken of when it is for a second, then twice a minute, and when it is back; another one by itself.
// Of a connection that was closed and made anew nothing is said.
func TestPeersThatCannotBeReached(t *testing.T) {
	var out bytes.Buffer
	r := &reach{log: slog.New(slog.NewTextHandler(&out, nil))}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end, off := at.Add(65*time.Second), errors.New("connection refused")
	for ; at.Before(end); at = at.Add(100 * time.Millisecond) {
		r.note("n2", "192.0.2.2:7947", off, at)
		r.note("n3", "192.0.2.3:7947", nil, at)
	}
	r.note("n3", "192.0.2.3:7947", off, at)
	r.note("n3", "192.0.2.3:7947", nil, at)
	r.note("n3", "192.0.2.3:7947", off, at)
	r.note("n2", "192.0.2.2:7947", nil, at)
	r.note("n2", "192.0.2.2:7947", nil, at)
	r.note("n3", "192.0.2.3:7947", off, at.Add(time.Second))
	for line, want := range []string{
		`level=WARN msg="raft: a node cannot be reached" peer=n2 address=192.0.2.2:7947 for=1s attempts=11 error="connection refused"`,
		`level=WARN msg="raft: a node cannot be reached" peer=n2 address=192.0.2.2:7947 for=31s attempts=300 error="connection refused"`,
		`level=WARN msg="raft: a node cannot be reached" peer=n2 address=192.0.2.2:7947 for=1m1s attempts=300 error="connection refused"`,
		`level=INFO msg="raft: a node is reachable again" peer=n2 after=1m5s`,
		`level=WARN msg="raft: a node cannot be reached" peer=n3 address=192.0.2.3:7947 for=1s attempts=2 error="connection refused"`,
		``,
	} {
		if got := strings.Split(out.String(), "\n")[line]; !strings.HasSuffix(got, want) || want == "" && got != "" {
			t.Errorf("line %d: %q\nwant %q", line, got, want)
		}
	}
}

// What Raft says of each attempt is for who debugs it; the rest is not hushed.
func TestRaftIsNotHeardOfEachAttempt(t *testing.T) {
	var out bytes.Buffer
	logger := Logger(slog.New(slog.NewTextHandler(&out, nil)))
	logger.Error("failed to heartbeat to", "peer", "192.0.2.2:7947", "error", errors.New("connection refused"))
	logger.Error("failed to appendEntries to", "peer", raft.Server{ID: "n2"}, "error", errors.New("connection refused"))
	logger.Error("failed to install snapshot", "peer", "n2")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `level=WARN msg="raft: failed to install snapshot"`) {
		t.Errorf("logged:\n%s", got)
	}
}
