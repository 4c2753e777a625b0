package health

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"vipd/bond"
	"vipd/cluster/state"
	"vipd/vip"
)

// runner looks once at what a check is about. ctx ends when the run is to be killed; interrupt is closed before that,
// when it takes too long.
type runner func(ctx context.Context, interrupt <-chan struct{}) Outcome

// runnerOf returns how a check is run.
func (m *Monitor) runnerOf(c state.Check) runner {
	switch {
	case c.Script != nil:
		return m.scripts.runner(*c.Script)
	case c.TCP != "":
		return interrupted(dialer(c.TCP))
	case c.HTTP != nil:
		return interrupted(requester(*c.HTTP))
	case c.Process != nil:
		return finder(c.Process)
	case c.File != "":
		return reader(c.File)
	case c.Ping != nil:
		return interrupted(pinger(c.Ping, c.Timeout))
	case c.ARP != nil:
		return interrupted(resolver(c.ARP, c.Timeout, m.options.Virtual))
	case c.Bond != nil:
		return m.bond(c.Bond)
	}
	return m.link(c.Interface)
}

// interrupted makes a runner of something that ends with its context.
func interrupted(run func(context.Context) Outcome) runner {
	return func(ctx context.Context, interrupt <-chan struct{}) Outcome {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		done := make(chan struct{})
		defer close(done)
		go func() {
			select {
			case <-interrupt:
				cancel()
			case <-done:
			}
		}()
		return run(ctx)
	}
}

func failed(err error) Outcome { return Outcome{Text: tidy(err.Error())} }

// maxText bounds what a run says, in bytes: all nodes hear it once a second.
const maxText = 100

// tidy makes one short line that can be printed of what a run said.
func tidy(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, " "))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText-3], "") + "…"
	}
	return text
}

// link looks at an interface.
func (m *Monitor) link(name string) runner {
	return func(context.Context, <-chan struct{}) Outcome {
		links, err := m.options.Interfaces()
		if err != nil {
			return failed(err)
		}
		if problem := LinkProblem(links, name); problem != "" {
			return Outcome{Text: problem}
		}
		return Outcome{OK: true}
	}
}

// bond counts the links of a bond that can be used.
func (m *Monitor) bond(b *state.BondCheck) runner {
	return func(context.Context, <-chan struct{}) Outcome {
		s, err := m.options.Bond(b.Name)
		if err != nil {
			return failed(err)
		}
		return bonded(s, b)
	}
}

func bonded(s bond.Status, b *state.BondCheck) Outcome {
	usable, total := s.Usable(), len(s.Members)
	wanted := b.Links
	if wanted == 0 {
		wanted = max(total, 1)
	}
	what := fmt.Sprintf("%d of %d links usable", usable, total)
	switch eligible, _, why := bond.Health(s, bond.Weights{MinLinks: 1}); {
	case s.Exists && s.Kind != "bond" && s.Kind != "team":
		return Outcome{Text: "it is no bond"}
	case !eligible:
		return Outcome{Text: why}
	case usable < wanted && b.Links > 0:
		return Outcome{Text: fmt.Sprintf("%s, fewer than %d", what, wanted)}
	}
	return Outcome{OK: usable >= wanted, Text: what}
}

// LinkProblem says why a node cannot use an interface; "" if it can.
func LinkProblem(links map[string]vip.Interface, name string) string {
	link, ok := links[name]
	switch {
	case !ok:
		return "it has no interface " + name
	case !link.Up:
		return "its interface " + name + " is down"
	case !link.Running:
		return "its interface " + name + " has no carrier"
	}
	return ""
}
