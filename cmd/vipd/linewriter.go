package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	linesWaiting = 4096
	closeLimit   = time.Second
)

// lineWriter passes lines on in a goroutine of its own. Where the log goes may hang, a full disk or a
// stuck journal; whoever logs must not hang with it. What does not fit in the queue is counted, and the
// count is written when there is room again.
type lineWriter struct {
	to      io.Writer
	lines   chan []byte
	done    chan struct{}
	dropped atomic.Uint64
	once    sync.Once
}

// startLineWriter returns a writer whose goroutine close ends.
func startLineWriter(to io.Writer) *lineWriter {
	w := &lineWriter{to: to, lines: make(chan []byte, linesWaiting), done: make(chan struct{})}
	go w.run()
	return w
}

// Write implements io.Writer. It never blocks and never fails.
func (w *lineWriter) Write(line []byte) (int, error) {
	select {
	case w.lines <- slices.Clone(line):
	default:
		w.dropped.Add(1)
	}
	return len(line), nil
}

func (w *lineWriter) run() {
	defer close(w.done)
	for line := range w.lines {
		if line == nil {
			return
		}
		if n := w.dropped.Swap(0); n > 0 {
			fmt.Fprintf(w.to, "%d messages could not be written in time and are lost\n", n)
		}
		_, _ = w.to.Write(line) // there is nowhere else to say that it failed
	}
}

// close writes what is waiting, for a limited time.
func (w *lineWriter) close() {
	w.once.Do(func() {
		limit := time.After(closeLimit)
		select {
		case w.lines <- nil:
		case <-limit:
			return
		}
		select {
		case <-w.done:
		case <-limit:
		}
	})
}
