package probe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Probe is a running prober.
type Probe struct {
	options Options
	rec     *recorder

	stop chan struct{}
	done chan struct{}
	once sync.Once
	err  error // valid once done is closed

	mu    sync.Mutex
	marks []Mark
}

// Start begins to probe and returns once the first requests are sent. The
// caller ends it with Stop.
func Start(options Options) (*Probe, error) {
	if err := options.complete(); err != nil {
		return nil, fmt.Errorf("start probe: %w", err)
	}
	p := &Probe{options: options, rec: newRecorder(options), stop: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan struct{})
	go func() {
		defer close(p.done)
		p.err = p.run(ready)
	}()
	select {
	case <-ready:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("start probe: %w", p.err)
	}
}

func (p *Probe) run(ready chan<- struct{}) error {
	if p.options.Separate {
		return runSeparate(p.options, p.rec, ready, p.stop)
	}
	return p.options.Do(func() error { return newLoop(p.options, p.rec).run(ready, p.stop) })
}

// Stop ends the probing and reports all of it. It may be called again.
func (p *Probe) Stop() (Report, error) {
	p.once.Do(func() { close(p.stop) })
	<-p.done
	return p.Report(), p.err
}

// Done is closed when nothing is sent any more: soon after the call of Stop, which then draws its conclusions.
func (p *Probe) Done() <-chan struct{} { return p.done }

// Report reports what was seen so far. The last requests may look lost because
// their answers are still on the way.
func (p *Probe) Report() Report { return Analyze(p.Recording()) }

// Recording returns what was seen so far.
func (p *Probe) Recording() Recording {
	rec := p.rec.snapshot(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	rec.Marks = append([]Mark(nil), p.marks...)
	return rec
}

// Mark puts a remark into the timeline, now.
func (p *Probe) Mark(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marks = append(p.marks, Mark{At: time.Now(), Text: fmt.Sprintf(format, args...)})
}

// Await waits until the named host of [Options.Hosts], or with an empty name anybody, has answered
// for the address a request that was sent after the call.
func (p *Probe) Await(ctx context.Context, addr netip.Addr, host string) error {
	i := slices.Index(p.options.Addrs, addr)
	if i < 0 {
		return fmt.Errorf("await answer of %s for %s: not watched", who(host), addr)
	}
	since := time.Now().UnixNano()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		if p.rec.answeredSince(i, host, since) {
			return nil
		}
		select {
		case <-look.C:
		case <-p.done:
			return fmt.Errorf("await answer of %s for %s: the probe has ended", who(host), addr)
		case <-ctx.Done():
			return fmt.Errorf("await answer of %s for %s: %w", who(host), addr, ctx.Err())
		}
	}
}

func who(host string) string {
	if host == "" {
		return "anybody"
	}
	return host
}
