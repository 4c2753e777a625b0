package health

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vipd/cluster/state"
)

var epoch = time.Unix(1_700_000_000, 0)

// clocked is a machine with a clock of its own.
type clocked struct {
	*testing.T
	*Machine
	now time.Time
}

func machine(t *testing.T, c state.Check) *clocked {
	c.Interval, c.Timeout = 2*time.Second, max(c.Timeout, 500*time.Millisecond)
	c.Rise, c.Fall = max(c.Rise, 1), max(c.Fall, 1)
	m := &clocked{t, NewMachine(c), epoch}
	m.wants("begins", m.Step(m.now, Begin), Start)
	return m
}

func (m *clocked) wants(what string, got []Action, want ...Action) {
	m.Helper()
	if !slices.Equal(got, want) {
		m.Fatalf("%s at %v: %v, want %v", what, m.now.Sub(epoch), got, want)
	}
}

// at expects nothing a nanosecond before a time, and the actions at it.
func (m *clocked) at(after time.Duration, want ...Action) {
	m.Helper()
	m.now = epoch.Add(after - 1)
	m.wants("early", m.Step(m.now, Timer))
	m.now = epoch.Add(after)
	if next := m.Next(); next.After(m.now) {
		m.Fatalf("the machine wants to be asked at %v, not at %v", next.Sub(epoch), after)
	}
	m.wants("due", m.Step(m.now, Timer), want...)
}

func (m *clocked) ends(ok bool, want ...Action) {
	m.Helper()
	m.wants("ends", m.Ended(m.now, Outcome{OK: ok, Text: fmt.Sprint(ok)}), want...)
}

func (m *clocked) is(s State) {
	m.Helper()
	if m.Status().State != s {
		m.Fatalf("at %v it is %s, want %s", m.now.Sub(epoch), m.Status().State, s)
	}
}

func TestRunsEachInterval(t *testing.T) {
	m := machine(t, state.Check{})
	m.is(Waiting)
	m.ends(true, Tell)
	m.is(OK)
	for i := 1; i < 5; i++ {
		m.at(time.Duration(i)*2*time.Second, Start)
		m.ends(true)
	}
}

func TestFallAndRise(t *testing.T) {
	m := machine(t, state.Check{Fall: 3, Rise: 2})
	m.ends(true, Tell)
	results := []struct {
		ok    bool
		state State
	}{{false, OK}, {false, OK}, {true, OK}, {false, OK}, {false, OK}, {false, Failing}, {true, Failing}, {false, Failing}, {true, Failing}, {true, OK}}
	for i, r := range results {
		m.at(time.Duration(i+1)*2*time.Second, Start)
		before := m.Status().State
		var want []Action
		if r.state != before {
			want = []Action{Tell}
		}
		m.ends(r.ok, want...)
		m.is(r.state)
	}
}

// keepalived: the first result counts at once, whatever rise and fall say.
func TestFirstResultCountsAtOnce(t *testing.T) {
	m := machine(t, state.Check{Fall: 3, Rise: 3})
	m.ends(false, Tell)
	m.is(Failing)
	m = machine(t, state.Check{Fall: 3, Rise: 3, InitFail: true})
	m.is(Failing)
	m.ends(true, Tell)
	m.is(OK)
}

func TestInitFailThatGoesOnIsNoChange(t *testing.T) {
	m := machine(t, state.Check{Fall: 2, InitFail: true})
	m.ends(false)
	m.is(Failing)
}

func TestTimeoutIsAFailure(t *testing.T) {
	m := machine(t, state.Check{})
	m.at(500*time.Millisecond, Interrupt, Tell)
	m.is(Failing)
	if text := m.Status().Text; text != "it took longer than 500ms" {
		t.Errorf("it says %q", text)
	}
	m.now = epoch.Add(600 * time.Millisecond)
	m.ends(true) // what it says in the end does not count
	m.is(Failing)
	m.at(2*time.Second, Start)
	m.ends(true, Tell)
	m.is(OK)
}

// A script that does not end on SIGTERM is killed 2 s later; turns in between are skipped, and the interval is kept.
func TestStubbornRunIsKilled(t *testing.T) {
	m := machine(t, state.Check{})
	m.at(500*time.Millisecond, Interrupt, Tell)
	m.at(2 * time.Second)
	m.at(2500*time.Millisecond, Kill)
	m.at(4 * time.Second)
	m.now = epoch.Add(4100 * time.Millisecond)
	m.ends(false)
	m.at(6*time.Second, Start)
}

