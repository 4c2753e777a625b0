package vrrp

// Event is something that happened to a virtual router.
type Event interface{ event() }

// Start is RFC 9568's Startup: the interface is up and the router may take part.
type Start struct{}

// Inherit starts as MASTER at once, with an advert: a predecessor in the cluster was master and is gone,
// and the peers shall not notice. A master of higher priority still wins by its next advert.
type Inherit struct{}

// Shutdown stops. A master says so to its peers with priority 0, unless Silent: then somebody inherits.
type Shutdown struct{ Silent bool }

// Tick says that time has passed. It does nothing before Deadline.
type Tick struct{}

// Received is a packet that arrived, and how its sender stands to this router.
type Received struct {
	Packet   Packet
	Standing Standing
}

// Standing is a sender's rank before priorities are compared, for routers that know more of each other than
// the protocol tells.
type Standing uint8

// The standings.
const (
	ByPriority Standing = iota // as the RFCs have it
	// Senior is left alone by a BACKUP, whatever its priority. Two masters compare priorities.
	Senior
	// Junior is not in the way of a BACKUP, and a MASTER never yields to it.
	Junior
)

// SetPriority changes the priority, 1 to 255. A running timer of a BACKUP is counted anew from when it was
// set (keepalived rescales it likewise); a MASTER's next advert carries the new value.
type SetPriority struct{ Priority uint8 }

func (Start) event()       {}
func (Inherit) event()     {}
func (Shutdown) event()    {}
func (Tick) event()        {}
func (Received) event()    {}
func (SetPriority) event() {}
