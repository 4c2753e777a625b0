package links

import (
	"maps"
	"slices"

	"vipd/bond"
)

// Standing is what an interface is worth to the addresses on it.
type Standing struct {
	Link    string // the bond, team or other link that the interface is or sits on
	Missing int    // members of it that cannot be used, while others can
	Why     string // in words, what is wrong; empty if nothing is
	Unfit   bool   // too little works: the node should hold nothing on it
	Dead    bool   // nothing works: no frame can come or go
}

// Standing says what is known of an interface; what is not watched, such as a virtual MAC on a bond, is looked at
// now. One that cannot be looked at is taken to be well.
func (l *Links) Standing(name string) Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, known := l.statuses[name]
	if !known {
		var err error
		if s, err = bond.ReadStatus(name); err != nil || !s.Exists {
			return Standing{Link: name}
		}
	}
	standing := l.judge(s)
	if below, ok := l.statuses[s.Lower]; ok && !standing.Dead {
		standing = l.judge(below)
	}
	return standing
}

// Status returns what is known of a link. Bonds and teams are always watched; what is not is looked at now.
func (l *Links) Status(name string) (bond.Status, error) {
	l.mu.Lock()
	s, known := l.statuses[name]
	l.mu.Unlock()
	if known {
		return s, nil
	}
	return bond.ReadStatus(name)
}

// judge weighs one link by itself. The caller holds mu.
func (l *Links) judge(s bond.Status) Standing {
	weights := bond.Weights{PerMissingLink: 1}
	if c := l.configs[s.Name]; c.MinLinks != nil {
		weights.MinLinks = *c.MinLinks
	}
	eligible, adjustment, why := bond.Health(s, weights)
	return Standing{Link: s.Name, Missing: -adjustment, Why: why, Unfit: !eligible, Dead: s.Dead()}
}

// View is one link with what else is known of it.
type View struct {
	bond.Status
	Standing Standing
	InFile   bool    // it is a bond of the node file
	Problem  string  // why it is not as the file says
	Events   []Event // oldest first
}

// Views returns the bonds, teams and interfaces that are watched, by name.
func (l *Links) Views() []View {
	l.mu.Lock()
	defer l.mu.Unlock()
	var views []View
	for _, name := range slices.Sorted(maps.Keys(l.statuses)) {
		v := View{Status: l.statuses[name], Standing: l.judge(l.statuses[name]), Problem: l.problems[name]}
		_, v.InFile = l.configs[name]
		for _, e := range l.events {
			if e.Link == name {
				v.Events = append(v.Events, e)
			}
		}
		views = append(views, v)
	}
	return views
}
