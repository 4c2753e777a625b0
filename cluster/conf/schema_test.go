package conf

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchema(t *testing.T) {
	s := SchemaOf("test", server{})
	got := map[string]string{}
	s.Keys(func(path string, s *Schema) {
		text, err := json.Marshal(s.Type)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = string(text)
	})
	want := map[string]string{
		"name": `"string"`, "port": `"integer"`, "enabled": `"boolean"`, "timeout": `["string","integer"]`, "limit": `"integer"`,
		"tags": `"array"`, "weights": `"object"`, "links": `"object"`, "log": `"object"`, "log.level": `"string"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text, err := json.Marshal(s.Properties["links"])
	if err != nil {
		t.Fatal(err)
	}
	const links = `{"type":"object","additionalProperties":{"type":"array","items":{"oneOf":[{"type":"string"},` +
		`{"type":"object","properties":{"cost":{"type":"integer"},"target":{"type":"string"}},"additionalProperties":false}]}}}`
	if diff := cmp.Diff(links, string(text)); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}
