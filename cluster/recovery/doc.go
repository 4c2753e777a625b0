// Package recovery decides whether, and as what, a cluster that lost the majority of its voters for good can go on from
// one that is left. It is pure: who answers, and how new its log is, it is told.
package recovery
