package cluster

import (
	"testing"
	"time"
)

func TestHeirsAreWhoTheGroupsWereGivenTo(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.commit(give(s.view, "b", "web"))
	diff(t, "heirs", []string{"b"}, heirs(s.view, []uint64{s.view.LastSerial, s.view.LastSerial}))
	diff(t, "heirs of no debt", nil, heirs(s.view, []uint64{s.view.LastSerial + 1}))
}

// Those who follow the view come after those on the way of a failover, and once for many commits.
func TestCourteous(t *testing.T) {
	called := make(chan time.Time, 3)
	c := courteous{do: func() { called <- time.Now() }}
	asked := time.Now()
	c.soon()
	c.soon()
	if waited := (<-called).Sub(asked); waited < courtesy {
		t.Errorf("waited %v, less than %v", waited, courtesy)
	}
	asked = time.Now()
	c.soon()
	diff(t, "called again for what was asked later", true, (<-called).After(asked))
	diff(t, "calls left", 0, len(called))
}
