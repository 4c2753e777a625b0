package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// stuckWriter takes nothing until it is let go.
type stuckWriter struct {
	release chan struct{}
	mu      sync.Mutex
	got     strings.Builder
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.release
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got.Write(p)
}

func TestLoggingDoesNotWaitForItsReader(t *testing.T) {
	to := &stuckWriter{release: make(chan struct{})}
	w := startLineWriter(to)
	for i := range linesWaiting + 100 {
		fmt.Fprintf(w, "line %d\n", i) // would hang here for ever
	}
	close(to.release)
	for w.dropped.Load() > 0 || len(w.lines) == linesWaiting {
		fmt.Fprint(w, "later\n")
	}
	w.close()
	to.mu.Lock()
	defer to.mu.Unlock()
	text := to.got.String()
	for _, line := range []string{"line 0\n", "\nline 4000\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("%q fitted into the queue and is not there", line)
		}
	}
	if !strings.Contains(text, "messages could not be written in time and are lost") {
		t.Error("does not say that messages were lost")
	}
}
