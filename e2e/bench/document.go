package main

import (
	"bytes"
	"fmt"
	"os"
)

// Between these lines a document has what was measured last.
const (
	measuredBegin = "<!-- measured: make bench writes what follows -->\n"
	measuredEnd   = "<!-- end of what was measured -->\n"
)

// writeInto replaces the measured part of a document.
func (r *Report) writeInto(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(text, []byte(measuredBegin))
	_, after, ends := bytes.Cut(rest, []byte(measuredEnd))
	if !begins || !ends {
		return fmt.Errorf("%s has no place for what was measured: the lines %q and %q", path, measuredBegin, measuredEnd)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(measuredBegin)
	if err := r.markdown(&b); err != nil {
		return err
	}
	b.WriteString("\n" + measuredEnd)
	b.Write(after)
	return os.WriteFile(path, b.Bytes(), 0o644)
}
