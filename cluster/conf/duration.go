package conf

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Duration is a time.Duration written with its unit, as 50ms, 3s or 1m30s; 0 needs none.
type Duration time.Duration

var bareNumber = regexp.MustCompile(`^[+-]?[0-9.]+$`)

// ParseScalar reads the text form.
func (d *Duration) ParseScalar(text string) error {
	value, err := time.ParseDuration(text)
	switch {
	case err == nil:
		*d = Duration(value)
		return nil
	case len(text) < 20 && bareNumber.MatchString(text):
		return Problem{Text: fmt.Sprintf("%s has no unit", text), Remedy: fmt.Sprintf("write %ss or %sms", text, text)}
	}
	return Problem{Text: fmt.Sprintf("%q is not a duration", Short(text)), Remedy: "write it as 50ms, 3s or 1m30s"}
}

// String is the shortest form that ParseScalar reads back: 1m rather than 1m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalYAML writes the text form.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }
