package conf

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (w *walker) structure(n *yaml.Node, path string, v reflect.Value) {
	names := fieldNames(v.Type())
	w.pairs(n, path, func(key, value *yaml.Node) {
		for i, name := range names {
			if name == key.Value {
				w.value(value, Join(path, name), valuePosition(key, value), v.Field(i))
				return
			}
		}
		w.unknown(key, path, names)
	})
}

func (w *walker) mapping(n *yaml.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	w.pairs(n, path, func(key, value *yaml.Node) {
		elem := reflect.New(v.Type().Elem()).Elem()
		w.value(value, Join(path, key.Value), valuePosition(key, value), elem)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), elem)
	})
}

// pairs calls f for each key of a mapping that is text and appears for the first time.
func (w *walker) pairs(n *yaml.Node, path string, f func(key, value *yaml.Node)) {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		problem := Problem{Line: key.Line, Column: key.Column}
		switch first, again := lines[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!null":
			problem.Key, problem.Text, problem.Remedy = path, "a key is not text", "write `key: value`"
			w.doc.add(problem)
		case again:
			problem.Key = Join(path, key.Value)
			problem.Text, problem.Remedy = fmt.Sprintf("is also on line %d", first), "keep one of them"
			w.doc.add(problem)
		default:
			lines[key.Value] = key.Line
			f(key, value)
		}
	}
}

// valuePosition is where a single value begins, or the key above a list or mapping.
func valuePosition(key, value *yaml.Node) Position {
	if value.Kind == yaml.ScalarNode && value.Tag != "!!null" {
		return Position{value.Line, value.Column}
	}
	return Position{key.Line, key.Column}
}

func (w *walker) unknown(key *yaml.Node, path string, names []string) {
	remedy := "known keys: " + strings.Join(names, ", ")
	name := nearest(key.Value, names)
	switch {
	case key.Value == "<<":
		remedy = "vipd does not merge mappings: write the keys out"
	case name != "":
		remedy = fmt.Sprintf("did you mean `%s`? %s", name, remedy)
		// What is missing for this mistake need not be reported too.
		w.doc.fail(Join(path, name))
	}
	w.doc.add(Problem{Line: key.Line, Column: key.Column, Key: Join(path, key.Value), Text: "unknown key", Remedy: remedy})
}

// fieldNames returns the keys of a struct, by index of the field.
func fieldNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	}
	return names
}

// nearest returns the name that was probably meant, or "".
func nearest(key string, names []string) string {
	best, distance := "", 3
	for _, name := range names {
		if d := editDistance(strings.ToLower(key), name); d < distance && d < len(name)-1 {
			best, distance = name, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions and substitutions between two words (Levenshtein), and
// gives up on long ones.
func editDistance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
