package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vipd/e2e/probe"
)

// Report is what a run found.
type Report struct {
	Seed    uint64        `json:"seed"`
	For     time.Duration `json:"for_ns"` // that faults were asked for
	Took    time.Duration `json:"took_ns"`
	Began   time.Time     `json:"began"`
	Version string        `json:"version"` // of vipd
	Kernel  string        `json:"kernel"`
	// Replay is the command that plays the same schedule.
	Replay    string    `json:"replay"`
	Verdicts  []Verdict `json:"verdicts"`
	Notes     []string  `json:"notes,omitempty"`
	Faults    []Deed    `json:"faults"`
	Nodes     []Lane    `json:"nodes"`
	Addresses []Address `json:"addresses"`
	Doubles   []Double  `json:"double_answers"`
	Endings   []ending  `json:"ended_by_themselves"`
	Commands  []Op      `json:"commands"`
	// Data are the sizes of the nodes' data directories at the end, in bytes.
	Data   []int64        `json:"data_bytes"`
	Prober []probe.Prober `json:"prober"`
}

// Address is what the client saw of one.
type Address struct {
	Address  netip.Addr `json:"address"`
	Group    string     `json:"group"`
	Holders  []Span     `json:"holders"`
	Silences []Span     `json:"silences"`
	// WhileLed is the longest part of a silence in which a node led with a lease. It is to be short, but a pause, the wan
	// profile, a restart-hold or a busy machine may make it long, so it is no verdict.
	WhileLed time.Duration `json:"longest_while_led_ns"`
}

// Double is a time in which two hosts answered for an address.
type Double struct {
	Address netip.Addr `json:"address"`
	Span
	Hosts  [2]string `json:"hosts"`
	Proofs int       `json:"proofs"`
	// Violation says that both are nodes of vipd.
	Violation bool `json:"violation"`
}

// OK reports whether nothing was found.
func (r *Report) OK() bool {
	return !slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return !v.OK })
}

// groupOf names what an address belongs to.
var groupOf = map[netip.Addr]string{web4: "web", web6: "web", db4: "db", shared4: "shared by VRRP", roaming4: "one, other, none"}

// look puts together what the probes reported.
func (r *Report) look(reports []probe.Report) {
	for _, addr := range watched {
		a := Address{Address: addr, Group: groupOf[addr]}
		for _, p := range reports {
			seen := p.Address(addr)
			a.Holders = append(a.Holders, r.holders(p, seen)...)
			for _, s := range seen.Echo.Silences {
				a.Silences = append(a.Silences, Span{From: s.Start.Sub(r.Began), To: s.End.Sub(r.Began)})
			}
			for _, d := range seen.DoubleAnswers {
				r.Doubles = append(r.Doubles, Double{
					Address: addr, Span: Span{From: d.At.Sub(r.Began), To: d.Until.Sub(r.Began)}, Hosts: d.Hosts, Proofs: d.Proofs,
					Violation: isNode(d.Hosts[0]) && isNode(d.Hosts[1]),
				})
			}
		}
		a.WhileLed = whileLed(a.Silences, r.Nodes)
		r.Addresses = append(r.Addresses, a)
	}
	for _, p := range reports {
		r.Prober = append(r.Prober, p.Prober)
	}
}

func isNode(host string) bool { return strings.HasPrefix(host, "node") }

// holders are who answered, by the changes that the probe saw.
func (r *Report) holders(p probe.Report, seen *probe.AddressReport) []Span {
	if seen.First.IsZero() {
		return nil
	}
	spans := []Span{{From: seen.First.Sub(r.Began), To: p.End.Sub(r.Began), Who: seen.FirstHost}}
	for _, c := range seen.Changes {
		spans[len(spans)-1].To = c.At.Add(-c.Gap).Sub(r.Began)
		spans = append(spans, Span{From: c.At.Sub(r.Began), To: p.End.Sub(r.Began), Who: c.To})
	}
	if s := seen.Echo.Silences; len(s) > 0 && s[len(s)-1].Open {
		spans[len(spans)-1].To = max(s[len(s)-1].Start.Sub(r.Began), spans[len(spans)-1].From)
	}
	return spans
}

