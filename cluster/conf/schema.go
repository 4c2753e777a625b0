package conf

import (
	"fmt"
	"reflect"
	"time"
)

// Schema describes what Decode takes for a value, as JSON Schema (draft 2020-12), for editors. It says what keys and
// types there are, and what Bound adds; rules beyond that are the program's own.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or several
	OneOf       []*Schema          `json:"oneOf,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or what each value is
	Enum        []any              `json:"enum,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	MaxLength   *int               `json:"maxLength,omitempty"`
	Default     any                `json:"default,omitempty"`

	// Order is that of the properties, as in the code.
	Order []string `json:"-"`
}

// dialect is the edition of JSON Schema.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// SchemaOf returns the schema of a file that is decoded into v.
func SchemaOf(title string, v any) *Schema {
	s := schemaOf(reflect.TypeOf(v))
	s.Dialect, s.Title = dialect, title
	return s
}

var scalarType = reflect.TypeFor[Scalar]()

func schemaOf(t reflect.Type) *Schema {
	if t.Kind() == reflect.Pointer {
		return schemaOf(t.Elem())
	}
	scalar := reflect.PointerTo(t).Implements(scalarType)
	switch {
	case scalar && t.Kind() == reflect.Struct && keyed(t):
		return &Schema{OneOf: []*Schema{{Type: "string"}, structSchema(t)}}
	case scalar && (t.Kind() == reflect.Int || t.Kind() == reflect.Int64 || t.Kind() == reflect.String):
		return &Schema{Type: []string{"string", "integer"}} // a time: with its unit, or a plain number; or a word that may be one
	case scalar:
		return &Schema{Type: "string"}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Slice:
		return &Schema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Map:
		return &Schema{Type: "object", Additional: schemaOf(t.Elem())}
	case reflect.Bool:
		return &Schema{Type: "boolean"}
	case reflect.String:
		return &Schema{Type: "string"}
	default:
		return &Schema{Type: "integer"}
	}
}

// keyed reports whether a struct has keys, as against one that is a value, such as an address.
func keyed(t reflect.Type) bool { return t.NumField() > 0 && t.Field(0).Tag.Get("yaml") != "" }

func structSchema(t reflect.Type) *Schema {
	s := &Schema{Type: "object", Additional: false, Properties: map[string]*Schema{}}
	for i, name := range fieldNames(t) {
		s.Properties[name] = schemaOf(t.Field(i).Type)
		s.Order = append(s.Order, name)
	}
	return s
}

// Bound is what a value has to be beyond its type, and what it is where nothing is said. Nil and zero say nothing.
type Bound struct {
	Least, Most any // of a whole number, int; of a time, Duration
	OneOf       []any
	Pattern     string
	Longest     int // of a text, in characters
	Default     any
}

// Between is the bound of a whole number.
func Between(least, most int) Bound { return Bound{Least: least, Most: most} }

// Lasting is the bound of a time.
func Lasting(least, most time.Duration) Bound {
	return Bound{Least: Duration(least), Most: Duration(most)}
}

// Else adds the default.
func (b Bound) Else(value any) Bound {
	if d, ok := value.(time.Duration); ok {
		value = Duration(d).String()
	}
	b.Default = value
	return b
}

// Bind adds bounds by their keys' paths. JSON Schema has no bounds of times, so those are told in words.
func (s *Schema) Bind(bounds map[string]Bound) *Schema {
	s.Keys(func(path string, at *Schema) {
		b, ok := bounds[path]
		if !ok {
			return
		}
		at.Enum, at.Default = b.OneOf, b.Default
		text := at
		if at.Items != nil {
			text = at.Items
		}
		text.Pattern = b.Pattern
		if b.Longest > 0 {
			text.MaxLength = &b.Longest
		}
		switch least := b.Least.(type) {
		case int:
			most := b.Most.(int)
			at.of().Minimum, at.of().Maximum = &least, &most
		case Duration:
			at.Description = fmt.Sprintf("%v to %v", least, b.Most)
		}
	})
	return s
}

// of is what each value of a mapping is, and else the schema itself.
func (s *Schema) of() *Schema {
	if each, ok := s.Additional.(*Schema); ok {
		return each
	}
	return s
}

// Keys calls f for each key below a schema, with its path, as groups[].name, and what it takes.
func (s *Schema) Keys(f func(path string, s *Schema)) { s.keys("", f) }

func (s *Schema) keys(path string, f func(string, *Schema)) {
	for _, name := range s.Order {
		p := s.Properties[name]
		f(Join(path, name), p)
		p.keys(Join(path, name), f)
	}
	for _, one := range s.OneOf {
		one.keys(path, f)
	}
	if s.Items != nil {
		s.Items.keys(path+"[]", f)
	}
}
