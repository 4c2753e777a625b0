// Package conf reads configuration written in YAML strictly: every key must be known and appear once, and
// every value must have the type it should. What is wrong is reported all at once, with line, key and
// remedy, and the rules that follow can report more at the same places.
package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds on a file, so that none can occupy the machine. The largest specification takes less than half.
const (
	maxBytes = 4 << 20
	// maxValues counts a value each time it is used through an alias.
	maxValues = 500_000
)

// Decode reads the one YAML document in data into the struct that v points to, and returns what is
// known about the file. Keys are the yaml tags of the struct's fields; a key that is absent leaves its
// field as it was, so v may hold defaults. Fields may be structs, slices, maps with string keys,
// pointers, strings, bools, ints, and types that implement Scalar.
//
// The problems found are in the document: v is complete only if its Err is nil. file is only a name.
func Decode(file string, data []byte, v any) *Document {
	d := &Document{File: file, positions: map[string]Position{}}
	root := d.parse(data)
	if root == nil {
		return d
	}
	w := walker{doc: d, left: maxValues}
	w.value(root, "", Position{root.Line, root.Column}, reflect.ValueOf(v).Elem())
	return d
}

// parse returns the content of the only document, or nil if there is none or it is no YAML.
func (d *Document) parse(data []byte) *yaml.Node {
	if len(data) > maxBytes {
		d.add(Problem{Text: fmt.Sprintf("the file has %d bytes", len(data)), Remedy: fmt.Sprintf("keep it within %d", maxBytes)})
		return nil
	}
	if line, ok := badText(data); ok {
		d.add(Problem{Line: line, Text: "this line is not UTF-8 text", Remedy: "save the file as UTF-8"})
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := dec.Decode(&first)
	if err == nil {
		err = dec.Decode(&second)
	}
	switch {
	case err == nil:
		d.add(Problem{Line: second.Line, Text: "a second document begins here", Remedy: "remove the `---` line, or put the rest into a file of its own"})
		return nil
	case !errors.Is(err, io.EOF):
		d.add(syntaxProblem(data, err))
		return nil
	case isBlank(&first):
		d.Empty = true
		return nil
	}
	return first.Content[0]
}

// isBlank reports whether a document is missing or has no content but `---`.
func isBlank(doc *yaml.Node) bool {
	c := doc.Content
	return len(c) == 0 || c[0].Kind == yaml.ScalarNode && c[0].Tag == "!!null" && c[0].Value == ""
}

func badText(data []byte) (line int, bad bool) {
	for i, text := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
			return i + 1, true
		}
	}
	return 0, false
}

var errorLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// syntaxProblem says what the YAML parser stumbled over. The parser's lines are those where it
// noticed; a tab, its most frequent cause, is searched for.
func syntaxProblem(data []byte, err error) Problem {
	m := errorLine.FindStringSubmatch(err.Error())
	line, convErr := strconv.Atoi(m[1])
	if convErr != nil {
		line = 1
	}
	for i, text := range strings.Split(string(data), "\n") {
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if strings.Contains(indent, "\t") && strings.TrimSpace(text) != "" {
			return Problem{Line: i + 1, Text: "a tab indents this line", Remedy: "YAML wants spaces"}
		}
	}
	text := strings.TrimPrefix(err.Error(), m[0])
	for _, s := range syntax {
		if strings.Contains(text, s.parser) {
			return Problem{Line: line, Text: s.text, Remedy: s.remedy}
		}
	}
	return Problem{Line: line, Text: "this is no YAML", Remedy: text}
}

// syntax puts the parser's frequent complaints in terms of what was typed.
var syntax = []struct{ parser, text, remedy string }{
	{"mapping values are not allowed", "a `:` stands where no key can be", "check the indentation, and put a value that contains `: ` in quotes"},
	{"found character that cannot start any token", "a value begins with a character that YAML reserves", "put the value in quotes"},
	{"could not find expected ':'", "a key has no `:` behind it", "write `key: value`"},
	{"did not find expected ',' or ']'", "a list in brackets is not closed", "write `[a, b]`"},
	{"did not find expected ',' or '}'", "a mapping in braces is not closed", "write `{key: value}`"},
	{"did not find expected key", "this is not a key of the mapping around it", "give it the same indentation as its neighbours"},
	{"did not find expected '-' indicator", "this is not an element of the list around it", "begin it with `- ` at the same indentation as its neighbours"},
	{"found unexpected end of stream", "a quote is opened and not closed", "close it"},
	{"unknown anchor", "an alias names an anchor that does not exist", "write `&name` in front of the value it should repeat, above this line"},
}
