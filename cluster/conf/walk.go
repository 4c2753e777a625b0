package conf

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Scalar is implemented, with a pointer receiver, by types that read themselves from text. A struct that
// implements it may be written as text or as a mapping. The error may be a Problem with Text and Remedy.
type Scalar interface {
	ParseScalar(text string) error
}

// walker carries a parsed document into Go values.
type walker struct {
	doc  *Document
	left int // values that may still be visited
}

// value reads n, written at pos, into v. Types do not recurse, so neither does value without end.
func (w *walker) value(n *yaml.Node, path string, pos Position, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	w.doc.positions[path] = pos
	if w.left--; w.left < 0 {
		if w.left == -1 {
			w.doc.add(Problem{Line: pos.Line, Text: fmt.Sprintf("the file has more than %d values", maxValues), Remedy: "use fewer aliases"})
		}
		return
	}
	scalar, isScalar := v.Addr().Interface().(Scalar)
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		w.refuse(path, "has the tag "+n.Tag, "remove the tag")
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		w.refuse(path, "has no value", "give it one or remove the line")
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		w.value(n, path, pos, v.Elem())
	case isScalar && n.Kind == yaml.ScalarNode:
		w.scalar(n, path, scalar)
	case isScalar && v.Kind() != reflect.Struct:
		w.refuse(path, describe(n)+" cannot stand here", "write a single value")
	default:
		w.plain(n, path, v)
	}
}

// plain reads n into a value of one of Go's own kinds.
func (w *walker) plain(n *yaml.Node, path string, v reflect.Value) {
	want := kinds[v.Kind()]
	if want.node == 0 {
		panic(fmt.Sprintf("conf: %s has type %s, which Decode does not know", path, v.Type()))
	}
	if n.Kind != want.node || n.Kind == yaml.ScalarNode && n.Tag != want.tag {
		w.mismatch(n, path, v, want)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		w.structure(n, path, v)
	case reflect.Map:
		w.mapping(n, path, v)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			w.value(item, fmt.Sprintf("%s[%d]", path, i), Position{item.Line, item.Column}, v.Index(i))
		}
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Bool:
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			w.mismatch(n, path, v, want)
			return
		}
		v.SetInt(int64(i))
	}
}

// kind is how a value of one of Go's kinds is written.
type kind struct {
	node         yaml.Kind
	tag          string
	name, remedy string
}

var kinds = map[reflect.Kind]kind{
	reflect.Struct: {yaml.MappingNode, "", "a mapping", "write it as `key: value`"},
	reflect.Map:    {yaml.MappingNode, "", "a mapping", "write it as `key: value`"},
	reflect.Slice:  {yaml.SequenceNode, "", "a list", "begin each element with `- ` on a line of its own, or write [a, b]"},
	reflect.String: {yaml.ScalarNode, "!!str", "text", "write a single value"},
	reflect.Bool:   {yaml.ScalarNode, "!!bool", "true or false", "write true or false"},
	reflect.Int:    {yaml.ScalarNode, "!!int", "a whole number", "write decimal digits"},
}

func (w *walker) mismatch(n *yaml.Node, path string, v reflect.Value, want kind) {
	remedy := want.remedy
	switch {
	case v.Kind() == reflect.String && n.Kind == yaml.ScalarNode:
		remedy = fmt.Sprintf("put it in quotes: %q", Short(n.Value))
	case v.Kind() == reflect.Struct:
		remedy += "; known keys: " + strings.Join(fieldNames(v.Type()), ", ")
	}
	w.refuse(path, fmt.Sprintf("%s is not %s", describe(n), want.name), remedy)
}

// describe names a value as it was written.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return strconv.Quote(Short(n.Value))
	}
	return "`" + Short(n.Value) + "`"
}

// Short cuts a text that is quoted in a message.
func Short(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

func (w *walker) scalar(n *yaml.Node, path string, s Scalar) {
	err := s.ParseScalar(n.Value)
	if err == nil {
		return
	}
	var p Problem
	if !errors.As(err, &p) {
		p.Text = err.Error()
	}
	w.refuse(path, p.Text, p.Remedy)
}

func (w *walker) refuse(path, text, remedy string) {
	pos := w.doc.positions[path]
	w.doc.add(Problem{Line: pos.Line, Column: pos.Column, Key: path, Text: text, Remedy: remedy})
}
