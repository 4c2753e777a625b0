package conf

import (
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in a file, both counted from 1.
type Position struct{ Line, Column int }

// Document is what is known of a configuration besides its values: where each of them was written, and
// what is wrong with them. Its zero value stands for values that come from no file: they have keys but no
// lines.
type Document struct {
	File string
	// Empty reports that the file holds nothing, or nothing but comments.
	Empty bool

	positions map[string]Position
	problems  []Problem
	more      int             // problems not remembered
	failed    map[string]bool // keys that have a problem
	above     map[string]bool // keys with a problem somewhere below them
}

// Add reports a problem with the value at a key, such as groups[0].name. The key need not exist: the
// problem is then shown where the nearest key around it is. Where Decode already refused that value,
// what holds it, or a part of it, a second report would only confuse and is dropped.
func (d *Document) Add(key, text, remedy string) {
	if d.Failed(key) {
		return
	}
	pos := d.At(key)
	d.add(Problem{Line: pos.Line, Column: pos.Column, Key: key, Text: text, Remedy: remedy})
}

// Failed reports whether the value at a key, what holds it, or a part of it has a problem.
func (d *Document) Failed(key string) bool {
	if d.above[key] {
		return true
	}
	for k, ok := key, true; ok; k, ok = parent(k) {
		if d.failed[k] {
			return true
		}
	}
	return false
}

// At returns where a key was written, or else the nearest key around it, or the zero Position.
func (d *Document) At(key string) Position {
	for k, ok := key, true; ok; k, ok = parent(k) {
		if pos, found := d.positions[k]; found {
			return pos
		}
	}
	return Position{}
}

// Has reports whether a key was written.
func (d *Document) Has(key string) bool {
	_, ok := d.positions[key]
	return ok
}

// Where names a place for people: "on line 4", or "at" the key when there are no lines.
func (d *Document) Where(key string) string {
	if pos := d.At(key); pos.Line > 0 {
		return fmt.Sprintf("on line %d", pos.Line)
	}
	return "at " + key
}

// Err returns all problems as Errors, or nil.
func (d *Document) Err() error {
	if len(d.problems) == 0 {
		return nil
	}
	return sorted(d.problems, d.more)
}

func (d *Document) add(p Problem) {
	p.File = d.File
	d.fail(p.Key)
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	d.problems = append(d.problems, p)
}

// fail remembers that a key has a problem.
func (d *Document) fail(key string) {
	if d.failed == nil {
		d.failed, d.above = map[string]bool{}, map[string]bool{}
	}
	d.failed[key] = true
	for k, ok := parent(key); ok; k, ok = parent(k) {
		d.above[k] = true
	}
}

// parent returns the key that holds a key; the outermost is the empty one.
func parent(key string) (string, bool) {
	if key == "" {
		return "", false
	}
	return key[:max(0, strings.LastIndexAny(key, ".["))], true
}

// Join returns the path of a key in a mapping.
func Join(path, key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !strconv.IsPrint(r) }) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
