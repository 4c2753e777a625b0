package conf

import "reflect"

// Schema describes what Decode takes for a value, as JSON Schema (draft 2020-12), for editors. It says what keys and
// types there are; rules beyond that are the program's own.
type Schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or several
	OneOf       []*Schema          `json:"oneOf,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false, or what each value is
	Enum        []string           `json:"enum,omitempty"`
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
