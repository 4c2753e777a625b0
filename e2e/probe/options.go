package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Options says what to watch and from where. Zero durations and rates take the
// defaults given here.
type Options struct {
	// Do runs a function in the client's network namespace; nil means here.
	Do func(func() error) error
	// Separate probes in a process of its own, so that neither the runtime of
	// this one nor other programs hold the prober up. It needs [Main].
	Separate bool
	// Interface is the client's interface.
	Interface string
	// Source4 and Source6 are the client's own addresses there. The twelve
	// addresses after each are used as senders of resolve requests and must
	// belong to the segment and to nobody.
	Source4, Source6 netip.Addr
	// Hosts are those the census asks.
	Hosts []Station
	// Addrs are the addresses to watch.
	Addrs []netip.Addr
	// Interval is the time between two echo requests, and between two resolve
	// requests, for each address. Default 1 ms.
	Interval time.Duration
	// CensusInterval is the time between two rounds of the census for each
	// address. Default 10 ms; negative means no census.
	CensusInterval time.Duration
	// MaxRate bounds the packets sent a second; intervals are stretched to
	// stay below it. Default 20000.
	MaxRate int
	// Relearn is how long echo requests may go unanswered before a reply to a
	// resolve request is believed. Before that only announcements are, as in a
	// host whose neighbour entry is still valid. Default 1 s; a nanosecond
	// means that the newest reply is always believed.
	Relearn time.Duration
	// Timeout is how late an answer may come to count. Default 200 ms.
	Timeout time.Duration
	// Window is the longest time between two answers of one host between which
	// an answer of another proves that both had the address. Default 50 ms, or
	// two intervals if that is more.
	Window time.Duration
	// Threshold is the length above which a silence is listed. Default 10 ms,
	// or three intervals if that is more.
	Threshold time.Duration
}

func (o *Options) complete() error {
	if o.Do == nil {
		o.Do = func(fn func() error) error { return fn() }
	}
	if len(o.Addrs) == 0 || len(o.Addrs) >= noTarget {
		return fmt.Errorf("%d addresses to watch", len(o.Addrs))
	}
	for _, a := range o.Addrs {
		if a.Is4() && !o.Source4.Is4() || a.Is6() && (!o.Source6.Is6() || a.Is4In6()) {
			return fmt.Errorf("watch %s: no source address for it", a)
		}
	}
	for _, h := range o.Hosts {
		if len(h.MAC) != 6 {
			return errors.New("host " + h.Name + " has no MAC")
		}
	}
	def(&o.Interval, time.Millisecond)
	def(&o.CensusInterval, 10*time.Millisecond)
	def(&o.Relearn, time.Second)
	def(&o.Timeout, 200*time.Millisecond)
	if o.MaxRate <= 0 {
		o.MaxRate = 20000
	}
	o.stretch()
	def(&o.Window, max(50*time.Millisecond, 2*o.Interval))
	def(&o.Threshold, max(10*time.Millisecond, 3*o.Interval))
	return nil
}

func def(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// stretch fits the intervals to the rate: the two streams of one address take
// at most two thirds of it, the census the rest.
func (o *Options) stretch() {
	n := time.Duration(len(o.Addrs))
	second := time.Second / time.Duration(o.MaxRate)
	census := 2 * n * time.Duration(len(o.Hosts)) * second
	if census == 0 || o.CensusInterval < 0 {
		o.Interval = max(o.Interval, 2*n*second)
		o.CensusInterval = 0
		return
	}
	o.Interval = max(o.Interval, 2*n*second*3/2)
	o.CensusInterval = max(o.CensusInterval, census*3)
}
