package state

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Trust is what is public of the cluster's secret, and of the keys that let others ask for it.
type Trust struct {
	// Current is the secret's fingerprint; empty before it was rotated for the first time.
	Current  string         `json:"current,omitempty"`
	Former   []FormerSecret `json:"former,omitempty"` // the oldest first
	Rotation *Rotation      `json:"rotation,omitempty"`
	Tickets  []Ticket       `json:"tickets,omitempty"`
}

// FormerSecret is what is public of a secret that the cluster had: nobody gets in by it.
type FormerSecret struct {
	Key  []byte    `json:"key"`  // public, of its authority
	Link []byte    `json:"link"` // the certificate by which that names the next
	At   time.Time `json:"at"`   // when it was given up
}

// formerKept is how many former secrets are remembered: nodes that missed more rotations look like strangers.
const formerKept = 4

// Phase is how far a rotation of the secret is.
type Phase string

// The phases, in their order.
const (
	Offer Phase = "offer" // each node stores the next secret, and accepts it
	Use   Phase = "use"   // each node uses the next secret, and accepts the one before
	Ended Phase = "ended" // the one before is good for nothing; the state has no rotation then
)

// Rotation is a change of the cluster's secret. The secrets themselves are never in the state.
type Rotation struct {
	Phase Phase  `json:"phase"`
	Next  string `json:"next"` // fingerprint of the secret to come
	// Key is public, of the authority of the secret that is given up; by Link it names the next one.
	Key  []byte `json:"key"`
	Link []byte `json:"link"`
	// Without are nodes that an operator does not wait for while they are off.
	Without []string  `json:"without,omitempty"`
	Since   time.Time `json:"since"`
	By      string    `json:"by,omitempty"` // as Command.By
}

// Rotate takes a rotation to a phase; to Offer begins one, or says whom not to wait for.
type Rotate struct {
	To   Phase  `json:"to"`
	Next string `json:"next"`
	// Instead is the secret in whose place Next is offered: the only node that had it is gone.
	Instead string   `json:"instead,omitempty"`
	Key     []byte   `json:"key,omitempty"`
	Link    []byte   `json:"link,omitempty"`
	Without []string `json:"without,omitempty"`
	// Ready are the members that have the next secret on their disks, or are not waited for.
	Ready []string `json:"ready,omitempty"`
	// Abort gives up the rotation to Next, which nobody uses yet; To says nothing then. It is of AbortVersion.
	Abort bool `json:"abort,omitempty"`
}

// RotateVersion is the first version of commands with Rotate.
const RotateVersion = 7

const (
	maxSecretName = 64
	maxLink       = 4096
)

func (c *change) rotate(r Rotate, by string) error {
	if r.Next == "" || len(r.Next) > maxSecretName || len(r.Link) > maxLink {
		return fmt.Errorf("%w rotation of the secret", ErrInvalid)
	}
	switch now := c.Trust.Rotation; {
	case r.Abort:
		return c.abortRotation(r.Next)
	case now == nil && r.Instead != "" && c.InUse() >= AbortVersion:
		return fmt.Errorf("%w: the rotation of the secret was given up", ErrInvalid)
	case r.To == Offer && (now == nil || r.Instead != ""):
		return c.offer(r, by)
	case now == nil && c.Trust.Current == r.Next:
		return nil // the command came twice
	case now == nil || now.Next != r.Next:
		return fmt.Errorf("%w: another rotation of the secret is under way, or none", ErrInvalid)
	case r.To == Offer:
		next := *now
		next.Without = slices.Compact(slices.Sorted(slices.Values(slices.Concat(now.Without, r.Without))))
		c.Trust.Rotation = &next
	case r.To == Use && now.Phase == Offer:
		return c.useSecret(r)
	case r.To == Ended && now.Phase == Use:
		c.endRotation()
	}
	return nil
}

// offer begins a rotation, or begins one again with another secret.
func (c *change) offer(r Rotate, by string) error {
	if len(r.Key) != ed25519.PublicKeySize || len(r.Link) == 0 {
		return fmt.Errorf("%w rotation of the secret: it does not say which one is given up", ErrInvalid)
	}
	for _, name := range r.Without {
		if c.Nodes[name] == nil {
			return fmt.Errorf("rotate the secret without %s: %w", name, ErrUnknownNode)
		}
	}
	next := Rotation{Phase: Offer, Next: r.Next, Key: r.Key, Link: r.Link, Without: r.Without, Since: c.at, By: by}
	if now := c.Trust.Rotation; now != nil {
		if now.Phase != Offer || now.Next != r.Instead {
			return fmt.Errorf("%w: another rotation of the secret is under way", ErrInvalid)
		}
		next.Without, next.Since, next.By = now.Without, now.Since, now.By
	} else {
		if c.Trust.Current != "" && c.Trust.Current != fingerprintOf(r.Key) {
			return fmt.Errorf("%w rotation of the secret: it would give up one that is not in force", ErrInvalid)
		}
		c.record(Event{Kind: Rotated, Reason: "a rotation begins"})
	}
	c.Trust.Rotation = &next
	return nil
}

// useSecret goes on only if every member can: one may have joined since this was decided.
func (c *change) useSecret(r Rotate) error {
	for _, name := range slices.Sorted(maps.Keys(c.Nodes)) {
		if !slices.Contains(r.Ready, name) {
			return fmt.Errorf("%w: %s does not have the next secret yet", ErrInvalid, name)
		}
	}
	next := *c.Trust.Rotation
	next.Phase = Use
	c.Trust.Rotation = &next
	return nil
}

// ErrRotating is returned for what comes too late to stop a rotation.
var ErrRotating = errors.New("nodes use the next secret already, so the rotation cannot be given up; it goes on by itself")

// abortRotation gives up a rotation while nobody uses the next secret.
func (c *change) abortRotation(next string) error {
	switch now := c.Trust.Rotation; {
	case now != nil && now.Next == next && now.Phase == Use, c.Trust.Current == next:
		return ErrRotating
	case now != nil && now.Next == next:
		c.Trust.Rotation = nil
		c.record(Event{Kind: Rotated, Reason: "the rotation is given up, and the secret stays"})
	}
	return nil
}

func (c *change) endRotation() {
	now := c.Trust.Rotation
	former := append(slices.Clone(c.Trust.Former), FormerSecret{Key: now.Key, Link: now.Link, At: c.at})
	c.Trust.Former = former[max(0, len(former)-formerKept):]
	c.Trust.Current, c.Trust.Rotation = now.Next, nil
	c.Trust.Tickets = nil // by whom members are known is in them
	c.by = ParseWho(now.By)
	c.record(Event{Kind: Rotated, Reason: "the former one is good for nothing any more"})
}

// fingerprintOf is how a secret is called, by the public key of its authority.
func fingerprintOf(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:16])
}
