// Package model holds the quorum lease as a Promela model, lease.pml, and a test that has spin visit every
// state of it. The model says what it abstracts.
package model
