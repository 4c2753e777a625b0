package health

import (
	"context"
	"strings"
	"unicode"

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
