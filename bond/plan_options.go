package bond

import "strconv"

// optionDiffs compares the options. What the kernel does not tell is left as it
// is unless the file states it.
func (p *planner) optionDiffs() []setOption {
	stated, wanted, current := p.cfg.stated(), p.cfg.wanted(), p.currentOptions()
	var diffs []setOption
	for _, o := range options {
		to, isWanted := wanted[o.key]
		from, known := current[o.key]
		_, isStated := stated[o.key]
		if isWanted && from != to && (known || isStated) {
			diffs = append(diffs, setOption{p.cfg.Name, o.key, from, to})
		}
	}
	return diffs
}

// currentOptions returns the options as they will be when the plan reaches
// them: those of a new bond, or the present ones with the side effects of
// earlier steps.
func (p *planner) currentOptions() map[string]string {
	now := make(map[string]string)
	if !p.actual.Exists {
		for _, o := range options {
			now[o.key] = o.unset
		}
		now["mode"] = p.cfg.mode().String()
		return now
	}
	for key, value := range p.actual.Options {
		now[key] = value
	}
	wanted := p.cfg.wanted()
	if now["mode"] != wanted["mode"] {
		for _, reset := range resetByMode(p.actual) {
			now[reset.key] = reset.to
		}
	}
	// Delays are stored as multiples of miimon and change with it.
	if from, to := atoi(now["miimon"]), atoi(wanted["miimon"]); from != to && to > 0 {
		for _, key := range []string{"up_delay", "down_delay", "peer_notif_delay"} {
			if value, ok := now[key]; ok && from > 0 {
				now[key] = strconv.Itoa(atoi(value) / from * to)
			}
		}
	}
	return now
}

// resetByMode returns what a change of mode may reset by itself. The plan does
// so first, which makes it possible to take the change back.
func resetByMode(actual Actual) []setOption {
	var resets []setOption
	for _, key := range []string{"arp_interval", "arp_validate"} {
		unset := findOption(key).unset
		if from, ok := actual.Options[key]; ok && from != unset {
			resets = append(resets, setOption{actual.Name, key, from, unset})
		}
	}
	return resets
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
