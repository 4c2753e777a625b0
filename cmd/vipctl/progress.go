package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress shows what goes on while a command waits: on a terminal in one line that is written over, else
// in a line for each thing.
type progress struct {
	to    io.Writer
	width int // of the terminal; 0: it is none

	mu    sync.Mutex
	begun time.Time
	text  string
}

func newProgress(to io.Writer) *progress { return &progress{to: to, width: terminalWidth(to)} }

// start begins to count the time that passed. stop ends that and clears the terminal's line.
func (p *progress) start() (stop func()) {
	p.begun = time.Now()
	if p.width == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { p.tick(done) })
	return func() {
		close(done)
		ticking.Wait()
		if p.text != "" {
			fmt.Fprint(p.to, "\r\x1b[K")
		}
	}
}

// tick keeps the time that is shown up to date.
func (p *progress) tick(done <-chan struct{}) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-done:
			return
		case <-second.C:
			p.mu.Lock()
			if p.text != "" {
				p.draw()
			}
			p.mu.Unlock()
		}
	}
}

// say shows what goes on now.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" || text == p.text {
		return
	}
	p.text = text
	p.draw()
}

func (p *progress) draw() {
	line := p.text
	if passed := time.Since(p.begun); passed > time.Second {
		line += fmt.Sprintf(" (%s)", passed.Truncate(100*time.Millisecond))
	}
	if p.width == 0 {
		fmt.Fprintln(p.to, line)
		return
	}
	// A line that wraps could not be written over.
	if runes := []rune(line); len(runes) >= p.width {
		line = string(runes[:p.width-1])
	}
	fmt.Fprint(p.to, "\r\x1b[K"+line)
}

// doing is what went on last.
func (p *progress) doing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == "" {
		return "waiting for vipd's answer"
	}
	return p.text
}
