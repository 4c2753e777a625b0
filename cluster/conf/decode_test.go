package conf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type server struct {
	Name    string            `yaml:"name"`
	Port    int               `yaml:"port"`
	Enabled bool              `yaml:"enabled"`
	Timeout Duration          `yaml:"timeout"`
	Limit   *int              `yaml:"limit,omitempty"`
	Tags    []string          `yaml:"tags"`
	Weights map[string]int    `yaml:"weights"`
	Links   map[string][]link `yaml:"links"`
	Log     struct {
		Level string `yaml:"level"`
	} `yaml:"log"`
}

// link may be written as text, its target.
type link struct {
	Target string `yaml:"target"`
	Cost   int    `yaml:"cost"`
}

func (l *link) ParseScalar(text string) error {
	l.Target = text
	if text == "nowhere" {
		return errors.New("goes nowhere")
	}
	return nil
}

func TestDecode(t *testing.T) {
	got := server{Name: "default", Port: 80}
	d := Decode("f", []byte(`
port: 8080
enabled: True
timeout: 1m30s
limit: 0
tags: [&x "1", *x]
weights: {a: 1, b.c: -2}
links:
  up: [north, {target: south, cost: 3}]
log: {level: info}
`), &got)
	if err := d.Err(); err != nil {
		t.Fatal(err)
	}
	zero := 0
	want := server{
		Name: "default", Port: 8080, Enabled: true, Timeout: Duration(90 * time.Second), Limit: &zero,
		Tags: []string{"1", "1"}, Weights: map[string]int{"a": 1, "b.c": -2},
		Links: map[string][]link{"up": {{Target: "north"}, {Target: "south", Cost: 3}}},
	}
	want.Log.Level = "info"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
}

