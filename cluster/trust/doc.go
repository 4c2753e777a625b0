// Package trust turns one cluster secret into everything that nodes of a cluster trust each other by: the
// gossip key and a certificate authority from which each node issues its own certificate, for TLS 1.3
// with both sides verified.
//
// Whoever has the secret is a node of the cluster, under any name. A node is shut out by rotating the
// secret on the others, not by waiting for a certificate to expire: every node has the authority's key,
// so a short life would take nothing away from anybody. Certificates therefore do not expire and are
// verified without looking at a clock; a node whose clock is years off still joins and still serves.
// The private key of a certificate is made anew at each start and is never stored.
package trust
