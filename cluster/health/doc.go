// Package health runs a node's checks: one machine per check decides when it runs and what its results mean, and a
// Monitor carries that out.
package health
