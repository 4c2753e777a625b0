package wire

import (
	"encoding/binary"
	"math"
	"time"
)

// writer appends; its methods chain.
type writer []byte

func (w *writer) kind(k byte) *writer {
	*w = append(*w, k)
	return w
}

func (w *writer) number(n uint64) *writer {
	*w = binary.AppendUvarint(*w, n)
	return w
}

func (w *writer) duration(d time.Duration) *writer { return w.number(uint64(max(d, 0))) }

func (w *writer) text(s string) *writer {
	w.number(uint64(len(s)))
	*w = append(*w, s...)
	return w
}

func (w *writer) bytes(b []byte) *writer { return w.text(string(b)) }

func (w *writer) numbers(ns []uint64) *writer {
	w.number(uint64(len(ns)))
	for _, n := range ns {
		w.number(n)
	}
	return w
}

func (w *writer) texts(ss []string) *writer {
	w.number(uint64(len(ss)))
	for _, s := range ss {
		w.text(s)
	}
	return w
}

// reader takes values off the front. After the first error all it returns is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) number() uint64 {
	if r.err != nil {
		return 0
	}
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.err = ErrTruncated
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) small() uint8 {
	n := r.number()
	if n > math.MaxUint8 {
		r.err = ErrValue
	}
	return uint8(n)
}

func (r *reader) duration() time.Duration {
	n := r.number()
	if n > math.MaxInt64 {
		r.err = ErrValue
		return 0
	}
	return time.Duration(n)
}

// length reads a length that what is left could hold, an element being at least one byte.
func (r *reader) length() int {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.err = ErrTruncated
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.length()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) bytes() []byte {
	if s := r.text(); s != "" {
		return []byte(s)
	}
	return nil
}

func (r *reader) numbers() []uint64 {
	var ns []uint64
	for n := r.length(); n > 0 && r.err == nil; n-- {
		ns = append(ns, r.number())
	}
	return ns
}

func (r *reader) texts() []string {
	var ss []string
	for n := r.length(); n > 0 && r.err == nil; n-- {
		ss = append(ss, r.text())
	}
	return ss
}
