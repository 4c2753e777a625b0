package state

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Ticket is what members know of a token that is not the secret: whoever has its key is given the secret.
type Ticket struct {
	ID      string    `json:"id"`   // for people
	Hash    string    `json:"hash"` // of the key
	Made    time.Time `json:"made"` // this and the rest by the leader's clock
	By      string    `json:"by,omitempty"`
	Expires time.Time `json:"expires"`
	Once    bool      `json:"once,omitempty"`
	Used    int       `json:"used,omitempty"` // how often
	Last    string    `json:"last,omitempty"` // the attempt that used it last, a random word
	Revoked bool      `json:"revoked,omitempty"`
}

// Why a ticket is not good. What is said to whoever shows it is no more than this.
var (
	ErrNoTicket      = errors.New("no such token: it was revoked, or is from before the cluster's secret was rotated; make a new one with `vipctl token --ttl 1h --once` on a member")
	ErrTicketUsed    = errors.New("the token was used already; make a new one with `vipctl token --ttl 1h --once` on a member")
	ErrTicketExpired = errors.New("the token has expired, by the clock of the leader; make a new one with `vipctl token --ttl 1h --once` on a member")
)

const (
	maxTickets = 100
	// ticketKept is for how long after its end a ticket is known, so that whoever shows it is told what is wrong.
	ticketKept = 24 * time.Hour
	// MaxTicketTTL is for how long a ticket may be good.
	MaxTicketTTL = 365 * 24 * time.Hour
	maxTicketID  = 64
)

// SetTicket makes a ticket, uses one or revokes one: exactly one of these.
type SetTicket struct {
	Make   *MakeTicket `json:"make,omitempty"`
	Use    *UseTicket  `json:"use,omitempty"`
	Revoke string      `json:"revoke,omitempty"` // ID
}

// MakeTicket makes a ticket.
type MakeTicket struct {
	ID   string        `json:"id"`
	Hash string        `json:"hash"`
	TTL  time.Duration `json:"ttl"`
	Once bool          `json:"once,omitempty"`
}

// UseTicket uses a ticket. The same attempt may come twice.
type UseTicket struct {
	Hash    string `json:"hash"`
	Attempt string `json:"attempt"`
	Node    string `json:"node"` // who says that it has the ticket
}

// TicketVersion is the first version of commands with SetTicket.
const TicketVersion = 8

func (c *change) setTicket(t SetTicket, by string) error {
	switch {
	case t.Make != nil:
		return c.makeTicket(*t.Make, by)
	case t.Use != nil:
		return c.useTicket(*t.Use)
	}
	for i, known := range c.Trust.Tickets {
		if known.ID == t.Revoke && !known.Revoked {
			c.Trust.Tickets = slices.Clone(c.Trust.Tickets)
			c.Trust.Tickets[i].Revoked = true
			c.record(Event{Kind: Ticketed, Reason: "token " + t.Revoke + " revoked"})
		}
	}
	return nil
}

func (c *change) makeTicket(m MakeTicket, by string) error {
	if m.ID == "" || m.Hash == "" || len(m.ID) > maxTicketID || len(m.Hash) > maxTicketID || m.TTL <= 0 || m.TTL > MaxTicketTTL {
		return fmt.Errorf("%w token: it has to be good for up to %v", ErrInvalid, MaxTicketTTL)
	}
	if slices.ContainsFunc(c.Trust.Tickets, func(t Ticket) bool { return t.ID == m.ID }) {
		return nil // the command came twice
	}
	kept := slices.DeleteFunc(slices.Clone(c.Trust.Tickets), func(t Ticket) bool { return c.at.Sub(t.Expires) > ticketKept })
	if len(kept) >= maxTickets {
		return fmt.Errorf("%w token: there are %d already; `vipctl token list` shows them", ErrInvalid, len(kept))
	}
	c.Trust.Tickets = append(kept, Ticket{ID: m.ID, Hash: m.Hash, Made: c.at, By: by, Expires: c.at.Add(m.TTL), Once: m.Once})
	how := "for any number of nodes"
	if m.Once {
		how = "for one node"
	}
	c.record(Event{Kind: Ticketed, Duration: m.TTL, Reason: "token " + m.ID + " made, " + how})
	return nil
}

func (c *change) useTicket(u UseTicket) error {
	i := slices.IndexFunc(c.Trust.Tickets, func(t Ticket) bool { return t.Hash == u.Hash })
	if i < 0 || u.Attempt == "" || len(u.Attempt) > maxTicketID {
		return ErrNoTicket
	}
	t := c.Trust.Tickets[i]
	switch err := t.Good(c.at); {
	case t.Used > 0 && t.Last == u.Attempt && !t.Revoked:
		return nil
	case err != nil:
		return err
	}
	t.Used++
	t.Last = u.Attempt
	c.Trust.Tickets = slices.Clone(c.Trust.Tickets)
	c.Trust.Tickets[i] = t
	c.record(Event{Kind: Ticketed, Node: u.Node, Reason: "asks to join by token " + t.ID})
	return nil
}

// Good says why a ticket is not good at a time, if it is not.
func (t Ticket) Good(now time.Time) error {
	switch {
	case t.Revoked:
		return ErrNoTicket
	case t.Once && t.Used > 0:
		return ErrTicketUsed
	case !now.Before(t.Expires):
		return ErrTicketExpired
	}
	return nil
}

// IsSpent reports whether a ticket was used up by another attempt.
func (s *State) IsSpent(hash, attempt string) bool {
	return slices.ContainsFunc(s.Trust.Tickets, func(t Ticket) bool {
		return t.Hash == hash && t.Once && t.Used > 0 && t.Last != attempt
	})
}

// HasTicket reports whether a ticket is known, good or not.
func (s *State) HasTicket(hash string) bool {
	return slices.ContainsFunc(s.Trust.Tickets, func(t Ticket) bool { return t.Hash == hash })
}
