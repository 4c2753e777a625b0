// Package announce tells the neighbours on the link where an address lives now: by gratuitous ARP for
// IPv4 (RFC 5227 section 3, RFC 5944 section 4.6) and by unsolicited neighbour advertisements for IPv6
// (RFC 4861 section 7.2.6).
//
// Frames are built whole and sent through packet sockets, so that neither routing nor the state of the
// address in the kernel matters: an announcement can leave the instant the address is there. It follows
// that no packet filter for ARP or IP sees them, and that only Stop and Options.Permit keep a host from
// announcing what it has no right to.
//
// ARP announcements alternate between the two forms in use. Most hosts take either; some take only a
// request, others only a reply.
package announce
