package nodefile

import (
	"fmt"
	"strconv"
	"time"

	"vipd/cluster/conf"
)

// Millis is a time in milliseconds. It is written with its unit, as 100ms or 2s; a plain number is of milliseconds,
// as it is to the kernel.
type Millis int

// ParseScalar reads both forms.
func (m *Millis) ParseScalar(text string) error {
	return parseUnits(text, time.Millisecond, "100ms, 2s, or 100 for milliseconds", (*int)(m))
}

// Seconds is a time in seconds, written as 5s, or as a plain number.
type Seconds int

// ParseScalar reads both forms.
func (s *Seconds) ParseScalar(text string) error {
	return parseUnits(text, time.Second, "5s, 1m, or 5 for seconds", (*int)(s))
}

func parseUnits(text string, unit time.Duration, example string, to *int) error {
	if n, err := strconv.Atoi(text); err == nil {
		*to = n
		return nil
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return conf.Problem{Text: fmt.Sprintf("%q is not a duration", conf.Short(text)), Remedy: "write it as " + example}
	case d%unit != 0:
		return conf.Problem{Text: fmt.Sprintf("%s is no multiple of %v", text, unit), Remedy: "write it as " + example}
	}
	*to = int(d / unit)
	return nil
}