// oneHolder is the verdict on the first promise.
func (r *Report) oneHolder() Verdict {
	v := Verdict{Question: "never two nodes of vipd answer for one address", OK: true}
	requests, handovers := 0, 0
	for _, p := range r.Prober {
		requests += p.Sent
	}
	for _, d := range r.Doubles {
		if !d.Violation {
			handovers++
			continue
		}
		v.Findings = append(v.Findings, Finding{d.From, fmt.Sprintf("%s and %s for %s, from %.3f s for %v, %d proofs",
			d.Hosts[0], d.Hosts[1], d.Address, d.From.Seconds(), (d.To - d.From).Round(10*time.Microsecond), d.Proofs)})
	}
	return v.orElse("%d requests; %d hand-overs between vipd and keepalived in which both answered", requests, handovers)
}

// wellBehaved is the verdict on the daemons' own ends. One whose disk is full ends and says so.
func (r *Report) wellBehaved(logs map[string]string) Verdict {
	v := Verdict{Question: "no daemon crashes, or ends without a reason", OK: true}
	for _, name := range sortedKeys(logs) {
		for _, word := range []string{"panic:", "fatal error:", "DATA RACE"} {
			if at := strings.Index(logs[name], word); at >= 0 {
				v.Findings = append(v.Findings, Finding{Text: fmt.Sprintf("%s: %.200s", name, logs[name][at:])})
			}
		}
	}
	unexcused := slices.DeleteFunc(slices.Clone(r.Endings), r.excused)
	for _, e := range merged(unexcused) {
		v.Findings = append(v.Findings, Finding{e.At, fmt.Sprintf("%s ended at %.1f s: %s", e.Node, e.At.Seconds(), e.Said)})
	}
	return v.orElse("%d ends, on full disks or as too old for the cluster", len(r.Endings))
}

// orElse completes a verdict: its text is what was found, or else another.
func (v Verdict) orElse(format string, args ...any) Verdict {
	v.OK, v.Text = len(v.Findings) == 0, fmt.Sprintf(format, args...)
	var found []string
	for _, f := range v.Findings {
		found = append(found, f.Text)
	}
	if !v.OK {
		v.Text = strings.Join(found, "; ")
	}
	return v
}

// calmLimit is how many commands a second are more than anybody asked for: the daemons then talk to themselves.
const calmLimit = 100

// calm is the verdict on what the daemons write down of their own accord.
func (r *Report) calm() Verdict {
	v := Verdict{Question: "the daemons write down no more than there is to", OK: true}
	var most Lane
	for _, lane := range r.Nodes {
		if lane.Busiest >= most.Busiest {
			most = lane
		}
	}
	v.OK = most.Busiest <= calmLimit
	v.Text = fmt.Sprintf("at most %.0f commands a second for %v, until %.0f s by %s", most.Busiest, busyFor, most.BusiestAt.Seconds(), most.Node)
	return v
}

// excused reports whether the daemon ended since its disk was full, which it may be no more when all is handed over, or
// whether it was an earlier vipd that said why it cannot go on.
func (r *Report) excused(e ending) bool {
	return slices.ContainsFunc(r.Faults, func(d Deed) bool {
		switch {
		case d.On != e.Node || e.At < d.Struck:
			return false
		case d.Kind == "downgrade" && e.At <= d.Mended:
			return refusal(e.Said) != ""
		default:
			return d.Kind == "full disk" && e.At < d.Mended+stopLimit && strings.Contains(e.Said, "no space left on device")
		}
	})
}

// write leaves the report in a directory.
func (r *Report) write(dir string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	page, err := r.html()
	return errors.Join(err,
		os.WriteFile(filepath.Join(dir, "report.json"), append(text, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "report.html"), page, 0o644))
}

// Longest is the longest silence.
func (a Address) Longest() time.Duration {
	var longest time.Duration
	for _, s := range a.Silences {
		longest = max(longest, s.To-s.From)
	}
	return longest
}

// whileLed is the longest time that is in a silence and in a span in which a node led.
func whileLed(silences []Span, lanes []Lane) time.Duration {
	var longest time.Duration
	for _, s := range silences {
		for _, lane := range lanes {
			for _, led := range lane.Led {
				longest = max(longest, min(s.To, led.To)-max(s.From, led.From))
			}
		}
	}
	return longest
}
