package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"vipd/e2e/lab"
)

// packetsFrom returns, by host, how many packets the switch has received from it.
func packetsFrom(l *lab.Lab) (map[string]uint64, error) {
	var text []byte
	err := l.Switch.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count packets: %w", err)
	}
	counts := map[string]uint64{}
	for line := range bytes.Lines(text) {
		name, rest, found := strings.Cut(strings.TrimSpace(string(line)), ":")
		fields := strings.Fields(rest)
		if !found || len(fields) < 2 {
			continue
		}
		if counts[name], err = strconv.ParseUint(fields[1], 10, 64); err != nil {
			return nil, fmt.Errorf("count packets of %s: %w", name, err)
		}
	}
	return counts, nil
}
