package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"vipd/cluster/conf"
	"vipd/cluster/spec"
	"vipd/cmd/vipd/nodefile"
)

const referenceFile = "../../docs/reference.md"

// The reference is what the code says; go test ./cmd/vipctl -run Reference -update writes it anew.
func TestReferenceIsCurrent(t *testing.T) {
	text := referenceText()
	if *update {
		if err := os.WriteFile(referenceFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != text {
		t.Errorf("%s is not what the code says; run: go test -tags hashicorpmetrics ./cmd/vipctl -run Reference -update", referenceFile)
	}
}

// Every key that a specification may have is explained by apply's help.
func TestHelpExplainsEveryKey(t *testing.T) {
	help := new(ctl).applyCommand().Long
	spec.Schema().Keys(func(path string, _ *conf.Schema) {
		name := path[strings.LastIndexAny(path, ".]")+1:]
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(help) {
			t.Errorf("vipctl apply --help does not mention %s", path)
		}
	})
}

func referenceText() string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\nGenerated from the code. `vipctl schema node` and `vipctl schema spec` print the same for editors, as JSON Schema.\n\n" +
		"## The node file\n\n`/etc/vipd/vipd.yaml`, one on each host; `vipd --check` validates it, and `vipctl reload` has the daemon read it again.\n\n")
	keyTable(&b, nodefile.Schema())
	b.WriteString("\nAs `vipd --print-reference` prints it:\n\n```yaml\n" + nodefile.Reference() + "```\n\n" +
		"## The specification\n\nOne for the whole cluster, given to `vipctl apply`; `vipctl get` prints the one that is in force.\n\n")
	keyTable(&b, spec.Schema())
	b.WriteString("\nAs `vipctl apply --help` explains it:\n\n```text\n" + new(ctl).applyCommand().Long + "\n```\n")
	return b.String()
}

func keyTable(b *strings.Builder, s *conf.Schema) {
	b.WriteString("| key | takes | default |\n|---|---|---|\n")
	s.Keys(func(path string, s *conf.Schema) {
		value := ""
		if s.Default != nil {
			value = fmt.Sprintf("`%v`", s.Default)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", path, takes(s), value)
	})
}

// takes says in a word or two what a value may be.
func takes(s *conf.Schema) string {
	names := map[string]string{"string": "text", "integer": "whole number", "boolean": "true, false", "array": "list", "object": "mapping"}
	switch kind := s.Type.(type) {
	case []string:
		if s.Description != "" {
			return "duration, " + s.Description
		}
		return "duration"
	case string:
		if len(s.Enum) > 0 {
			return strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum), " ", ", "), "[]")
		}
		if s.Minimum != nil {
			return fmt.Sprintf("%s, %d to %d", names[kind], *s.Minimum, *s.Maximum)
		}
		if each, ok := s.Additional.(*conf.Schema); ok {
			return "mapping to " + takes(each)
		}
		if s.Items != nil {
			return "list of " + takes(s.Items)
		}
		return names[kind]
	default:
		return "text or mapping"
	}
}
