package vrrp_test

import (
	"testing"
	"time"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"
)

// TestSuccessorIsNotNoticed: a speaker fails without a word, and its successor, another host with another
// address, inherits before keepalived's timer runs out. keepalived never becomes master.
func TestSuccessorIsNotNoticed(t *testing.T) {
	lab.Need(t, "ip", "keepalived")
	t.Parallel()
	tr := transport{version: 3, interval: 500 * time.Millisecond}
	here, there := lab.NewNamespace(t, "vipd"), lab.NewNamespace(t, "keepalived")
	lab.Cable(t, here, there)
	here.IP(t, "addr", "add", "10.0.0.3/24", "dev", "eth0")

	first := tr.config()
	first.Priority = above
	second := first
	second.Source = ip("10.0.0.3")
	predecessor, successor := startRunner(t, here, "eth0", first), startRunner(t, here, "eth0", second)
	limit := 10*tr.interval + slack

	predecessor.events <- vrrp.Inherit{}
	keepalived := lab.StartKeepalived(t, there, tr.keepalived())
	lab.Eventually(t, limit, "keepalived is BACKUP", func() bool { return keepalived.Said("Entering BACKUP STATE") == 1 })

	sent := predecessor.adverts()
	lab.Eventually(t, limit, "an advert just went out", func() bool { return predecessor.adverts() > sent })
	predecessor.events <- vrrp.Shutdown{Silent: true}
	silence := time.After(2 * tr.interval) // keepalived waits for three and more
	<-silence
	successor.events <- vrrp.Inherit{}

	// As many adverts as fill several of keepalived's down intervals.
	lab.Eventually(t, 10*limit, "ten adverts of the successor", func() bool { return successor.adverts() >= 10 })
	if n := keepalived.Said("Entering MASTER STATE"); n != 0 {
		t.Errorf("keepalived became master %d times", n)
	}
}
