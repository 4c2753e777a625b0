// Package vip puts virtual addresses on this host and takes them away again: it observes what is there,
// plans the difference (a pure function), executes it with netlink in batches, and reads back what came
// of it.
//
// # Whose address is it
//
// Every address added here carries Mark in IFA_PROTO (Linux 5.18).
// Several daemons may share a network namespace, so the mark alone is not enough: a Host touches only
// addresses that carry the mark and that it added itself, or that RemoveLeftovers was told about. An
// address somebody else has is never changed, even where it stands in the way of a wanted one.
//
// # How an address is added
//
//   - With a finite valid lifetime, which Refresh renews. A dead daemon's addresses leave the kernel by
//     themselves.
//   - IPv6 without duplicate address detection (IFA_F_NODAD): the address is usable at once, and the
//     previous holder is known to be gone by other means.
//   - IPv6 with preferred lifetime 0: the host does not choose an address that will move as the source of
//     its own connections (RFC 6724 section 5, rule 3), unless it has no other. keepalived does so for /128
//     only; the reason does not depend on the prefix length. IPv4 has no such preference.
//   - IPv4 exactly as keepalived does: a prefix shorter than /32 brings its connected route. Its
//     interface gets promote_secondaries, since otherwise taking away the first address of a subnet takes
//     along all others in it, the host's own included.
//   - IPv6 shorter than /128 brings its connected route, unless the interface already has an address of
//     that subnet. Then it has the route too, and sharing it would give it our finite lifetime. A /128
//     brings none.
//
// An Address may ask for something else: its own connected route or not (NoPrefixRoute), PreferredLft, a scope, a
// broadcast address, a peer. What the kernel has is compared in all of that, and an address whose shape changes is
// removed and added. The flags that prevent an IPv6 route are not told apart by who wanted them.
package vip
