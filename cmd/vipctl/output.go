package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// format is how results are printed; its zero value is the table.
type format string

const (
	asJSON format = "json"
	asYAML format = "yaml"
)

// String, Set and Type make it a flag.
func (f *format) String() string {
	if *f == "" {
		return "table"
	}
	return string(*f)
}

// Set takes one of the three names.
func (f *format) Set(text string) error {
	switch text {
	case "table":
		*f = ""
	case "json", "yaml":
		*f = format(text)
	default:
		return fmt.Errorf("there are table, json and yaml")
	}
	return nil
}

// Type is what help calls the value.
func (f *format) Type() string { return "format" }

// print prints a result: in JSON or YAML exactly what the daemon said, else what table returns.
func (c *ctl) print(result any, table func() string) error {
	var text []byte
	var err error
	switch c.format {
	case asJSON:
		text, err = jsonText(result)
	case asYAML:
		text, err = yamlText(result)
	default:
		text = []byte(table())
	}
	if err != nil {
		return err
	}
	if _, err := c.stdout.Write(text); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func jsonText(result any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(result); err != nil {
		return nil, fmt.Errorf("write the result as JSON: %w", err)
	}
	return b.Bytes(), nil
}

// yamlText has the keys of the JSON form, in their order: it is read back from there, since JSON is YAML.
func yamlText(result any) ([]byte, error) {
	text, err := jsonText(result)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("turn the result into YAML: %w", err)
	}
	plain(&document)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(&document); err != nil {
		return nil, fmt.Errorf("write the result as YAML: %w", err)
	}
	return b.Bytes(), nil
}

// plain takes JSON's braces and quotes off; the encoder quotes what needs it.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}
