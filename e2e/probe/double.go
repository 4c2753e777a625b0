package probe

import "time"

// proof is X's answer before and X's answer after one of Y.
type proof struct{ before, between, after Event }

// doubles finds the times at which two hosts answered for one address; events
// are in order of receipt. Proofs between the same hosts that are no further
// apart than the window are one.
func (rec *Recording) doubles(events []Event) []DoubleAnswer {
	var found []DoubleAnswer
	var recent []Event
	for _, e := range events {
		if !rec.witness(e) {
			continue
		}
		// A proof by e begins after this.
		oldest := e.Sent - int64(rec.Window)
		for len(recent) > 0 && recent[0].Received < oldest {
			recent = recent[1:]
		}
		if p, ok := findProof(recent, e, oldest); ok {
			found = rec.join(found, p)
		}
		recent = append(recent, e)
	}
	return found
}

// witness reports whether an answer proves that its host had the address at some
// moment between the sending of the request and the receipt of the answer.
func (rec *Recording) witness(e Event) bool {
	return !e.Announcement && e.Stream != Resolve && !rec.Hosts[e.Host].virtual()
}

// findProof looks among earlier answers for one by another host, and before
// that one by after's host. Each request must have been sent after the earlier
// answer was received: the moments at which the hosts had the address are then
// certainly in this order.
func findProof(recent []Event, after Event, oldest int64) (proof, bool) {
	for i := len(recent) - 1; i > 0; i-- {
		between := recent[i]
		if between.Host == after.Host || between.Received > after.Sent {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			before := recent[j]
			if before.Host == after.Host && before.Received <= between.Sent && before.Received >= oldest {
				return proof{before, between, after}, true
			}
		}
	}
	return proof{}, false
}

// join adds a proof to the last double answer, or begins another.
func (rec *Recording) join(found []DoubleAnswer, p proof) []DoubleAnswer {
	hosts := [2]string{rec.Hosts[p.before.Host].Name, rec.Hosts[p.between.Host].Name}
	if hosts[0] > hosts[1] {
		hosts[0], hosts[1] = hosts[1], hosts[0]
	}
	from, until := time.Unix(0, p.before.Received), time.Unix(0, p.after.Received)
	for i := len(found) - 1; i >= 0; i-- {
		d := &found[i]
		if d.Hosts == hosts && !from.After(d.Until.Add(rec.Window)) {
			d.Until = until
			d.Proofs++
			return found
		}
	}
	return append(found, DoubleAnswer{At: from, Until: until, Hosts: hosts, Proofs: 1})
}
