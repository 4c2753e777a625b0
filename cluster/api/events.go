package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"vipd/cluster/state"
)

// EventsRequest asks for the history. What is not stated does not matter.
type EventsRequest struct {
	After  uint64    `json:"after,omitempty"`  // events newer than this one
	Since  time.Time `json:"since,omitzero"`   // events not older than this
	Group  string    `json:"group,omitempty"`  // events of this group
	Node   string    `json:"node,omitempty"`   // events of this node
	Follow bool      `json:"follow,omitempty"` // go on with what happens from now on
}

// Wants reports whether an event is asked for.
func (r EventsRequest) Wants(e *state.Event) bool {
	return e.Seq > r.After && !e.At.Before(r.Since) &&
		(r.Group == "" || r.Group == e.Group) && (r.Node == "" || r.Node == e.Node || r.Node == e.From)
}

// EventsResult ends the events.
type EventsResult struct {
	// Last is the newest event of the history, asked for or not: to go on from.
	Last uint64 `json:"last"`
}

// Teller gets one event after the other; missed says that events between the last one, or After, and this one were
// forgotten before they could be told. It fails when nobody listens any more.
type Teller func(e *state.Event, missed bool) error

// stream makes a handler of a method that tells events. It ends with ctx, which is the server's.
func (s *server) stream(ctx context.Context, do func(context.Context, EventsRequest, Teller) (EventsResult, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := s.open(w, r)
		var in EventsRequest
		if !a.read(&in) {
			return
		}
		asked, end := context.WithCancel(a.ctx)
		defer end()
		stop := context.AfterFunc(ctx, end)
		defer stop()
		_ = http.NewResponseController(w).Flush() // that there is nothing to tell yet is an answer
		out, err := do(asked, in, func(e *state.Event, missed bool) error { return a.put(line{Event: e, Missed: missed}) })
		a.finish(out, err)
	}
}

// Events asks for the history; each gets one event after the other.
func (c *Client) Events(ctx context.Context, r EventsRequest, each Teller) (EventsResult, error) {
	var result EventsResult
	err := c.ask(ctx, "events", r, func(l line) (bool, error) {
		if l.Event != nil {
			return false, each(l.Event, l.Missed)
		}
		if l.Result == nil {
			return false, nil
		}
		return true, json.Unmarshal(l.Result, &result)
	})
	return result, err
}
