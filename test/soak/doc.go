// Package soak is a long run of everything at once: all tools, all backends
// that were built, sessions of every size, closes and faults at random. It
// counts what is lost, left, broken or not as it should be.
//
//	make soak                     ten minutes
//	make soak SOAK=1h SEED=7      one hour; the same seed makes the same plans
package soak
