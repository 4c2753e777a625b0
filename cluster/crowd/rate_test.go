package crowd

import (
	"fmt"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := NewRate(5)
	tries := func(host string, n int) (let int) {
		for range n {
			if r.Take(host, now) {
				let++
			}
		}
		return let
	}
	for _, step := range []struct {
		host string
		want int
	}{{"a", 10}, {"a", 0}, {"b", 10}} {
		if got := tries(step.host, 50); got != step.want {
			t.Errorf("%s may try %d times at once, want %d", step.host, got, step.want)
		}
	}
	now = now.Add(time.Second)
	if got := tries("a", 50); got != 5 {
		t.Errorf("a second later a may try %d times", got)
	}
	let := 0
	for i := range 1000 {
		let += tries(fmt.Sprint("host ", i), 1)
	}
	if let > 100 {
		t.Errorf("a thousand hosts may try %d times at once", let)
	}
	if len(r.hosts) > maxHosts {
		t.Errorf("%d hosts are remembered", len(r.hosts))
	}
}
