// Package cli runs the real programs, as an administrator would: under a
// descriptor layout like a super-server's, with a program behind them that
// does what a test says, and a peer in front of them that may misbehave.
//
// It has tests only. Each file is a topic and its test names read as a
// checklist; what they share is in main, process, app, stage, peer and tap.
//
// make is run first, with BACKEND from UCSPITLS_BACKEND (default gotls).
// A missing peer is skipped with the name of its package; with
// UCSPITLS_REQUIRE_PEERS=1 it fails.
package cli
