package state

import "time"

// Pause keeps groups where they are, by an operator's wish. What still happens then says placement.
type Pause struct {
	Since  time.Time `json:"since"`
	By     string    `json:"by,omitempty"` // who wanted it, or the node that was told
	Reason string    `json:"reason,omitempty"`
	// Until is when the leader ends it, by its wall clock: no promise depends on that. Zero: an operator does.
	Until time.Time `json:"until,omitzero"`
}

// Over reports whether a pause should have ended.
func (p *Pause) Over(now time.Time) bool {
	return p != nil && !p.Until.IsZero() && !now.Before(p.Until)
}

// SetPause begins a pause, changes one, or ends it.
type SetPause struct {
	On     bool          `json:"on"`
	Reason string        `json:"reason,omitempty"`
	For    time.Duration `json:"for,omitempty"` // 0: until it is ended
}

func (c *change) setPause(p SetPause, by string) {
	if !p.On {
		if c.Paused != nil {
			c.record(Event{Kind: Resumed})
		}
		c.Paused = nil
		return
	}
	next := Pause{Since: c.at, By: by, Reason: p.Reason}
	if c.Paused != nil {
		next.Since = c.Paused.Since
	}
	if p.For > 0 {
		next.Until = c.at.Add(p.For)
	}
	if who := ParseWho(by); who != nil {
		next.By = who.String()
	}
	c.record(Event{Kind: PausedAll, Duration: p.For, Reason: p.Reason})
	c.Paused = &next
}
