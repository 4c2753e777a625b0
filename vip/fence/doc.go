// Package fence makes the kernel enforce a lease: packets for and from guarded addresses pass only while a
// packet-filter set holds an element whose timeout the daemon keeps renewing. Nothing has to run for the gate to shut.
//
// # Tables
//
// A daemon instance has two nftables tables, arp and inet, both named vipd-<instance>. In each of them:
//
//   - guarded is every address that the daemon has on this host, is about to put on it or is taking off it. Packets of
//     other addresses are untouched, so what is forwarded through this host to an address elsewhere passes.
//   - held is the part of guarded that this host may answer for.
//   - lease_a and lease_b hold elements with a timeout; use_a and use_b say which of the two counts.
//
// A packet of a guarded address passes if the address is held and the lease in use is alive. Everything else of a
// guarded address is dropped and counted. The keys of the lease sets are protocol families, because every rule can
// load its own family, on any kernel.
//
// The hooks are arp input (by target) and output (by sender), inet prerouting at priority -450 (by destination; before
// defragmentation, connection tracking and destination NAT, all of which must see neither a packet that is dropped
// here nor hide the address it was sent to) and inet postrouting at priority 300 (by source; after source NAT, which
// may have put a guarded address on a packet that is forwarded). Neighbour solicitations and advertisements are judged
// by their target (RFC 4861, sections 4.3 and 4.4), since a solicitation is sent to a multicast address.
//
// # Why two lease sets
//
// A timeout is relative: it counts from when the kernel reads it. If the process is stopped between reading the clock
// and the kernel's reading the message, the gate would stay open for that much too long. So [Fence.Extend] writes the
// new element into the set that is not in use, reads the clock again, and only if little enough time has passed (which
// was taken off the timeout beforehand) makes that set the one in use, with a second transaction that says nothing
// about time and can therefore be late without harm. That second transaction also deletes the old element, which the
// kernel refuses if it has expired: a gate that has shut is never opened again by an extension.
//
// # Limits
//
// The kernel counts timeouts in jiffies and rounds down, so the gate shuts up to two jiffies early, and late only by as
// much as the kernel's own tick is late. Frames that a program sends through a packet socket (AF_PACKET) pass no hook
// used here, nor do flows that a flowtable or XDP program forwards. ARP is understood on links with 6-byte addresses.
package fence
