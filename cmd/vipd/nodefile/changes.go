package nodefile

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Change is a key whose value differs between two node files. The values are as one would write them, on one line;
// empty where there is none.
type Change struct{ Key, Before, After string }

// Changes returns what differs between two node files, in the order of the keys.
func Changes(before, after File) []Change {
	return changes("", reflect.ValueOf(before), reflect.ValueOf(after))
}

func changes(path string, before, after reflect.Value) []Change {
	var found []Change
	for i := range before.NumField() {
		key := path + before.Type().Field(i).Tag.Get("yaml")
		b, a := before.Field(i), after.Field(i)
		switch {
		case b.Kind() == reflect.Struct && keyed(b.Type()):
			found = append(found, changes(key+".", b, a)...)
		case !reflect.DeepEqual(b.Interface(), a.Interface()):
			found = append(found, Change{key, written(b), written(a)})
		}
	}
	return found
}

// keyed reports whether a struct is a mapping of keys, as against a value such as an address.
func keyed(t reflect.Type) bool { return t.NumField() > 0 && t.Field(0).Tag.Get("yaml") != "" }

// written is a value as one would write it.
func written(v reflect.Value) string {
	if v.IsZero() && v.Kind() != reflect.Bool && v.Kind() != reflect.Int {
		return ""
	}
	switch value := v.Interface().(type) {
	case fmt.Stringer:
		return value.String()
	case []Bond:
		names := make([]string, len(value))
		for i, b := range value {
			names[i] = b.Name
		}
		return "[" + strings.Join(names, ", ") + "]"
	}
	var node yaml.Node
	if err := node.Encode(v.Interface()); err != nil {
		return fmt.Sprint(v.Interface())
	}
	node.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&node)
	if err != nil {
		return fmt.Sprint(v.Interface())
	}
	return strings.TrimSpace(string(text))
}

// Take sets one key to what another file says.
func (f *File) Take(key string, from File) {
	to, other := reflect.ValueOf(f).Elem(), reflect.ValueOf(from)
	for name := range strings.SplitSeq(key, ".") {
		for i := range to.NumField() {
			if to.Type().Field(i).Tag.Get("yaml") == name {
				to, other = to.Field(i), other.Field(i)
				break
			}
		}
	}
	to.Set(other)
}
