package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// op is one write of Raft's: it sets key, or stores logs, or deletes the entries from first to last. Ops that were
// carried out once may be carried out again from the first of them on, with the same result.
type op struct {
	key, value  []byte
	logs        []*raft.Log
	first, last uint64
}

// What an op begins with.
const (
	opSet byte = 1 + iota
	opStore
	opDelete
)

func (o op) marshal() []byte {
	switch {
	case o.key != nil:
		return append(appendBytes([]byte{opSet}, o.key), o.value...)
	case o.logs != nil:
		b := []byte{opStore}
		for _, l := range o.logs {
			b = appendLog(b, l)
		}
		return b
	}
	return binary.AppendUvarint(binary.AppendUvarint([]byte{opDelete}, o.first), o.last)
}

func appendBytes(b, s []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }

func appendLog(b []byte, l *raft.Log) []byte {
	b = binary.AppendUvarint(b, l.Index)
	b = binary.AppendUvarint(b, l.Term)
	b = append(b, byte(l.Type))
	at := uint64(0)
	if !l.AppendedAt.IsZero() {
		at = uint64(l.AppendedAt.UnixNano())
	}
	b = binary.AppendUvarint(b, at)
	return appendBytes(appendBytes(b, l.Data), l.Extensions)
}

var errShort = errors.New("an operation ends too early")

// opReader takes an op apart. After the first error all it reads is zero.
type opReader struct {
	rest []byte
	err  error
}

func (r *opReader) fail() {
	r.rest, r.err = nil, errShort
}

func (r *opReader) byte() (b byte) {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b, r.rest = r.rest[0], r.rest[1:]
	return b
}

func (r *opReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *opReader) bytes() (s []byte) {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	if n > 0 {
		s, r.rest = r.rest[:n:n], r.rest[n:]
	}
	return s
}

func (r *opReader) log() *raft.Log {
	l := &raft.Log{Index: r.uvarint(), Term: r.uvarint(), Type: raft.LogType(r.byte())}
	if at := r.uvarint(); at != 0 {
		l.AppendedAt = time.Unix(0, int64(at))
	}
	l.Data, l.Extensions = r.bytes(), r.bytes()
	return l
}

// marshalOps makes a record's payload: ops, each after its length.
func marshalOps(ops []op) (payload []byte) {
	for _, o := range ops {
		payload = appendBytes(payload, o.marshal())
	}
	return payload
}

func parseOps(payload []byte) (ops []op, err error) {
	for r := (&opReader{rest: payload}); len(r.rest) > 0; {
		b := r.bytes()
		if r.err != nil {
			return nil, r.err
		}
		o, err := parseOp(b)
		if err != nil {
			return nil, err
		}
		ops = append(ops, o)
	}
	return ops, nil
}

// parseOp keeps parts of b.
func parseOp(b []byte) (o op, err error) {
	r := &opReader{rest: b}
	switch kind := r.byte(); kind {
	case opSet:
		o.key = r.bytes()
		o.value, r.rest = r.rest, nil
		if r.err == nil && len(o.key) == 0 {
			r.err = errors.New("an operation sets nothing")
		}
	case opStore:
		for len(r.rest) > 0 {
			o.logs = append(o.logs, r.log())
		}
	case opDelete:
		o.first, o.last = r.uvarint(), r.uvarint()
	default:
		return op{}, fmt.Errorf("operation of unknown kind %d", kind)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = errors.New("something follows an operation")
	}
	return o, r.err
}
