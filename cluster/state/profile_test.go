package state

import (
	"testing"
	"time"
)

func TestProfiles(t *testing.T) {
	for _, p := range []Profile{LAN, Fast, WAN} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if got, err := ProfileNamed(p.Name); err != nil || got != p {
			t.Errorf("profile named %s is %v, %v", p.Name, got, err)
		}
	}
	if _, err := ProfileNamed("slow"); err == nil {
		t.Error("there is a profile called slow")
	}
}

func TestProfileWithoutSense(t *testing.T) {
	ms := time.Millisecond
	for name, p := range map[string]Profile{
		"no renewal":                 {Lease: 30 * ms, Margin: 5 * ms},
		"lease of two renewals":      {Renew: 20 * ms, Lease: 40 * ms, Margin: 5 * ms},
		"lease longer than a minute": {Renew: time.Second, Lease: 2 * time.Minute, Margin: 5 * ms},
		"margin within a jiffy":      {Renew: 5 * ms, Lease: 30 * ms, Margin: ms},
		"margin longer than lease":   {Renew: 5 * ms, Lease: 30 * ms, Margin: 31 * ms},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: accepted %+v", name, p)
		}
	}
}
