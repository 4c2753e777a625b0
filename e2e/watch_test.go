package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

// quietFor is how long nobody must answer for an address to show that nobody does.
const quietFor = 300 * time.Millisecond

// watch is a client that looks at addresses during a scene.
type watch struct {
	*scene
	probe *probe.Probe
	addrs []netip.Addr
}

// watch starts to look at addresses and waits until each answers. When the scene ends it must have seen no
// two hosts answer at once, whatever else happened; if the scene failed, it tells all it saw.
func (s *scene) watch(addrs ...netip.Addr) *watch {
	s.Helper()
	o := s.ProbeOptions(addrs...)
	o.MaxRate = 8000 // the hosts that answer share the machine's processors
	// A node may lose its lease, and get back what prefers it some 20 ms later: that is no double answer. The
	// probe asks again at once when the answering host changes, so an overlap is found within a millisecond or two.
	o.Window = time.Duration(10+len(addrs)/2) * time.Millisecond
	p, err := probe.Start(o)
	s.must(err)
	w := &watch{s, p, addrs}
	s.Cleanup(func() { w.end() })
	w.answered("", addrs...)
	return w
}

func (w *watch) end() {
	r, err := w.probe.Stop()
	if err != nil {
		w.Errorf("probe: %v", err)
	}
	for _, d := range r.DoubleAnswers() {
		w.Errorf("%s and %s both answered for %s, for %v (%d proofs)", d.Hosts[0], d.Hosts[1], d.Addr, d.Until.Sub(d.At), d.Proofs)
	}
	if !w.Failed() {
		return
	}
	for _, addr := range w.addrs {
		var b bytes.Buffer
		if err := r.Timeline(&b, addr); err == nil {
			w.Logf("what the client saw of %s:\n%s", addr, b.String())
		}
	}
	w.Logf("the prober: %+v", r.Prober)
}

// step tells what is done next, in the test's log and in the timeline.
func (w *watch) step(format string, args ...any) {
	w.Helper()
	w.Logf(format, args...)
	w.probe.Mark(format, args...)
}

// answered waits until a host, or anybody if its name is empty, answers new requests for each address.
func (w *watch) answered(host string, addrs ...netip.Addr) {
	w.Helper()
	ctx := w.wait()
	for _, addr := range addrs {
		w.must(w.probe.Await(ctx, addr, host))
	}
}

// held waits until a group is held by a node in the leader's view and the client's.
func (w *watch) held(group string, n *harness.Node, addrs ...netip.Addr) {
	w.Helper()
	w.must(w.AwaitHolder(w.wait(), group, n))
	w.answered(n.Host.Name, addrs...)
}

// taken waits until a group is held by another node than n, in the leader's view and the client's, and returns
// that node. While a cluster finds its feet again the choice may fall on one node after the other.
func (w *watch) taken(group string, n *harness.Node, addrs ...netip.Addr) (holder *harness.Node) {
	w.Helper()
	w.await(fmt.Sprintf("another node than %s holds and answers for %s", n, group), func(ctx context.Context) (err error) {
		if holder, err = w.Holder(ctx, group); err != nil {
			return err
		}
		if holder == n {
			return errors.New("it still does")
		}
		for _, addr := range addrs {
			err = errors.Join(err, w.probe.Await(ctx, addr, holder.Host.Name))
		}
		return err
	})
	return holder
}

// settle lets time pass, so that addresses which come back to a host they have just left do not look like
// two hosts that answer at once.
func (w *watch) settle() { w.dwell(100 * time.Millisecond) }

// dwell watches for a while: what is waited for is time itself.
func (w *watch) dwell(d time.Duration) { <-time.After(d) }

// shorter asserts that no silence of the echo stream that lasted beyond since was longer than the limit, and
// returns the longest. What the prober itself missed is not counted.
func (w *watch) shorter(addr netip.Addr, since time.Time, limit time.Duration) time.Duration {
	w.Helper()
	r := w.probe.Report()
	a := r.Address(addr)
	var longest time.Duration
	for _, silence := range a.Echo.Silences {
		if silence.End.After(since) {
			longest = max(longest, silence.Duration-silence.Stalled)
		}
	}
	if longest > limit {
		w.Errorf("%s was silent for %v, want at most %v", addr, longest, limit)
	} else {
		w.Logf("%s: longest silence %v", addr, longest.Round(100*time.Microsecond))
	}
	return longest
}

// silent waits until nobody has answered for an address for a while, by any stream.
func (w *watch) silent(addr netip.Addr, d time.Duration) {
	w.Helper()
	w.await("nobody answers for "+addr.String(), func(context.Context) error {
		rec := w.probe.Recording()
		for i := len(rec.Events) - 1; i >= 0; i-- {
			e := rec.Events[i]
			at := time.Unix(0, e.Received)
			if rec.End.Sub(at) > d {
				break
			}
			if rec.Addrs[e.Addr] == addr && !e.Announcement {
				return fmt.Errorf("%s did %v ago", rec.Hosts[e.Host].Name, rec.End.Sub(at))
			}
		}
		if rec.End.Sub(rec.Start) < d {
			return errors.New("not watched for long enough")
		}
		return nil
	})
}
