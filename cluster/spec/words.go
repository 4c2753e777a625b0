package spec

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// words goes through a line of words.
type words struct {
	list []string
	form string
	err  error
}

func (w *words) fail(text string, args ...any) {
	if w.err == nil {
		w.err = conf.Problem{Text: fmt.Sprintf(text, args...), Remedy: w.form}
	}
}

func (w *words) next() string {
	if len(w.list) == 0 {
		return ""
	}
	word := w.list[0]
	w.list = w.list[1:]
	return word
}

// value is the word after one that needs it.
func (w *words) value(of string) string {
	if len(w.list) == 0 {
		w.fail("%s lacks a value", of)
	}
	return w.next()
}

func (w *words) number(of string, bits int) uint32 { return w.parse(w.value(of), of, bits) }

func (w *words) parse(text, of string, bits int) uint32 {
	n, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		w.fail("%s is not a number for %s", quoted(text), of)
	}
	return uint32(n)
}

// mark is a number, of which a mask may say what counts.
func (w *words) mark(of string) (mark, mask uint32) {
	text, maskText, masked := strings.Cut(w.value(of), "/")
	if mark = w.parse(text, of, 32); masked {
		mask = w.parse(maskText, of, 32)
	}
	if mask == 1<<32-1 && mark != 0 { // what no mask means
		mask = 0
	}
	return mark, mask
}

// protocol is a number, or a name that is the same everywhere.
func (w *words) protocol(of string) uint8 {
	text := w.value(of)
	if n, ok := state.Protocols[text]; ok {
		return n
	}
	n := w.parse(text, of, 8)
	if n == 0 {
		w.fail("%s is not a protocol", quoted(text))
	}
	return uint8(n)
}

// span is a number, or two of which the first is not the higher one.
func (w *words) span(of string, bits int) string {
	text := w.value(of)
	from, to, two := strings.Cut(text, "-")
	if !two {
		to = from
	}
	first, last := w.parse(from, of, bits), w.parse(to, of, bits)
	if first > last {
		w.fail("%s is not a range for %s", quoted(text), of)
	}
	return state.Span(first, last)
}

func (w *words) address(of string) netip.Addr {
	text := w.value(of)
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.Is4In6() {
		w.fail("%s is not an address for %s", quoted(text), of)
		return netip.Addr{}
	}
	return ip
}

func (w *words) prefix(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if ip, alone := netip.ParseAddr(text); alone == nil {
		p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	switch {
	case err != nil || p.Addr().Zone() != "" || p.Addr().Is4In6():
		w.fail("%s is not a prefix", quoted(text))
		return netip.Prefix{}
	case p != p.Masked():
		w.fail("%s has bits beyond its length; %s is the network", p, p.Masked())
	}
	return p
}
