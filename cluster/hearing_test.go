package cluster

import (
	"testing"
	"time"

	"vipd/cluster/electorate"
	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

// listener is a node's ears and the time, which goes on by a renewal at a time.
type listener struct {
	*ears
	t    *testing.T
	view *state.State
	now  lease.Instant
}

// hears lets an interval of renewals pass, within which some are heard.
func (l *listener) hears(names ...string) (changed bool) {
	l.now = l.now.Add(l.view.Profile.Renew)
	messages := []wire.Message{wire.Committed{}}
	for _, name := range names {
		messages = append(messages, lease.Renewal{Member: name})
	}
	return l.take(l.view, l.now, messages)
}

func TestEars(t *testing.T) {
	view := clusterOf(t, "a", "b", "c")
	l := &listener{&ears{self: "a"}, t, view, 1 << 40}
	for range 2 * deafAfter {
		if l.hears("b") {
			break
		}
	}
	diff(t, "unheard", []string{"c"}, l.unheard())
	if l.hears("b") {
		t.Error("it says again what is known")
	}
	if !l.hears("b", "c") {
		t.Error("c is heard again, and nobody is told")
	}
	diff(t, "unheard, when all are heard again", nil, l.unheard())

	// A process that did not run heard nobody.
	l.now = l.now.Add(time.Minute)
	l.hears("b")
	diff(t, "unheard after a minute without a processor", nil, l.unheard())

	// Nor is who is dead missed, or who said that it starts anew.
	l.view = grow(t, view, state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: "c", Epoch: view.Nodes["c"].Epoch}}})
	for range 2 * deafAfter {
		l.hears("b")
	}
	diff(t, "unheard of the dead", nil, l.unheard())

	// Who lives again is not missed for the time before.
	l.view = view
	l.hears("b")
	diff(t, "unheard of who was dead", nil, l.unheard())
}

// Whoever does not vote gets nothing from the others who do not.
func TestEarsOfALearner(t *testing.T) {
	view := clusterOf(t, "a", "b", "c")
	view.Voters.Names = []string{"a"}
	l := &listener{&ears{self: "b"}, t, view, 1 << 40}
	for range 2 * deafAfter {
		l.hears("b")
	}
	diff(t, "unheard", []string{"a"}, l.unheard())
}

// A leader makes way if another is better for a while, and asks another than the one who did not take it.
func TestYielding(t *testing.T) {
	view := clusterOf(t, "a", "b", "c", "d")
	y := &yielding{self: "a", asked: map[string]lease.Instant{}}
	now := lease.Instant(1 << 40)
	look := func(after time.Duration, hearing electorate.Hearing) string {
		now = now.Add(after)
		to, _ := y.look(now, view, hearing)
		return to
	}
	apart := electorate.Hearing{"a": {"d"}, "b": nil, "c": nil, "d": nil}
	limit := deafLimit(view)
	diff(t, "at once", "", look(0, apart))
	diff(t, "a little later", "", look(limit/2, apart))
	diff(t, "when the others miss it too", "", look(0, electorate.Hearing{"a": {"d"}, "b": {"d"}, "c": {"d"}, "d": nil}))
	diff(t, "from the beginning", "", look(limit/2, apart))
	diff(t, "when it lasted", "b", look(limit, apart))
	diff(t, "when b does not take it", "c", look(time.Millisecond, apart))
	diff(t, "when nobody takes it", "", look(time.Millisecond, apart))
	diff(t, "when that was long ago", "", look(askAgain+time.Second, apart))
	diff(t, "and goes on", "b", look(limit, apart))
}

// The accounts of nodes that are dead, or have not reported for long, say nothing of who hears whom.
func TestHearing(t *testing.T) {
	view := clusterOf(t, "a", "b", "c")
	r, _ := reporterOf(view, func(o *reporterOptions) { o.unheard = func() []string { return []string{"b", "x"} } })
	r.report()
	r.hear(wire.Report{Node: "b", Epoch: view.Nodes["b"].Epoch, Seq: 1, Body: []byte(`{"deaf":["c"]}`)})
	r.hear(wire.Report{Node: "c", Epoch: view.Nodes["c"].Epoch, Seq: 1, Body: []byte(`{"deaf":["a"]}`)})
	r.hear(wire.Report{Node: "x", Epoch: 9, Seq: 1, Body: []byte(`{"deaf":["a"]}`)})
	old := r.accounts["c"]
	old.at = old.at.Add(-time.Minute)
	r.accounts["c"] = old
	var gaps []string
	for _, gap := range r.hearing(view).Gaps() {
		gaps = append(gaps, gap.String())
	}
	diff(t, "gaps", []string{"b to a", "c to b"}, gaps)
}
