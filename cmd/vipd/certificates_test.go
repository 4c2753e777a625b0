package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vipd/cluster/trust"
)

// A reload says that another list was read, and that there is none any more; of the same one it says nothing.
func TestAnotherListIsAChange(t *testing.T) {
	one, other, none := &trust.Own{Revoked: trust.Revoked{Sum: "1"}}, &trust.Own{Revoked: trust.Revoked{Sum: "2"}}, &trust.Own{}
	for _, tt := range []struct {
		name          string
		before, after *trust.Own
		changes       int
		was, is       string
	}{
		{"the first", none, one, 1, "", "0 revoked"},
		{"with the first certificates", nil, one, 1, "", "0 revoked"},
		{"another", one, other, 1, "0 revoked", "0 revoked"},
		{"the same", one, one, 0, "", ""},
		{"none any more", one, none, 1, "0 revoked", ""},
		{"no certificates any more", one, nil, 0, "", ""},
	} {
		got := certificates(tt.before, tt.after)
		if len(got) != tt.changes || len(got) == 1 && (got[0].Key != "tls.crl" || !got[0].Live || got[0].Before != tt.was || got[0].After != tt.is) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// A list that is late is warned of at that moment, unless another took its place.
func TestLateListsAreWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		r := &reloader{log: slog.New(slog.NewTextHandler(&out, nil))}
		warned := func(after time.Duration) int {
			time.Sleep(after)
			synctest.Wait()
			return strings.Count(out.String(), "level=WARN")
		}
		first := &trust.Own{Revoked: trust.Revoked{Due: time.Now().Add(time.Hour)}}
		second := &trust.Own{Revoked: trust.Revoked{Due: time.Now().Add(3 * time.Hour)}}
		r.holdOwn(first, "/crl.pem")
		r.holdOwn(second, "/crl.pem")
		if n := warned(3*time.Hour - time.Second); n != 0 {
			t.Errorf("%d warnings before the list is late:\n%s", n, out.String())
		}
		if n := warned(2 * time.Second); n != 1 || !strings.Contains(out.String(), "file=/crl.pem") {
			t.Errorf("%d warnings when the list is late:\n%s", n, out.String())
		}
		r.holdOwn(first, "/crl.pem") // as at a start, when it is late already
		if n := warned(0); n != 2 {
			t.Errorf("%d warnings after a start with a late list:\n%s", n, out.String())
		}
		r.holdOwn(nil, "")
		if n := warned(24 * time.Hour); n != 2 {
			t.Errorf("%d warnings without a list:\n%s", n, out.String())
		}
	})
}

// lockedBuffer may be read while a timer writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
