package vrrp

import "errors"

// Reason is why a packet was dropped. It is an error, so that Parse can wrap it with details, and a
// name to count by.
type Reason string

// The reasons.
const (
	BadLength        Reason = "bad length"
	BadVersion       Reason = "bad version" // neither 2 nor 3, or not the one configured
	BadType          Reason = "bad type"    // not an advertisement
	BadChecksum      Reason = "bad checksum"
	BadVRID          Reason = "bad vrid"     // zero
	BadInterval      Reason = "bad interval" // zero: it would make a backup's timer run out at once
	BadTTL           Reason = "bad ttl"
	BadAuthType      Reason = "bad auth type" // unknown, or not the one configured
	BadFamily        Reason = "bad family"    // IPv4 where IPv6 is configured, or the reverse
	WrongVRID        Reason = "wrong vrid"    // of another virtual router
	AuthMismatch     Reason = "auth mismatch" // wrong password
	IntervalMismatch Reason = "interval mismatch"
	AddressMismatch  Reason = "address list mismatch"
	WantUnicast      Reason = "multicast to a unicast router"
	WantMulticast    Reason = "unicast to a multicast router"
	UnknownPeer      Reason = "unknown peer"
	OwnPacket        Reason = "own packet" // from our own source address
)

// Reasons lists every reason, so that counters can start at zero.
func Reasons() []Reason {
	return []Reason{
		BadLength, BadVersion, BadType, BadChecksum, BadVRID, BadInterval, BadTTL, BadAuthType, BadFamily,
		WrongVRID, AuthMismatch, IntervalMismatch, AddressMismatch, WantUnicast, WantMulticast, UnknownPeer, OwnPacket,
	}
}

// Error is the reason's name.
func (r Reason) Error() string { return string(r) }

// ReasonOf finds the reason in an error of Parse or Marshal; empty if there is none.
func ReasonOf(err error) Reason {
	var r Reason
	if errors.As(err, &r) {
		return r
	}
	return ""
}
