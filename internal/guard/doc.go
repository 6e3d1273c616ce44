// Package guard is key separation, TLS_KEYGUARD=1: the process that parses
// what strangers send never has the private key.
//
//	 network   ┌────────────────────────┐            ┌────────────────────────┐
//	◄─────────►│ s6-tlsd-io             │ socketpair │ its guard, the same    │
//	 prog      │ CERTFILE, CADIR, ...   │◄──────────►│ executable and ids     │
//	◄─────────►│ opens no KEYFILE       │          0 │ KEYFILE, KEYFILE:x     │
//	           └────────────────────────┘            └────────────────────────┘
//
// The -io program starts its own executable a second time, recognised by its
// argv[0], before any file is opened. The guard opens the key files, gives up
// rights as the -io does, reads and checks the default key and says what its
// public key is. Then it does two things on request: it commits itself to one
// of its pairs, closing all others, and it signs.
//
// It is no signing oracle. It is given the whole of what TLS signs and looks
// whether it is that (form.go), hashes and pads it itself, and does so once:
// then it ends. It ends as well when the -io does, however that comes about,
// and when anything is asked that a sound -io does not ask. So whoever takes
// over an -io can have one signature for his own connection, where without a
// guard he has the key.
//
// The guard of a shared tunnel process's worker is the same but for its policy
// (shared.go): it has the keys of all pairs, signs for any of them at a limited
// rate, and lives as long as the worker.
//
// This package knows no cryptography: the backend holds the key.
package guard
