// Package vrrp speaks the Virtual Router Redundancy Protocol with routers outside the cluster: version 2
// (RFC 3768, with keepalived's use of the authentication field) and version 3 (RFC 5798, RFC 9568), over
// IPv4 and IPv6.
//
// It has three parts that know nothing of each other's insides:
//
//   - Advertisement, with Marshal and Parse, is the packet.
//   - Machine is one virtual router as a pure state machine: no clock, no socket, no goroutine. It decides
//     which packets count; Packet.VRID says which Machine of an interface to ask.
//   - Conn sends and receives the packets; VirtualMAC is the interface with the protocol's MAC address.
//
// States and output use keepalived's words (BACKUP, MASTER); RFC 9568 calls MASTER "Active".
package vrrp
