// Package wire is how nodes write what they say to each other in datagrams. Each starts with the version
// of this format and its kind; numbers are unsigned varints, strings and lists have their length in front.
package wire

import (
	"errors"
	"fmt"

	"vipd/cluster/lease"
)

// Version is the first byte of each datagram.
const Version = 1

// MaxDatagram bounds what is sent as one datagram, in bytes: what UDP carries, less what gossip adds.
const MaxDatagram = 60_000

// Errors of Parse.
var (
	ErrVersion   = errors.New("datagram of another version")
	ErrKind      = errors.New("datagram of an unknown kind")
	ErrTruncated = errors.New("datagram ends early")
	ErrTrailing  = errors.New("datagram goes on after its end")
	ErrValue     = errors.New("datagram has an impossible value")
)

// Message is what a datagram says: a Renewal, Grant, Refusal or Withdrawal of the lease, or one of this
// package's own.
type Message any

// Released tells the next holders that a node has let go of what these debts name.
type Released struct {
	Node    string
	Epoch   uint64
	Serials []uint64
}

// Committed tells a member of a commit before Raft does.
type Committed struct {
	Prev, Index uint64
	Command     []byte   // encoded; empty for a voter configuration
	Voters      []string // of the configuration
}

// Campaign asks a voter to stand for election: the leader gives up.
type Campaign struct{ Leader string }

// Report is a node's account of its own health, encoded by who makes it.
type Report struct {
	Node       string
	Epoch, Seq uint64
	Body       []byte
}

const (
	kindRenewal byte = iota + 1
	kindGrant
	kindRefusal
	kindWithdrawal
	kindReleased
	kindCommitted
	kindCampaign
	kindReport
)

// Marshal encodes a message. It panics on a type that is not a message: that is a programmer's error.
func Marshal(m Message) []byte {
	w := writer{Version}
	switch m := m.(type) {
	case lease.Renewal:
		w.kind(kindRenewal).text(m.Member).number(m.Epoch).number(m.Seq).duration(m.Lease).number(m.Voters)
	case lease.Grant:
		w.kind(kindGrant).text(m.Member).number(m.Epoch).number(m.Seq).text(m.Voter)
	case lease.Refusal:
		w.kind(kindRefusal).text(m.Member).number(m.Epoch).number(m.Seq).text(m.Voter).number(uint64(m.Reason))
	case lease.Withdrawal:
		w.kind(kindWithdrawal).text(m.Member).number(m.Epoch).text(m.Voter).number(m.LastTerm).number(m.LastIndex)
	case Released:
		w.kind(kindReleased).text(m.Node).number(m.Epoch).numbers(m.Serials)
	case Committed:
		w.kind(kindCommitted).number(m.Prev).number(m.Index).bytes(m.Command).texts(m.Voters)
	case Campaign:
		w.kind(kindCampaign).text(m.Leader)
	case Report:
		w.kind(kindReport).text(m.Node).number(m.Epoch).number(m.Seq).bytes(m.Body)
	default:
		panic(fmt.Sprintf("wire: %T is not a message", m))
	}
	return w
}

// Parse decodes a datagram. The message shares no memory with it.
func Parse(data []byte) (Message, error) {
	if len(data) < 2 {
		return nil, ErrTruncated
	}
	if data[0] != Version {
		return nil, fmt.Errorf("%w: %d; this vipd speaks %d", ErrVersion, data[0], Version)
	}
	r := &reader{rest: data[2:]}
	m := r.message(data[1])
	switch {
	case m == nil:
		return nil, fmt.Errorf("%w: %d", ErrKind, data[1])
	case r.err != nil:
		return nil, r.err
	case len(r.rest) > 0:
		return nil, ErrTrailing
	}
	return m, nil
}

func (r *reader) message(kind byte) Message {
	switch kind {
	case kindRenewal:
		return lease.Renewal{Member: r.text(), Epoch: r.number(), Seq: r.number(), Lease: r.duration(), Voters: r.number()}
	case kindGrant:
		return lease.Grant{Member: r.text(), Epoch: r.number(), Seq: r.number(), Voter: r.text()}
	case kindRefusal:
		return lease.Refusal{Member: r.text(), Epoch: r.number(), Seq: r.number(), Voter: r.text(), Reason: lease.RefusalReason(r.small())}
	case kindWithdrawal:
		return lease.Withdrawal{Member: r.text(), Epoch: r.number(), Voter: r.text(), LastTerm: r.number(), LastIndex: r.number()}
	case kindReleased:
		return Released{Node: r.text(), Epoch: r.number(), Serials: r.numbers()}
	case kindCommitted:
		return Committed{Prev: r.number(), Index: r.number(), Command: r.bytes(), Voters: r.texts()}
	case kindCampaign:
		return Campaign{Leader: r.text()}
	case kindReport:
		return Report{Node: r.text(), Epoch: r.number(), Seq: r.number(), Body: r.bytes()}
	}
	return nil
}
