// Package probe watches addresses from a client on their segment and says how
// long nobody answered for them, who answered, and whether two hosts did at once.
//
// # What is sent
//
// For each address, on a packet socket, with frames built by hand:
//
//   - Echo: an echo request to the MAC that a client would have in its neighbour
//     cache: the one most recently announced (gratuitous ARP, unsolicited
//     neighbour advertisement); see [Options.Relearn].
//   - Resolve: a broadcast ARP request, or a neighbour solicitation to the
//     solicited-node group.
//   - Census: an echo request and an ARP request or neighbour solicitation to
//     each known host by unicast, whoever is believed to have the address.
//     Whoever has it answers, so this finds a second holder that hides behind
//     the switch's tables.
//
// # What is reported
//
// A silence of a stream is the time between two consecutive answers received,
// stamped by the kernel; one probing interval is the floor. A silence at the end
// lasts until the end of the recording and is marked open. Moments at which the
// prober itself stalled are reported, and a silence says how much of it they cover.
//
// Two hosts answer at once if X, Y and X again answered requests of which each was
// sent after the answer before it had arrived, all within [Options.Window]. So Y
// had the address between two moments at which X had it. A single change from X
// to Y, however quick, is no double answer; nor is a way back slower than the
// window. As soon as the answering host changes, both are asked again at once,
// so an overlap of a fraction of a millisecond is enough once a request hits it.
// Broadcast requests take no part in this, since an ARP reply does not say which
// request it answers. An answer from a VRRP virtual MAC counts for the host that
// was asked, or for nobody if none was.
package probe
