// Package faults is what can go wrong around a session, tried on the backend
// of the build: two tunnels back to back, with prog on either side, a network
// that cuts, delays, splits, fills, swallows and resets wherever it is told
// to, and a clock that the tests turn. Nothing in it waits.
//
// UCSPITLS_FAULTS=1 tries every byte of a session; without it those around
// the ends of records, and some of the others.
package faults
