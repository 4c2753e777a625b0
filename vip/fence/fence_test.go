package fence

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/vip/boottime"
)

func wantAnswers(tb testing.TB, p *prober, when string, want []string, addrs ...netip.Addr) {
	tb.Helper()
	if diff := cmp.Diff(want, p.answers(addrs...)); diff != "" {
		tb.Fatalf("%s: answers (-want +got):\n%s", when, diff)
	}
}

func TestGate(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	both := slices.Concat(vips, vips2)
	wantAnswers(t, p, "no fence", all(both...), both...)

	f := l.open(t, Options{})
	wantAnswers(t, p, "nothing guarded", all(both...), both...)
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	wantAnswers(t, p, "open, one pair held, the other not guarded", all(both...), both...)
	check(t, f.Shut())
	wantAnswers(t, p, "shut, the other pair not guarded", all(vips2...), both...)
	check(t, f.Hold(vips2))
	wantAnswers(t, p, "shut", nil, both...)

	check(t, f.Bar(both))
	check(t, f.Raise(after(patience)))
	wantAnswers(t, p, "open, but all barred", nil, both...)
	check(t, f.Hold(both))
	wantAnswers(t, p, "held again", all(both...), both...)
	check(t, f.Bar(vips))
	wantAnswers(t, p, "one pair barred", all(vips2...), both...)
	check(t, f.Bar(vips))
	check(t, f.Extend(after(patience)))
	check(t, f.Extend(after(patience)))
	wantAnswers(t, p, "extended twice", all(vips2...), both...)
	check(t, f.Release(vips))
	check(t, f.Release(vips))
	wantAnswers(t, p, "one pair released", all(both...), both...)
	check(t, f.Verify())
}

func TestGateShutsByItself(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	const lease = 400 * time.Millisecond
	end := after(lease)
	check(t, f.Raise(end))
	check(t, f.Hold(vips))
	opened := boottime.Now()
	eventually(t, "gate shuts", func() bool {
		start := boottime.Now()
		got := p.answers(vips...)
		if len(got) > 0 && start > end+int64(lease) {
			t.Fatalf("answers %q long after the end", got)
		}
		return len(got) == 0
	})
	if shut := boottime.Now(); shut < opened+int64(lease)/2 {
		t.Errorf("shut %v after it was opened for %v", time.Duration(shut-opened), lease)
	}
	if err := f.Extend(after(patience)); !errors.Is(err, ErrShut) {
		t.Errorf("Extend after the lease lapsed: %v, want ErrShut", err)
	}
	wantAnswers(t, p, "after the refused extension", nil, vips...)
	if err := f.Raise(after(patience)); !errors.Is(err, ErrHeld) {
		t.Errorf("Raise while addresses are held: %v, want ErrHeld", err)
	}
	wantAnswers(t, p, "after the refused raise", nil, vips...)
	check(t, f.Bar(vips))
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	wantAnswers(t, p, "taken anew", all(vips...), vips...)
}
