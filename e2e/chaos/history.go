package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// OpKind is what a client did.
type OpKind string

// A Read asks a majority first (`vipctl get --consistent`); a Glance is answered by what the node knows.
const (
	Write  OpKind = "write"
	Read   OpKind = "read"
	Glance OpKind = "glance"
)

// unknownValue is what nobody wrote.
const unknownValue = -1

// Op is a command and what its client was told.
type Op struct {
	Client  int    `json:"client"`
	Kind    OpKind `json:"kind"`
	Node    string `json:"node"`
	Process int    `json:"process"` // of the node's daemon
	// Membership counts how often the node was told to leave or join: a new member learns all anew.
	Membership int           `json:"membership"`
	Value      int           `json:"value"`
	Call       time.Duration `json:"call_ns"`
	Return     time.Duration `json:"return_ns"`
	Error      string        `json:"error,omitempty"` // of a write: it may have been done, or may be still
}

// A history is what all clients did. What is promised:
//
//   - The specification is one register. Writes that succeeded and Reads are linearizable: each happens at one moment
//     between its call and its return. So a write that was acknowledged is in every later Read until another one
//     comes, whatever fails.
//   - A write whose client gave up may happen at any later moment, or never.
//   - A command that got lost between the nodes is sent again, so while its caller waits it may happen twice.
//   - Glances may be old, but what one start of a daemon tells does not go back as long as it is the same member: one
//     that starts or joins learns the log from its beginning.
type history []Op

// Verdict is the answer to one question.
type Verdict struct {
	Question string `json:"question"`
	OK       bool   `json:"ok"`
	Text     string `json:"text"`
	// Findings are what made it no, where that has a time.
	Findings []Finding `json:"findings,omitempty"`
}

// check asks whether the history is as promised. Limit bounds the search for an order.
func (h history) check(limit time.Duration) []Verdict {
	return []Verdict{h.linearizable(limit), h.forward()}
}

func (h history) linearizable(limit time.Duration) Verdict {
	v := Verdict{Question: "acknowledged commands are in one order, and none is lost"}
	writes, reads, lost := h.count()
	told := fmt.Sprintf("%d writes and %d reads answered, %d writes of unknown outcome", writes, reads, lost)
	once := porcupine.CheckOperationsTimeout(register, h.operations(false), limit)
	if once == porcupine.Illegal {
		// The search with repetitions is much longer, so it is made only where it is needed.
		if twice := porcupine.CheckOperationsTimeout(register, h.operations(true), limit); twice != porcupine.Illegal {
			v.OK, v.Text = true, told+"; some happened twice while their callers waited ("+string(twice)+")"
			return v
		}
	}
	v.OK = once != porcupine.Illegal
	v.Text = fmt.Sprintf("%s; porcupine says %s", told, once)
	if !v.OK {
		v.Findings = h.broken(limit)
	}
	return v
}

// ordered reports whether there is an order, with or without repetitions.
func (h history) ordered(limit time.Duration) bool {
	return porcupine.CheckOperationsTimeout(register, h.operations(false), limit) != porcupine.Illegal ||
		porcupine.CheckOperationsTimeout(register, h.operations(true), limit) != porcupine.Illegal
}

func (h history) count() (writes, reads, lost int) {
	for _, op := range h {
		switch {
		case op.Kind == Write && op.Error == "":
			writes++
		case op.Kind == Write:
			lost++
		case op.Kind == Read && op.Error == "":
			reads++
		}
	}
	return writes, reads, lost
}

// register is a value that is written and read; an echo is a write that happens or does not.
var register = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{0} },
	Step: func(state, input, output any) []any {
		op := input.(step)
		switch {
		case op.echo:
			return []any{state, op.value}
		case op.kind == Write:
			return []any{op.value}
		case state == op.value:
			return []any{state}
		}
		return nil
	},
}).ToModel()

type step struct {
	kind  OpKind
	value int
	echo  bool
}

// operations puts the history in porcupine's form. A write of unknown outcome that nobody saw never needs to have
// happened, so it is left out; one that was seen happened before the first sight returned.
func (h history) operations(twice bool) []porcupine.Operation {
	first, last := h.sights()
	var ops []porcupine.Operation
	add := func(op Op, until time.Duration, echo bool) {
		ops = append(ops, porcupine.Operation{
			ClientId: op.Client, Input: step{op.Kind, op.Value, echo}, Call: int64(op.Call), Return: int64(until),
		})
	}
	for _, op := range h {
		_, seen := first[op.Value]
		switch {
		case op.Kind == Glance, op.Kind == Read && op.Error != "", op.Kind == Write && op.Error != "" && !seen:
			continue
		case op.Kind == Write && op.Error != "":
			add(op, first[op.Value], false)
		default:
			add(op, op.Return, false)
		}
		if twice && op.Kind == Write && seen {
			until := op.Return
			if op.Error != "" {
				until = last[op.Value]
			}
			add(op, until, true)
		}
	}
	return ops
}

// sights are when the first and the last Read of each value returned.
func (h history) sights() (first, last map[int]time.Duration) {
	first, last = map[int]time.Duration{}, map[int]time.Duration{}
	for _, op := range h {
		if op.Kind != Read || op.Error != "" {
			continue
		}
		if at, seen := first[op.Value]; !seen || op.Return < at {
			first[op.Value] = op.Return
		}
		last[op.Value] = max(last[op.Value], op.Return)
	}
	return first, last
}

// forward looks at what each start of a daemon told.
func (h history) forward() Verdict {
	v := Verdict{Question: "what a member tells does not go back", OK: true}
	pending := map[int]time.Duration{0: 0} // until when a value may be written once more
	for _, op := range h {
		if op.Kind == Write {
			pending[op.Value] = op.Return
			if op.Error != "" {
				pending[op.Value] = math.MaxInt64
			}
		}
	}
	byProcess := map[[2]int][]Op{}
	answered := 0
	for _, op := range h {
		if op.Kind != Write && op.Error == "" {
			key := [2]int{op.Process, op.Membership}
			byProcess[key] = append(byProcess[key], op)
			answered++
		}
	}
	v.Text = fmt.Sprintf("%d answers of %d starts of daemons", answered, len(byProcess))
	for _, ops := range byProcess {
		if a, b, back := goesBack(ops, pending); back {
			v.OK = false
			v.Findings = append(v.Findings, Finding{b.Call, fmt.Sprintf("%s; %s", a, b)})
			v.Text = fmt.Sprintf("%s told %d until %v, %d, and %d again at %v", b.Node, b.Value, a.Return, a.Value, b.Value, b.Call)
		}
	}
	return v
}

// goesBack finds a value that was told, then another, and then the first again, although it was not written any more
// when the other had been told. Only answers that follow each other count, not those under way at once.
func goesBack(ops []Op, pending map[int]time.Duration) (between, again Op, found bool) {
	slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	toldFirst := map[int]Op{}
	for i, op := range ops {
		if earlier, told := toldFirst[op.Value]; told {
			for _, other := range ops[:i] {
				if other.Value != op.Value && other.Call > earlier.Return && other.Return < op.Call && pending[op.Value] < other.Call {
					return other, op, true
				}
			}
			continue
		}
		toldFirst[op.Value] = op
	}
	return Op{}, Op{}, false
}