func TestSlowRunSkipsTurns(t *testing.T) {
	m := machine(t, state.Check{Timeout: 5 * time.Second})
	m.at(2 * time.Second)
	m.at(4 * time.Second)
	m.now = epoch.Add(4500 * time.Millisecond)
	m.ends(true, Tell)
	m.at(6*time.Second, Start)
}

// A host that slept does not make up for what it missed.
func TestLateTimerRunsOnce(t *testing.T) {
	m := machine(t, state.Check{})
	m.ends(true, Tell)
	m.now = epoch.Add(time.Hour + time.Second)
	m.wants("late", m.Step(m.now, Timer), Start)
	m.ends(true)
	if next := m.Next().Sub(epoch); next != time.Hour+2*time.Second {
		t.Errorf("next at %v", next)
	}
}

func TestSinceIsOfTheState(t *testing.T) {
	m := machine(t, state.Check{})
	m.ends(true, Tell)
	m.at(2*time.Second, Start)
	m.ends(true)
	if since := m.Status().Since; !since.Equal(epoch) {
		t.Errorf("ok since %v", since.Sub(epoch))
	}
	m.at(4*time.Second, Start)
	m.now = m.now.Add(7)
	m.ends(false, Tell)
	if since := m.Status().Since; !since.Equal(m.now) {
		t.Errorf("failing since %v", since.Sub(epoch))
	}
}

// A file's number is told each time it is another.
func TestValueIsTold(t *testing.T) {
	m := machine(t, state.Check{})
	m.wants("first", m.Ended(m.now, Outcome{OK: true, Value: 5}), Tell)
	m.at(2*time.Second, Start)
	m.wants("same", m.Ended(m.now, Outcome{OK: true, Value: 5}))
	m.at(4*time.Second, Start)
	m.wants("other", m.Ended(m.now, Outcome{OK: true, Value: -3}), Tell)
}

// Whatever happens: one run at a time, every run is interrupted before it is killed, and the state is what the last
// results say by a dumb count.
func TestMachineProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := state.Check{
			Interval: time.Duration(rapid.IntRange(1, 5).Draw(t, "interval")) * time.Second, Timeout: time.Duration(rapid.IntRange(1, 9).Draw(t, "timeout")) * time.Second,
			Rise: rapid.IntRange(1, 3).Draw(t, "rise"), Fall: rapid.IntRange(1, 3).Draw(t, "fall"), InitFail: rapid.Bool().Draw(t, "init_fail"),
		}
		m, now := NewMachine(c), epoch
		running, interrupted := false, false
		var counted []bool
		take := func(actions []Action) {
			for _, a := range actions {
				switch a {
				case Start:
					if running {
						t.Fatal("two runs at once")
					}
					running, interrupted = true, false
				case Interrupt:
					if !running || interrupted {
						t.Fatal("interrupts what it need not")
					}
					interrupted, counted = true, append(counted, false)
				case Kill:
					if !interrupted {
						t.Fatal("kills without a warning")
					}
				}
			}
		}
		take(m.Step(now, Begin))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if running && rapid.Bool().Draw(t, "ends") {
				ok := rapid.Bool().Draw(t, "ok")
				if !interrupted {
					counted = append(counted, ok)
				}
				running = false
				take(m.Ended(now, Outcome{OK: ok}))
			} else {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
				take(m.Step(now, Timer))
			}
			if !m.Next().After(now) {
				t.Fatal("it wants to be asked again at once")
			}
			if want := judged(counted, c); m.Status().State != want {
				t.Fatalf("it is %s after %v, want %s", m.Status().State, counted, want)
			}
		}
	})
}

// judged goes through all results from the start.
func judged(results []bool, c state.Check) State {
	if len(results) == 0 {
		if c.InitFail {
			return Failing
		}
		return Waiting
	}
	var said strings.Builder
	is := results[0]
	for _, r := range results {
		if r == is {
			said.Reset()
			continue
		}
		said.WriteByte('x')
		if r && said.Len() >= c.Rise || !r && said.Len() >= c.Fall {
			is = r
			said.Reset()
		}
	}
	if is {
		return OK
	}
	return Failing
}
