package hooks

// Role is what a node is to a group, in keepalived's words.
type Role string

// The roles.
const (
	Master Role = "MASTER" // it carries the group's addresses
	Backup Role = "BACKUP" // it does not, and could
	Fault  Role = "FAULT"  // it could not: an interface, a check, or the kernel says so
	Stop   Role = "STOP"   // its daemon ends, or it has to do with the group no more
)

// Moment is a role and what a script is told of it.
type Moment struct {
	Role   Role
	Serial uint64 // of the newest assignment; a MASTER's is its fencing token, 0 without a majority
	Reason string
	// Priority is the node's effective one for the group.
	Priority  int
	Addresses string // of the group, separated by blanks

	// Previous is the role that scripts were run for before; empty: none. Skipped is how many roles since then were
	// overtaken before they could be told. Both are the queue's to fill in.
	Previous Role
	Skipped  int
}

// news reports whether a moment says something that a script which ran for the other does not know: a MASTER's serial
// counts, since it is a token.
func (m Moment) news(told Moment) bool {
	return m.Role != told.Role || m.Role == Master && m.Serial != told.Serial
}

// queue orders what the scripts of one group are run for. It has no clock and starts nothing.
type queue struct {
	told    Moment  // scripts were run for it, or are
	waiting *Moment // for the end of what runs
	running bool
	skipped int
}

// say takes in what the node is now, and returns what to run scripts for at once, or nil. Where nothing was told,
// nothing stops.
func (q *queue) say(m Moment) *Moment {
	if q.waiting != nil {
		if !m.news(*q.waiting) {
			return nil
		}
		q.skipped++
		q.waiting = nil
	}
	if !m.news(q.told) || q.told.Role == "" && m.Role == Stop {
		return nil
	}
	q.waiting = &m
	return q.next()
}

// ended says that the scripts of what ran last have ended, and returns what to run next, or nil.
func (q *queue) ended() *Moment {
	q.running = false
	return q.next()
}

func (q *queue) next() *Moment {
	if q.running || q.waiting == nil {
		return nil
	}
	m := *q.waiting
	m.Previous, m.Skipped = q.told.Role, q.skipped
	q.told, q.waiting, q.running, q.skipped = m, nil, true, 0
	return &m
}

// idle reports whether nothing runs and nothing waits.
func (q *queue) idle() bool { return !q.running && q.waiting == nil }