func TestDecodeEmpty(t *testing.T) {
	for _, in := range []string{"", "\n\n", "# nothing\n", "---\n", "--- # nothing\n", "---\n...\n"} {
		got := server{Name: "default"}
		d := Decode("f", []byte(in), &got)
		if err := d.Err(); err != nil || !d.Empty || got.Name != "default" {
			t.Errorf("Decode(%q): empty %v, name %q, %v", in, d.Empty, got.Name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"the document is a list", "- a\n", "f:1: a list is not a mapping: write it as `key: value`; known keys: name, port, enabled, timeout, limit, tags, weights, links, log"},
		{"the document is text", "hello\n", "f:1: `hello` is not a mapping: write it as `key: value`; known keys: name, port, enabled, timeout, limit, tags, weights, links, log"},
		{"null", "~\n", "f:1: has no value: give it one or remove the line"},
		{"unknown key", "nam: x\n", "f:1: nam: unknown key: did you mean `name`? known keys: name, port, enabled, timeout, limit, tags, weights, links, log"},
		{"unknown key in another case", "Name: x\n", "f:1: Name: unknown key: did you mean `name`? known keys: name, port, enabled, timeout, limit, tags, weights, links, log"},
		{"unknown key like no other", "log:\n  colour: x\n", "f:2: log.colour: unknown key: known keys: level"},
		{"unknown key that is not printable", "\"a\\nb\": x\n", `f:1: "a\nb": unknown key: known keys: name, port, enabled, timeout, limit, tags, weights, links, log`},
		{"key twice", "name: a\nport: 1\nname: b\n", "f:3: name: is also on line 1: keep one of them"},
		{"key twice in a map", "weights:\n  a: 1\n  a: 1\n", "f:3: weights.a: is also on line 2: keep one of them"},
		{"key is a list", "? [a]\n: b\n", "f:1: a key is not text: write `key: value`"},
		{"merge", "log: &l {level: a}\n<<: *l\n", "f:2: <<: unknown key: vipd does not merge mappings: write the keys out"},

		{"text is a number", "name: 12\n", "f:1: name: `12` is not text: put it in quotes: \"12\""},
		{"text is a boolean", "name: true\n", "f:1: name: `true` is not text: put it in quotes: \"true\""},
		{"text is a date", "name: 2026-01-02\n", "f:1: name: `2026-01-02` is not text: put it in quotes: \"2026-01-02\""},
		{"text is a list", "name: [a]\n", "f:1: name: a list is not text: write a single value"},
		{"text is absent", "name:\n", "f:1: name: has no value: give it one or remove the line"},
		{"number is text", "port: http\n", "f:1: port: `http` is not a whole number: write decimal digits"},
		{"number in hex", "port: 0x50\n", "f:1: port: `0x50` is not a whole number: write decimal digits"},
		{"number too large", "port: 99999999999999999999\n", "f:1: port: `99999999999999999999` is not a whole number: write decimal digits"},
		{"boolean is text", "enabled: on\n", "f:1: enabled: `on` is not true or false: write true or false"},
		{"boolean in quotes", "enabled: \"true\"\n", "f:1: enabled: \"true\" is not true or false: write true or false"},
		{"optional number", "limit: x\n", "f:1: limit: `x` is not a whole number: write decimal digits"},
		{"list is text", "tags: a\n", "f:1: tags: `a` is not a list: begin each element with `- ` on a line of its own, or write [a, b]"},
		{"element is absent", "tags:\n- a\n-\n", "f:3: tags[1]: has no value: give it one or remove the line"},
		{"map is a list", "weights:\n- a\n", "f:1: weights: a list is not a mapping: write it as `key: value`"},
		{"struct is text", "log: info\n", "f:1: log: `info` is not a mapping: write it as `key: value`; known keys: level"},
		{"value of its own kind", "links: {up: [nowhere]}\n", "f:1: links.up[0]: goes nowhere"},
		{"duration without a unit", "timeout: 1.5\n", "f:1: timeout: 1.5 has no unit: write 1.5s or 1.5ms"},
		{"duration in days", "timeout: 1d\n", "f:1: timeout: \"1d\" is not a duration: write it as 50ms, 3s or 1m30s"},
		{"duration too long", "timeout: 9999999h\n", "f:1: timeout: \"9999999h\" is not a duration: write it as 50ms, 3s or 1m30s"},
		{"duration is a list", "timeout: [1s]\n", "f:1: timeout: a list cannot stand here: write a single value"},
		{"tag", "name: !secret x\n", "f:1: name: has the tag !secret: remove the tag"},
		{"long values are cut", "port: " + strings.Repeat("x", 200) + "\n", "f:1: port: `" + strings.Repeat("x", 60) + "…` is not a whole number: write decimal digits"},

		{"tab", "log:\n\tlevel: info\n", "f:2: a tab indents this line: YAML wants spaces"},
		{"two colons", "name: a: b\n", "f:1: a `:` stands where no key can be: check the indentation, and put a value that contains `: ` in quotes"},
		{"reserved character", "name: a\ntags: [@x]\n", "f:2: a value begins with a character that YAML reserves: put the value in quotes"},
		{"no colon", "name: a\nport\n", "f:2: a key has no `:` behind it: write `key: value`"},
		{"open bracket", "tags: [a\nname: x\n", "f:1: a list in brackets is not closed: write `[a, b]`"},
		{"open quote", "port: 1\nname: \"a\n", "f:2: a quote is opened and not closed: close it"},
		{"unknown anchor", "name: *a\n", "f:1: an alias names an anchor that does not exist: write `&name` in front of the value it should repeat, above this line"},
		{"two documents", "name: a\n---\nname: b\n", "f:2: a second document begins here: remove the `---` line, or put the rest into a file of its own"},
		{"not UTF-8", "port: 1\nname: \xff\n", "f:2: this line is not UTF-8 text: save the file as UTF-8"},
		{"zero bytes", "port: 1\nname: \x00\n", "f:2: this line is not UTF-8 text: save the file as UTF-8"},
		{"alias of itself", "tags: &t [*t]\n", "f:1: tags[0]: a list is not text: write a single value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var v server
			err := Decode("f", []byte(tt.in), &v).Err()
			if err == nil {
				t.Fatalf("accepted as %+v", v)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// Files that would occupy the machine are refused, soon.
func TestDecodeBounds(t *testing.T) {
	var bomb strings.Builder
	fmt.Fprintf(&bomb, "links:\n  a: &a [%s]\n", strings.Repeat("x,", 2000))
	for i := range 2000 {
		fmt.Fprintf(&bomb, "  a%d: *a\n", i)
	}
	tests := []struct{ name, in, want string }{
		{"aliases", bomb.String(), "f:2: the file has more than 500000 values: use fewer aliases"},
		{"size", strings.Repeat("#", maxBytes+1), "f: the file has 4194305 bytes: keep it within 4194304"},
		{"depth", "tags: " + strings.Repeat("[", 100_000), "f:1: this is no YAML: exceeded max depth of 10000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			var v server
			err := Decode("f", []byte(tt.in), &v).Err()
			if err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	var v server
	err := Decode("f", []byte("tags:\n"+strings.Repeat("- 1\n", maxProblems+5)), &v).Err()
	var problems Errors
	if !errors.As(err, &problems) || len(problems) != maxProblems+1 {
		t.Fatalf("%d problems: %v", len(problems), err)
	}
	if got, want := problems[maxProblems].Error(), "f: 5 more problems"; got != want {
		t.Errorf("last line %q, want %q", got, want)
	}
}

func TestProblemHasPosition(t *testing.T) {
	var v server
	err := Decode("f", []byte("port: 1\nlog: {level: 7}\n"), &v).Err()
	want := Errors{{File: "f", Line: 2, Column: 14, Key: "log.level", Text: "`7` is not text", Remedy: `put it in quotes: "7"`}}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
