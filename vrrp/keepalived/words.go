package keepalived

import (
	"strconv"
	"strings"
)

// splitWords splits at white space. Quotes join, also in the middle of a word, and disappear; in them a
// backslash escapes as in a shell's $'...'. Unquoted braces are words of their own, unless they belong to an
// undefined ${NAME}. The error is why keepalived cannot read the line.
func splitWords(s string) (words []word, err string) {
	w := wordSplitter{s: s}
	for w.i < len(s) {
		if !w.next() {
			return nil, "unterminated quote"
		}
	}
	w.end()
	return w.words, ""
}

// word is a word and whether it is a brace that opens or closes a block, not one in quotes.
type word struct {
	text  string
	brace bool
}

type wordSplitter struct {
	s     string
	i     int
	words []word
	cur   strings.Builder
	open  bool // cur is a word, maybe an empty one in quotes
}

func (w *wordSplitter) end() {
	if w.open {
		w.words = append(w.words, word{text: w.cur.String()})
	}
	w.cur.Reset()
	w.open = false
}

// next takes the next byte or quoted string; false if a quote is not closed.
func (w *wordSplitter) next() bool {
	switch c := w.s[w.i]; {
	case c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f':
		w.end()
		w.i++
	case c == '"' || c == '\'':
		return w.quoted(c)
	case c == '$' && strings.HasPrefix(w.s[w.i:], "${") && strings.Contains(w.s[w.i:], "}"):
		n := strings.IndexByte(w.s[w.i:], '}') + 1
		w.add(w.s[w.i : w.i+n])
		w.i += n
	case c == '{' || c == '}':
		w.end()
		w.words = append(w.words, word{string(c), true})
		w.i++
	default:
		w.add(w.s[w.i : w.i+1])
		w.i++
	}
	return true
}

func (w *wordSplitter) add(s string) {
	w.cur.WriteString(s)
	w.open = true
}

func (w *wordSplitter) quoted(quote byte) bool {
	w.open = true
	for w.i++; w.i < len(w.s); w.i++ {
		switch c := w.s[w.i]; {
		case c == quote:
			w.i++
			return true
		case c == '\\' && w.i+1 < len(w.s):
			s, n := unescape(w.s[w.i+1:])
			w.cur.WriteString(s)
			w.i += n
		default:
			w.cur.WriteByte(c)
		}
	}
	return false
}

// escapes are the single letters with a meaning.
var escapes = map[byte]string{'a': "\a", 'b': "\b", 'E': "\x1b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

// unescape decodes what follows a backslash and says how long it is.
func unescape(s string) (string, int) {
	if e, ok := escapes[s[0]]; ok {
		return e, 1
	}
	if s[0] == 'x' {
		if n := span(s[1:], "0123456789abcdefABCDEF", 2); n > 0 {
			return number(s[1:1+n], 16), 1 + n
		}
	}
	if n := span(s, "01234567", 3); n > 0 {
		return number(s[:n], 8), n
	}
	if s[0] == 'c' && len(s) > 1 {
		return string([]byte{s[1] & 0x1f}), 2
	}
	return s[:1], 1
}

// span is how many of the first limit bytes are in set.
func span(s, set string, limit int) int {
	n := 0
	for n < len(s) && n < limit && strings.IndexByte(set, s[n]) >= 0 {
		n++
	}
	return n
}

func number(digits string, base int) string {
	v, _ := strconv.ParseUint(digits, base, 16) // span allowed only digits
	return string([]byte{byte(v)})
}
